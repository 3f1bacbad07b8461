"""Real text: every next token from those before it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from experiments.parscale import model
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.tasks import corpus
from jaxlab.tasks.shuffle import batch_indices


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = model.base()
    config.task = ConfigDict(
        {
            "name": "text",
            "dataset": "python_source",  # a TFDS set; this one is built offline
            "data_dir": "data",
            "vocabulary": 256,
            "length": 128,  # tokens in a row
            "first_step": 0,  # of the data: a second stage goes on where the first stopped
        }
    )
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    check(task.vocabulary >= 256, f"task.vocabulary is {task.vocabulary}: bytes need at least 256")
    check(task.length >= 1, f"task.length is {task.length}: it must be at least 1")
    check(task.first_step >= 0, f"task.first_step is {task.first_step}: it must not be negative")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    whole = model.streams(config)
    data, sizes, info = {}, {}, {}
    for split, name in (("train", "train"), ("eval", "validation")):
        text = corpus.load_bytes(task.dataset, name, task.data_dir)
        starts = corpus.window_starts(text, task.length + 1, stride=task.length)
        data |= {f"{split}_tokens": text.tokens_N, f"{split}_starts": starts.astype(np.int32)}
        sizes[split] = len(starts)
        info[split] = text.info | {"content_hash": text.content_hash, "rows": len(starts)}

    def draw_rows(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        split = batch_id.split
        step = batch_id.step + (task.first_step if split == "train" else 0)
        index_B = batch_indices(batch_id.key(values), step, batch_size, sizes[split])
        start_B = batch[f"{split}_starts"][index_B]
        position_BxT = start_B[:, None] + jnp.arange(task.length + 1)[None]
        return {"tokens_BxT": batch[f"{split}_tokens"][position_BxT].astype(jnp.int32)}

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        tokens_BxT = batch["tokens_BxT"]
        logits_BxTxV = whole.apply(params, tokens_BxT[:, :-1], values["streams.smoothing"])
        return jnp.mean(
            optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, tokens_BxT[:, 1:])
        )

    return Experiment(
        init=model.initializer(config),
        loss=loss,
        evaluate=lambda params, batch, values: {"loss": loss(params, batch, values)},
        batch=(Shared(("seed",), draw_rows),),
        data=data,
        info=info | model.info(config),
        frozen=model.frozen(config),
    )
