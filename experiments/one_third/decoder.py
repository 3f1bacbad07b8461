"""Real text by a decoder: that of `experiments/parscale`, evaluated for what this law speaks of.

Shuffled text is the control: its next byte has the same frequencies, and nothing before it says
more. So its best prediction is not peaked.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parscale import model, text
from jaxlab.config import Config
from jaxlab.experiment import Batch, Experiment, Params, Values
from jaxlab.models.logits import logit_statistics


def config() -> Config:
    """Returns the base of the configs on this task: a byte-level decoder, Adam, a constant rate."""
    config = text.config()
    config.experiment = "one_third"
    config.task.name = "decoder"
    config.task.shuffled = False  # whether the tokens of each split lie in random order
    config.optimizer.name = "adam"
    config.optimizer.weight_decay = 0.0
    config.schedule.name = "constant"
    config.schedule.warmup = 0.0
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    text.validate(config)
    model.validate(config)


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    plain, whole = text.build(config), model.streams(config)
    data = dict(plain.data)
    if config.task.shuffled:
        for number, name in enumerate(("train_tokens", "eval_tokens")):
            data[name] = np.random.default_rng(number).permutation(data[name])

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        targets_BxT = batch["targets_BxT"]
        counted_BxT = batch.get("counted_BxT", jnp.ones_like(targets_BxT, bool))
        logits_BxTxV = whole.apply(
            params, batch["tokens_BxT"], values["streams.smoothing"], batch.get("documents_BxT")
        )
        return logit_statistics(logits_BxTxV, targets_BxT, counted_BxT)

    return dataclasses.replace(plain, evaluate=evaluate, data=data)
