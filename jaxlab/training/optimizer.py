"""optax optimisers whose hyperparameters are traced, so that members differ without recompiling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from jaxlab.config import OPTIMIZERS
from jaxlab.experiment import Values
from jaxlab.training.schedule import rate_fraction


def normalized(learning_rate) -> optax.GradientTransformation:
    """Returns gradient descent with steps of one length: the gradient over its norm."""
    return optax.chain(
        optax.normalize_by_update_norm(), optax.scale_by_learning_rate(learning_rate)
    )


def muon(learning_rate, momentum) -> optax.GradientTransformation:
    """Returns Muon: orthogonalised momentum for matrices, Adam for all else (optax's own)."""
    return optax.contrib.muon(learning_rate, beta=momentum)


# A function of the learning rate and of what `jaxlab.config.OPTIMIZERS` says that it reads.
RULES = {
    "sgd": optax.sgd,
    "momentum": optax.sgd,
    "normalized": normalized,
    "sign": optax.sign_sgd,
    "adam": optax.adam,
    "adamw": optax.adamw,
    "muon": muon,
}


def make(config, values: Values) -> optax.GradientTransformation:
    """Returns a member's optimiser, to be used where its values are traced.

    Args:
        config: the static config: the names of the optimiser and schedule, the number of steps.
        values: the member's traced values.
    """
    steps, name = config.train.steps, config.optimizer.name

    def learning_rate(step: jax.Array) -> jax.Array:
        fraction = rate_fraction(config.schedule.name, values, step, steps)
        return values["optimizer.learning_rate"] * fraction

    clip_norm = values["optimizer.clip_norm"]
    hyperparameters = {key: values[f"optimizer.{key}"] for key in OPTIMIZERS[name]}
    return optax.chain(
        optax.clip_by_global_norm(jnp.where(clip_norm > 0, clip_norm, jnp.inf)),
        optax.inject_hyperparams(RULES[name])(learning_rate=learning_rate, **hyperparameters),
        grow_weights(values["schedule.weight_growth"], values["schedule.offset"]),
    )


def grow_weights(power: jax.Array, offset_steps: jax.Array) -> optax.GradientTransformation:
    """Returns the last link of a chain: it also scales the weights, as (1 + step / offset)^power.

    Weight decay with the sign turned, and falling as 1/t. For SGD on a linear model it is a logit
    scale s on this schedule over weights V = W / s whose own rate is η / s²: then the step
    ΔV = -(η / s²) ∇_V L is ΔW = -η ∇_W L, and W grows with s.
    """

    def init(params):
        return optax.ScaleByScheduleState(jnp.int32(0))

    def update(updates, state, params=None):
        now = (1 + state.count / offset_steps) ** power
        factor = (1 + (state.count + 1) / offset_steps) ** power / now
        grown = jax.tree.map(lambda u, w: u + (factor - 1) * (w + u), updates, params)
        return grown, optax.ScaleByScheduleState(state.count + 1)

    return optax.GradientTransformation(init, update)
