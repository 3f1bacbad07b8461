"""What does a second stage make of a released model?

A config for the folder of a Qwen2, ParScale, GPT-NeoX or OLMo-2 model, which is named behind a
colon: its architecture, its tokenizer, and its weights as the start. The record of step 0 is the
evaluation of the model as it was released.

python scripts/train.py --config=experiments/parscale/released.py:FOLDER --workdir=runs/second_stage
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from experiments.parscale import text
from jaxlab.checkpoints import CheckpointError, released
from jaxlab.config import Config, ConfigError
from jaxlab.tasks import released_tokenizer


def get_config(arg: str | None = None) -> Config:
    """Returns the config of a second stage of a folder.

    Raises:
        ConfigError: it holds no released model.
    """
    config = text.config()
    config.start.model = arg or "FOLDER"
    config.task.length = 1024
    config.model.scanned = True
    config.model.rematerialized = True
    config.train.steps = 1000
    config.train.batch_size = 8
    config.optimizer.learning_rate = 3e-4
    config.records.every_steps = 100
    return adapt(config, arg) if arg else config


def adapt(config: Config, folder: str) -> Config:
    """Gives a config the architecture and the tokenizer of a released model; changes it in place.

    Raises:
        ConfigError: the folder holds no released model.
    """
    try:
        model = released.open_model(folder)
    except CheckpointError as error:
        raise ConfigError(f"{error}") from error
    config.task.vocabulary = model.streams.decoder.vocabulary
    config.model.update(architecture(model))
    if (Path(folder).expanduser() / released_tokenizer.FILE).is_file():
        config.task.tokenizer = folder
    config.start.model = folder
    if model.streams.count > 1:
        config.streams.count = model.streams.count
        config.streams.prefix = model.streams.prefix
        config.streams.smoothing = model.smoothing
        config.start.streams = True
    return config


def architecture(model: released.Released) -> dict:
    """Returns the keys of `model` in a config that a released model decides."""
    found = dataclasses.asdict(model.streams.decoder)
    for name in ("vocabulary", "dtype", "attention", "scanned", "rematerialized"):
        del found[name]
    return found | {"epsilon": repr(found["epsilon"])}
