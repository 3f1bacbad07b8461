"""The one-third experiment: a module per task, chosen by `task.name`."""

from __future__ import annotations

from experiments.one_third import images, margin, regression, teacher, text, tower
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Experiment

TASKS = {
    "teacher": teacher,
    "margin": margin,
    "regression": regression,
    "text": text,
    "images": images,
    "tower": tower,
}


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    one_of(config, "task.name", tuple(TASKS))
    window = config.window
    numbers = len(window) == 2 and all(isinstance(end, int | float) for end in window)
    check(
        numbers and 0 < window[0] < window[1],
        f"window is {window}: give two rising values above 0, of the clock that the study fits",
    )
    own = TASKS[config.task.name]
    for key in own.config().task:
        check(
            key in config.task,
            f"task.name is {config.task.name!r}, but the config has no task.{key}",
        )
    own.validate(config)


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    return TASKS[config.task.name].build(config)
