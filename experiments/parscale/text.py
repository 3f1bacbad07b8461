"""Real text: every next token from those before it in its document."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from experiments.parscale import model, token_kinds
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.diversity import diversity
from jaxlab.tasks import corpus, packing
from jaxlab.tasks.shuffle import batch_indices
from jaxlab.training import warm_start


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = model.base()
    config.task = ConfigDict(
        {
            "name": "text",
            "dataset": "python_source",  # see docs/parscale.md
            "data_dir": "data",
            "vocabulary": 256,  # 256 for bytes, else the tokens of a byte-pair encoding
            "tokenizer": "",  # or the folder of a model whose tokenizer.json is read
            "length": 64,  # tokens in a row
            "packed": False,  # short documents share rows; else each row is inside a document
            "fixed_held_out": False,  # all evaluate the same rows, and the loss by kind of token
            "first_step": 0,  # of the data: a second stage goes on where the first stopped
        }
    )
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    check(
        task.vocabulary >= 256 or bool(task.tokenizer),
        f"task.vocabulary is {task.vocabulary}: bytes need at least 256",
    )
    check(task.length >= 1, f"task.length is {task.length}: it must be at least 1")
    check(task.first_step >= 0, f"task.first_step is {task.first_step}: it must not be negative")
    check(
        not (task.fixed_held_out and task.packed),
        "task.fixed_held_out is for rows inside one document: set task.packed to False",
    )
    if task.first_step and config.start.study:
        warm_start.check_steps(config.start.study, task.first_step)


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    whole = model.streams(config)
    data, sizes, texts, info = {}, {}, {}, {"tokens_per_example": task.length}
    for split, name in (("train", "train"), ("eval", "validation")):
        text = corpus.load_tokens(
            task.dataset, name, task.data_dir, task.vocabulary, task.tokenizer
        )
        rows, sizes[split] = cut(text, task.length, task.packed)
        data |= {f"{split}_tokens": text.tokens_N, f"{split}_rows": rows}
        info[split] = text.info | {"content_hash": text.content_hash, "rows": sizes[split]}
        texts[split] = text
    held_out = config.eval.batches * batch_size
    if task.fixed_held_out:
        check(
            held_out <= sizes["eval"],
            f"eval.batches x train.batch_size is {held_out}, but {task.dataset} has "
            f"{sizes['eval']} rows to hold out: lower eval.batches",
        )
        spread = np.arange(held_out) * sizes["eval"] // held_out  # evenly over the documents
        data["held_out_rows"] = spread.astype(np.int32)
        data |= token_kinds.tables(texts["train"], texts["eval"], data["eval_rows"])

    def draw_rows(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        split = batch_id.split
        if split == "eval" and task.fixed_held_out:
            place_B = batch_id.step % config.eval.batches * batch_size + jnp.arange(batch_size)
            row_B = batch["held_out_rows"][place_B]
        else:
            step = batch_id.step + (task.first_step if split == "train" else 0)
            row_B = batch_indices(batch_id.key(values), step, batch_size, sizes[split])
        tokens_N, rows = batch[f"{split}_tokens"], batch[f"{split}_rows"]
        if task.packed:
            return packing.read_rows(rows, tokens_N, row_B, task.length)._asdict()
        place_BxT = rows[row_B][:, None] + jnp.arange(task.length + 1)[None]
        tokens_BxT = tokens_N[place_BxT].astype(jnp.int32)
        found = {"tokens_BxT": tokens_BxT[:, :-1], "targets_BxT": tokens_BxT[:, 1:]}
        return found | ({"row_B": row_B} if task.fixed_held_out else {})

    def states(params: Params, batch: Batch) -> jax.Array:
        return whole.states(params, batch["tokens_BxT"], batch.get("documents_BxT"))

    def counted(batch: Batch) -> jax.Array:
        return batch.get("counted_BxT", jnp.ones_like(batch["targets_BxT"], bool))

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        mixed_BxTxM = whole.mix(params, states(params, batch), values["streams.smoothing"])
        logits_BxTxV = whole.decoder.logits(params["decoder"], mixed_BxTxM)
        nats_BxT = optax.softmax_cross_entropy_with_integer_labels(
            logits_BxTxV, batch["targets_BxT"]
        )
        if not task.packed:
            return jnp.mean(nats_BxT)
        there_BxT = counted(batch)
        return jnp.sum(nats_BxT, where=there_BxT) / jnp.maximum(1, jnp.sum(there_BxT))

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        kinds = {}
        if task.fixed_held_out:
            kinds = token_kinds.kinds(
                batch, batch["row_B"], batch["tokens_BxT"], batch["targets_BxT"]
            )
        return diversity(
            whole,
            params,
            states(params, batch),
            batch["targets_BxT"],
            counted(batch),
            values["streams.smoothing"],
            kinds,
        )

    return Experiment(
        init=model.initializer(config, whole),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(("seed",), draw_rows),),
        data=data,
        info=info | model.info(config, whole),
        frozen=model.frozen(config),
        start=model.start(config),
    )


def cut(text: corpus.Corpus, length: int, packed: bool) -> tuple[packing.Pieces | np.ndarray, int]:
    """Returns where the rows of `length` tokens lie, and how many there are.

    Packed rows hold every token. The others begin every `length` tokens of a document and hold one
    token more, the last target; what is left at a document's end is dropped.
    """
    if packed:
        return packing.pack(text.document_lengths(), length)
    starts = corpus.window_starts(text, length + 1, stride=length)
    return starts.astype(np.int32), len(starts)
