"""The serial-depth experiment: any task with any model, by their names in the config."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from experiments.serial import diffusion, models, named, scratchpad, tasks, unrolled
from experiments.serial.readings import readings
from jaxlab import config as configs
from jaxlab.analysis.serial_depth import measure
from jaxlab.config import Config
from jaxlab.experiment import (
    Batch,
    BatchId,
    Experiment,
    ExperimentModule,
    Params,
    Shared,
    Values,
)

EVALUATIONS = {"scratchpad": scratchpad, "looped": unrolled}  # models that are evaluated their way


def config(task: str | type, model: str | type) -> Config:
    """Returns the base of the configs with this task and model.

    Args:
      task: a name of `tasks.TASKS`, or a dataclass like those.
      model: a name of `models.MODELS`, or a dataclass with `init(key)` and `apply(params, tokens)`.
    """
    task = task if isinstance(task, str) else named.name_of(task)
    model = model if isinstance(model, str) else named.name_of(model)
    config = configs.base()
    config.experiment = "serial"
    config.task = ConfigDict({"name": task, **tasks.defaults(task)})
    config.model = ConfigDict({"name": model, **models.defaults(model)})
    config.optimizer.learning_rate = 3e-3
    config.schedule.name = "cosine"
    config.schedule.final = 0.0
    config.train.batch_size = 64
    return config


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    tasks.validate(config)
    models.validate(config, tasks.make(config))
    if config.model.name == "diffusion":
        diffusion.validate(config)
    if config.model.name in EVALUATIONS:
        EVALUATIONS[config.model.name].validate(config)


def unused_keys(config: Config) -> set[str]:
    """Returns the keys of other models that the model of a config does not use."""
    read = {"name", *models.defaults(config.model.name)}
    unused = {f"model.{key}" for key in config.model if key not in read}
    return unused | {"train.compute_dtype"}  # every model here computes in float32


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = tasks.make(config), config.train.batch_size
    model = models.make(config, task)
    if config.model.name == "diffusion":
        return diffusion.build(task, model, config)
    tested, parts = models.tested(model), tasks.parts(task)
    cost = measure(tested, task.length)

    def draw(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        return tasks.batch(task, batch_id, batch_size, values)

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        own = models.wired(model, values)
        logits_xBxNxC = own.apply(params, batch["tokens_BxN"])  # votes have an axis in front
        of_all = logits_xBxNxC.shape[:-1]
        nats_xBxN = optax.softmax_cross_entropy_with_integer_labels(
            logits_xBxNxC, jnp.broadcast_to(batch["targets_BxN"], of_all)
        )
        return mean(nats_xBxN, jnp.broadcast_to(batch["counted_BxN"], of_all))

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        own = models.wired(tested, values)
        answers_BxN = jnp.argmax(own.apply(params, batch["tokens_BxN"]), axis=-1)
        right_BxN, counted_BxN = answers_BxN == batch["targets_BxN"], batch["counted_BxN"]
        return {
            "loss": loss(params, batch, values),
            "accuracy": mean(right_BxN, counted_BxN),
            "row_accuracy": mean(
                jnp.all(right_BxN | ~counted_BxN, axis=1), jnp.any(counted_BxN, axis=1)
            ),
            **{f"accuracy_{name}": jnp.mean(right_BxN[:, part]) for name, part in parts.items()},
            **tasks.by_collisions(batch, right_BxN),
        }

    plain = Experiment(
        init=lambda key, values: model.init(key),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(tasks.depends(task), draw),),
        info={"cost": cost._asdict(), "tokens_per_example": task.length}
        | getattr(task, "info", {}),
    )
    own = EVALUATIONS.get(config.model.name)
    return own.evaluated(plain, model, config) if own else plain


def mean(values: jax.Array, is_asked: jax.Array) -> jax.Array:
    """Returns the mean of what is asked, 0 where nothing is."""
    return jnp.sum(values * is_asked) / jnp.maximum(jnp.sum(is_asked), 1)


EXPERIMENT = ExperimentModule(validate, unused_keys, build, readings)
