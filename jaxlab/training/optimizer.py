"""optax optimisers whose hyperparameters are traced, so that members differ without recompiling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxlab.experiment import Values
from jaxlab.training.schedule import rate_fraction

# optax's rule, and what it reads of `optimizer` besides the learning rate.
RULES = {
    "sgd": (optax.sgd, ()),
    "momentum": (optax.sgd, ("momentum",)),
    "adam": (optax.adam, ("b1", "b2", "eps")),
    "adamw": (optax.adamw, ("b1", "b2", "eps", "weight_decay")),
}


def make(config, values: Values) -> optax.GradientTransformation:
    """Returns a member's optimiser, to be used where its values are traced.

    Args:
        config: the static config: the names of the optimiser and schedule, the number of steps.
        values: the member's traced values.
    """
    steps = config.train.steps
    rule, names = RULES[config.optimizer.name]

    def learning_rate(step: jax.Array) -> jax.Array:
        fraction = rate_fraction(config.schedule.name, values, step, steps)
        return values["optimizer.learning_rate"] * fraction

    clip_norm = values["optimizer.clip_norm"]
    return optax.chain(
        optax.clip_by_global_norm(jnp.where(clip_norm > 0, clip_norm, jnp.inf)),
        optax.inject_hyperparams(rule)(
            learning_rate=learning_rate, **{name: values[f"optimizer.{name}"] for name in names}
        ),
    )
