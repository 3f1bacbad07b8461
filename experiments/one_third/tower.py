"""A residual tower that learns a deeper one of its kind (arXiv 2602.03685, App. D.7)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.module import functional
from jaxlab.models.tower import ResidualTower
from jaxlab.tasks import peaked


def config() -> Config:
    """Returns the shallowest student of the paper, at its coldest temperature."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "tower",
            "features": 32,
            "classes": 128,
            "blocks": 128,  # of the teacher
            "temperature": 1e-2,
        }
    )
    config.model = ConfigDict({"name": "residual_tower", "blocks": 6})  # of the student
    config.optimizer.learning_rate = 6e-4
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    one_of(config, "model.name", ("residual_tower",))
    task = config.task
    check(task.temperature > 0, f"task.temperature is {task.temperature}: it must be above 0")
    check(task.classes >= 2, f"task.classes is {task.classes}: a softmax needs at least 2")
    sizes = ("task.features", "task.blocks", "model.blocks")
    for key, value in configs.leaves(config):
        check(key not in sizes or value >= 1, f"{key} is {value}: it must be at least 1")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    dtype = jnp.dtype(config.train.compute_dtype)

    def tower(blocks: int, dtype: jnp.dtype):
        return functional(
            lambda rngs: ResidualTower(task.features, blocks, task.classes, dtype, rngs)
        )

    init_teacher, teacher = tower(task.blocks, jnp.dtype("float32"))  # its logits are divided by T
    init_student, student = tower(config.model.blocks, dtype)

    def init(key: jax.Array, values: Values) -> Params:
        params = init_student(key)
        zeros = {name: jnp.zeros_like(params[name]) for name in ("projection_LxHxM", "head_MxN")}
        return params | zeros

    def make_teacher(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        params = init_teacher(batch_id.key(values))
        # The blocks add up like a random walk: so scaled, the sum is as large as one of them.
        scaled = params["projection_LxHxM"] / task.blocks**0.5
        return {"teacher": params | {"projection_LxHxM": scaled}}

    def draw_inputs(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        x_BxM = peaked.inputs(key, batch_size, task.features)
        teacher_BxN = teacher(batch["teacher"], x_BxM)
        drawn = {"x_BxM": x_BxM, "teacher_BxN": teacher_BxN}
        return drawn | {"best_B": peaked.best_class(teacher_BxN)}

    def draw_targets(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        p_BxN, entropy_B = peaked.soft_targets(batch["teacher_BxN"], values["task.temperature"])
        return {"p_BxN": p_BxN, "negative_entropy_B": entropy_B}

    def divergence(logits_BxN: jax.Array, batch: Batch) -> jax.Array:
        return jnp.mean(
            peaked.kl_divergence(logits_BxN, batch["p_BxN"], batch["negative_entropy_B"])
        )

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        return divergence(student(params, batch["x_BxM"]), batch)

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_BxN = student(params, batch["x_BxM"])
        return {
            "loss": divergence(logits_BxN, batch),
            "error": jnp.mean(peaked.best_class(logits_BxN) != batch["best_B"]),
            "logit_std": jnp.mean(jnp.std(logits_BxN, axis=-1)),
        }

    return Experiment(
        init=init,
        loss=loss,
        evaluate=evaluate,
        fixed=(Shared(("seed",), make_teacher),),
        batch=(
            Shared(("seed",), draw_inputs),
            Shared(("seed", "task.temperature"), draw_targets),
        ),
    )
