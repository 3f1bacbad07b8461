"""Looped transformers that are read after each of their loops, those past training with them."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import optax

from jaxlab.config import Config, check
from jaxlab.experiment import Batch, Experiment, Params, Values
from jaxlab.models.looped import Looped


def validate(config: Config) -> None:
    """Checks what a frontier needs; raises ConfigError."""
    check(
        config.task.name in ("words", "growing_words"),
        f"task.name is {config.task.name!r}: loops read 'words' or 'growing_words'",
    )
    check(
        config.task.name == "growing_words" or not config.get("staged_loops", False),
        f"staged_loops is set, but task.name is {config.task.name!r}: take 'growing_words'",
    )
    check(
        config.unrolled >= config.model.loops,
        f"unrolled is {config.unrolled} loops, but model.loops {config.model.loops}: take no fewer",
    )


def evaluated(plain: Experiment, model: Looped, config) -> Experiment:
    """Returns an experiment that is read after each of `config.unrolled` loops.

    Besides its other metrics it has `loop_L_letter_N`, the accuracy on prefixes of N letters. It
    trains alike, but with `config.staged_loops`, for growing words: while a part of the letters is
    asked for, only that part of the loops runs.
    """

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_LxBxNxC = model.after_each(params, batch["tokens_BxN"], config.unrolled)
        right_LxBxN = jnp.argmax(logits_LxBxNxC, axis=-1) == batch["targets_BxN"][None]
        right_LxN = jnp.mean(right_LxBxN, axis=1)
        return plain.evaluate(params, batch, values) | {
            f"loop_{loop + 1}_letter_{letter + 1}": right_LxN[loop, letter]
            for loop in range(config.unrolled)
            for letter in range(config.task.length)
        }

    def staged_loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_LxBxNxC = model.after_each(params, batch["tokens_BxN"])
        asked_N = batch["counted_BxN"][0]
        loops = -(-jnp.sum(asked_N) * model.loops // config.task.length)  # rounded up
        nats_BxN = optax.softmax_cross_entropy_with_integer_labels(
            logits_LxBxNxC[loops - 1], batch["targets_BxN"]
        )
        return jnp.mean(nats_BxN, axis=0) @ asked_N / jnp.sum(asked_N)

    loss = staged_loss if config.get("staged_loops", False) else plain.loss
    return dataclasses.replace(plain, evaluate=evaluate, loss=loss)
