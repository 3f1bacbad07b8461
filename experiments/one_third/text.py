"""Real text: the next byte from those before it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.module import functional
from jaxlab.models.softmax import NextToken
from jaxlab.tasks import corpus, peaked
from jaxlab.tasks.shuffle import batch_indices


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "text",
            "dataset": "python_source",  # a TFDS set; this one is built offline
            "data_dir": "data",
            "vocabulary": 256,
            "context": 8,  # the bytes that the model sees
        }
    )
    config.model = ConfigDict({"name": "next_token", "embedding": 16, "hidden": 128})
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    one_of(config, "model.name", ("next_token",))
    vocabulary = config.task.vocabulary
    check(vocabulary >= 256, f"task.vocabulary is {vocabulary}: bytes need at least 256")
    for key, value in configs.leaves(config):
        if key in ("task.context", "model.embedding", "model.hidden"):
            check(value >= 1, f"{key} is {value}: it must be at least 1")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, model, batch_size = config.task, config.model, config.train.batch_size
    dtype = jnp.dtype(config.train.compute_dtype)
    init_model, apply = functional(
        lambda rngs: NextToken(
            task.vocabulary, task.context, model.embedding, model.hidden, dtype, rngs
        )
    )
    data, sizes, info = {}, {}, {}
    for split, name in (("train", "train"), ("eval", "validation")):
        text = corpus.load_bytes(task.dataset, name, task.data_dir)
        # One window per position: the context and the byte to predict, within one file.
        starts = corpus.window_starts(text, task.context + 1)
        data |= {f"{split}_tokens": text.tokens_N, f"{split}_starts": starts.astype(np.int32)}
        sizes[split] = len(starts)
        info[split] = text.info | {"content_hash": text.content_hash, "windows": len(starts)}

    def draw_windows(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        split = batch_id.split
        index_B = batch_indices(batch_id.key(values), batch_id.step, batch_size, sizes[split])
        start_B = batch[f"{split}_starts"][index_B]
        position_BxL = start_B[:, None] + jnp.arange(task.context + 1)[None]
        token_BxL = batch[f"{split}_tokens"][position_BxL].astype(jnp.int32)
        return {"context_BxC": token_BxL[:, :-1], "next_B": token_BxL[:, -1]}

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_BxV = apply(params, batch["context_BxC"])
        losses_B = optax.softmax_cross_entropy_with_integer_labels(logits_BxV, batch["next_B"])
        return jnp.mean(losses_B)

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_BxV = apply(params, batch["context_BxC"])
        losses_B = optax.softmax_cross_entropy_with_integer_labels(logits_BxV, batch["next_B"])
        return {
            "loss": jnp.mean(losses_B),
            "error": jnp.mean(peaked.best_class(logits_BxV) != batch["next_B"]),
            "logit_std": jnp.mean(jnp.std(logits_BxV, axis=-1)),
        }

    return Experiment(
        init=lambda key, values: init_model(key),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(("seed",), draw_windows),),
        data=data,
        info=info,
    )
