"""The ParScale experiment: a module per task, chosen by `task.name`."""

from __future__ import annotations

import functools

from experiments.parscale import composition, costs, model, recall, text
from experiments.parscale.readings import readings
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Experiment, ExperimentModule

TASKS = {"text": text, "recall": recall, "composition": composition}


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    one_of(config, "task.name", tuple(TASKS))
    for key in _task_keys(config.task.name):
        check(
            key in config.task,
            f"task.name is {config.task.name!r}, but the config has no task.{key}",
        )
    TASKS[config.task.name].validate(config)
    model.validate(config)


def unused_keys(config: Config) -> set[str]:
    """Returns the keys of this experiment that a config does not use."""
    own = _task_keys(config.task.name)
    return {f"task.{key}" for key in config.task if key not in own} | model.unused_keys(config)


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    return TASKS[config.task.name].build(config)


@functools.cache
def _task_keys(name: str) -> tuple[str, ...]:
    return tuple(TASKS[name].config().task)


EXPERIMENT = ExperimentModule(validate, unused_keys, build, readings, costs.outline)
