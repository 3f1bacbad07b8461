"""Two classes whose margins have a density that is dialled: what the exponent comes from.

An input is d u y plus noise in all other directions: u is the teacher's direction, y = ±1 the
label, and the margin d has the density ~ (d - gap)^density on [gap, gap + 1]. Near-ties make the
law: with density d^ν the loss falls as τ^-((ν+1)/(ν+3)), and behind a gap as 1/τ (derived in
`jaxlab.analysis.theory`; arXiv 2609.37745 has the same).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.losses import cross_entropy
from jaxlab.models.module import functional
from jaxlab.models.softmax import LinearSoftmax


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict({"name": "margin", "features": 8, "density": 0.0, "gap": 0.0})
    config.model = ConfigDict({"name": "linear"})
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    one_of(config, "model.name", ("linear",))
    check(task.features >= 1, f"task.features is {task.features}: it must be at least 1")
    check(task.density > -1, f"task.density is {task.density}: d^density has no integral below -1")
    check(task.gap >= 0, f"task.gap is {task.gap}: it must not be negative")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    dtype = jnp.dtype(config.train.compute_dtype)
    init_student, student = functional(lambda rngs: LinearSoftmax(task.features, 2, dtype, rngs))

    def init(key: jax.Array, values: Values) -> Params:
        return jax.tree.map(jnp.zeros_like, init_student(key))

    def make_direction(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        u_M = jax.random.normal(batch_id.key(values), (task.features,))
        return {"u_M": u_M / jnp.linalg.norm(u_M)}

    def draw(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        noise, margin, label = jax.random.split(key, 3)
        u_M = batch["u_M"]
        g_BxM = jax.random.normal(noise, (batch_size, task.features))
        uniform_B = jax.random.uniform(margin, (batch_size,))
        d_B = values["task.gap"] + uniform_B ** (1 / (values["task.density"] + 1))
        y_B = jax.random.bernoulli(label, shape=(batch_size,)).astype(jnp.int32)
        along_B = d_B * (2 * y_B - 1) - g_BxM @ u_M
        return {"x_BxM": g_BxM + along_B[:, None] * u_M[None, :], "class_B": y_B}

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_Bx2 = student(params, batch["x_BxM"])
        return jnp.mean(cross_entropy(logits_Bx2, batch["class_B"], jnp.zeros(())))

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        w_Mx2 = params["head"]["kernel"]
        logits_Bx2 = student(params, batch["x_BxM"])
        return {
            "loss": loss(params, batch, values),
            "error": jnp.mean((logits_Bx2[:, 1] > logits_Bx2[:, 0]) != (batch["class_B"] == 1)),
            "logit_scale": jnp.vdot(w_Mx2[:, 1] - w_Mx2[:, 0], batch["u_M"]),  # per unit of d
        }

    return Experiment(
        init=init,
        loss=loss,
        evaluate=evaluate,
        fixed=(Shared(("seed",), make_direction),),
        batch=(Shared(("seed", "task.density", "task.gap"), draw),),
    )
