"""The ParScale experiment: a module per task, chosen by `task.name`."""

from __future__ import annotations

from experiments.parscale import composition, model, recall, text
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Experiment

TASKS = {"text": text, "recall": recall, "composition": composition}


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    one_of(config, "task.name", tuple(TASKS))
    own = TASKS[config.task.name]
    for key in own.config().task:
        check(
            key in config.task,
            f"task.name is {config.task.name!r}, but the config has no task.{key}",
        )
    own.validate(config)
    model.validate(config)


def unread(config: Config) -> set[str]:
    """Returns the keys of this experiment that a config does not read."""
    own = TASKS[config.task.name].config().task
    return {f"task.{key}" for key in config.task if key not in own} | model.unread(config)


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    return TASKS[config.task.name].build(config)
