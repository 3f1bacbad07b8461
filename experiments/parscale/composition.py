"""Reasoning: where a ball is after swaps of the cups, new ones at every step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from experiments.parscale import answers, model
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.tasks import composition


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = model.base()
    config.task = ConfigDict(
        {
            "name": "composition",
            "vocabulary": 15,  # at least the tokens that `places` needs
            "places": 5,
            "swaps": 8,  # K: the answer is asked for after each
        }
    )
    config.train.batch_size = 256
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    check(task.places >= 2, f"task.places is {task.places}: a swap needs at least 2")
    tokens = composition.vocabulary(task.places)
    check(
        task.vocabulary >= tokens,
        f"task.vocabulary is {task.vocabulary}: swaps of {task.places} places need {tokens} tokens",
    )
    check(task.swaps >= 1, f"task.swaps is {task.swaps}: it must be at least 1")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    whole = model.streams(config)

    def draw_chains(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        return composition.draw(key, batch_size, task.swaps, task.places)._asdict()

    def answer_loss(params: Params, batch: Batch, values: Values) -> tuple[jax.Array, jax.Array]:
        tokens_BxT, answer_BxK = batch["tokens_BxT"], batch["answer_BxK"]
        return answers.answer_loss(
            whole, params, tokens_BxT, answer_BxK, values["streams.smoothing"]
        )

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        loss_BxK, right_BxK = answer_loss(params, batch, values)
        found = {"loss": jnp.mean(loss_BxK), "accuracy": jnp.mean(right_BxK)}
        for k in range(task.swaps):
            found[f"loss_{k + 1}"] = jnp.mean(loss_BxK[:, k])
            found[f"accuracy_{k + 1}"] = jnp.mean(right_BxK[:, k])
        return found

    return Experiment(
        init=model.initializer(config, whole),
        loss=lambda params, batch, values: jnp.mean(answer_loss(params, batch, values)[0]),
        evaluate=evaluate,
        batch=(Shared(("seed",), draw_chains),),
        info=model.info(config, whole),
        frozen=model.frozen(config),
        start=model.start(config),
    )
