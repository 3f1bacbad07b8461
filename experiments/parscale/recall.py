"""Memory: random pairs of key and value, trained and evaluated on the same table."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from experiments.parscale import answers, model
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.tasks import recall
from jaxlab.tasks.shuffle import batch_indices


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = model.base()
    config.task = ConfigDict(
        {
            "name": "recall",
            "vocabulary": 64,  # a value is any token; so is a digit below `base`
            "pairs": 4096,  # N
            "base": 16,
            "digits": 3,  # tokens of a key
        }
    )
    config.train.batch_size = 256
    config.eval.batches = 16  # the whole table
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    check(
        2 <= task.base <= task.vocabulary,
        f"task.base is {task.base}: give 2 to task.vocabulary = {task.vocabulary} digits",
    )
    check(task.digits >= 1, f"task.digits is {task.digits}: a key has at least 1")
    check(
        1 <= task.pairs <= task.base**task.digits < 2**31,
        f"task.pairs is {task.pairs}: {task.digits} digits of base {task.base} tell "
        f"{task.base**task.digits} keys apart, and the last must fit in 31 bits",
    )
    evaluated = config.train.batch_size * config.eval.batches
    check(
        evaluated == task.pairs,
        f"train.batch_size x eval.batches is {evaluated}: what is stored is measured on every pair "
        f"once, so make it task.pairs = {task.pairs}",
    )


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    whole = model.streams(config)

    def draw_table(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        return {"value_N": recall.table(batch_id.key(values), task.pairs, task.vocabulary)}

    def draw_pairs(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        if batch_id.split == "train":
            key_B = batch_indices(batch_id.key(values), batch_id.step, batch_size, task.pairs)
        else:  # the table in its order
            key_B = batch_id.step % config.eval.batches * batch_size + jnp.arange(batch_size)
        return {
            "key_BxT": recall.digits(key_B, task.base, task.digits),
            "value_B": batch["value_N"][key_B],
        }

    def answer_loss(params: Params, batch: Batch, values: Values) -> tuple[jax.Array, jax.Array]:
        value_Bx1 = batch["value_B"][:, None]
        return answers.answer_loss(
            whole, params, batch["key_BxT"], value_Bx1, values["streams.smoothing"]
        )

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        loss_Bx1, right_Bx1 = answer_loss(params, batch, values)
        return {"loss": jnp.mean(loss_Bx1), "accuracy": jnp.mean(right_Bx1)}

    return Experiment(
        init=model.initializer(config, whole),
        loss=lambda params, batch, values: jnp.mean(answer_loss(params, batch, values)[0]),
        evaluate=evaluate,
        fixed=(Shared(("seed",), draw_table),),
        batch=(Shared(("seed",), draw_pairs),),
        info=model.info(config, whole),
        frozen=model.frozen(config),
        start=model.start(config),
    )
