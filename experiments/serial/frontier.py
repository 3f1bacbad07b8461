"""Looped transformers that are read after each of their loops, those past training with them."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from jaxlab.config import Config, check
from jaxlab.experiment import Batch, Experiment, Params, Values
from jaxlab.models.looped import Looped


def validate(config: Config) -> None:
    """Checks what a frontier needs; raises ConfigError."""
    check(config.task.name == "words", f"task.name is {config.task.name!r}: loops read 'words'")
    check(
        config.unrolled >= config.model.loops,
        f"unrolled is {config.unrolled} loops, but model.loops {config.model.loops}: take no fewer",
    )


def evaluated(plain: Experiment, model: Looped, config) -> Experiment:
    """Returns an experiment that trains alike and is read after each of `config.unrolled` loops.

    Besides its other metrics it has `loop_L_letter_N`, the accuracy on prefixes of N letters.
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

    return dataclasses.replace(plain, evaluate=evaluate)
