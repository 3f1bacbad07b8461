"""The one-third experiment: a module per task, chosen by `task.name`."""

from __future__ import annotations

import functools

from experiments.one_third import decoder, images, margin, regression, teacher, text, tower
from experiments.one_third.readings import readings
from experiments.parscale import model as decoders
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Experiment, ExperimentModule

TASKS = {
    "teacher": teacher,
    "margin": margin,
    "regression": regression,
    "text": text,
    "images": images,
    "tower": tower,
    "decoder": decoder,
}


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    one_of(config, "task.name", tuple(TASKS))
    for key in _task_keys(config.task.name):
        check(
            key in config.task,
            f"task.name is {config.task.name!r}, but the config has no task.{key}",
        )
    TASKS[config.task.name].validate(config)


def unused_keys(config: Config) -> set[str]:
    """Returns the keys of this experiment that a config does not use: all tasks use all they have.

    Only the decoder, which comes from another experiment, has parts that may be left out.
    """
    return decoders.unused_keys(config) if config.task.name == "decoder" else set()


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    return TASKS[config.task.name].build(config)


@functools.cache
def _task_keys(name: str) -> tuple[str, ...]:
    return tuple(TASKS[name].config().task)


EXPERIMENT = ExperimentModule(validate, unused_keys, build, readings)
