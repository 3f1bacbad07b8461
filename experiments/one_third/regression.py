"""The control without softmax: squared loss on the logits of a linear model.

There a power law in time needs one in the data: inputs whose covariance has the eigenvalues
i^-spectrum give loss ~ τ^-((a-1)/a) for spectrum a > 1, and isotropic ones (a = 0) an exponential,
exp(-2τ) (arXiv 2602.03685, App. D.6).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.module import functional
from jaxlab.models.softmax import LinearSoftmax


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict({"name": "regression", "features": 512, "outputs": 8, "spectrum": 2.0})
    config.model = ConfigDict({"name": "linear"})
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    one_of(config, "model.name", ("linear",))
    check(config.task.spectrum >= 0, f"task.spectrum is {config.task.spectrum}: give 0 or more")
    for key in ("features", "outputs"):
        check(config.task[key] >= 1, f"task.{key} is {config.task[key]}: it must be at least 1")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    dtype = jnp.dtype(config.train.compute_dtype)
    init_student, student = functional(
        lambda rngs: LinearSoftmax(task.features, task.outputs, dtype, rngs)
    )

    def init(key: jax.Array, values: Values) -> Params:
        return jax.tree.map(jnp.zeros_like, init_student(key))

    def make_teacher(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        shape = (task.features, task.outputs)
        # Signs: every mode has the same weight, so that no teacher bends the power law.
        return {"teacher_MxN": jax.random.rademacher(batch_id.key(values), shape, jnp.float32)}

    def draw_white(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        return {"white_BxM": jax.random.normal(key, (batch_size, task.features))}

    def colour(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        mode_M = jnp.arange(1, task.features + 1, dtype=jnp.float32)
        deviation_M = mode_M ** (-values["task.spectrum"] / 2)
        return {"x_BxM": batch["white_BxM"] * deviation_M[None, :]}

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        # The difference of the weights, not of the outputs: exact where the two are close.
        apart = {"head": {"kernel": params["head"]["kernel"] - batch["teacher_MxN"]}}
        return 0.5 * jnp.mean(jnp.sum(jnp.square(student(apart, batch["x_BxM"])), axis=-1))

    return Experiment(
        init=init,
        loss=loss,
        evaluate=lambda params, batch, values: {"loss": loss(params, batch, values)},
        fixed=(Shared(("seed",), make_teacher),),
        batch=(Shared(("seed",), draw_white), Shared(("seed", "task.spectrum"), colour)),
    )
