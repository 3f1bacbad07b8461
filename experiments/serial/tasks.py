"""The tasks by `task.name`: what they draw, and which values of a config they read."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Values
from jaxlab.tasks.serial import automata
from jaxlab.tasks.serial.questions import Questions


@dataclasses.dataclass(frozen=True)
class Automaton:
    """An automaton whose rule and time are traced: rules, times and seeds share one program."""

    cells: int
    asks: str

    vocabulary = classes = 2
    depends = ("seed", "task.rule", "task.time")

    @property
    def length(self) -> int:
        """Tokens in a row, one per cell."""
        return self.cells

    def draw(self, key: jax.Array, batch_size: int, values: Values) -> Questions:
        """Draws rows, and what becomes of them in `task.time` steps of `task.rule`."""
        task = automata.Automaton(0, self.cells, 0, self.asks)
        tokens_BxN, _, counted_BxN = task.draw(key, batch_size)
        targets_BxN = automata.evolve(values["task.rule"], tokens_BxN, values["task.time"])
        return Questions(tokens_BxN, targets_BxN, counted_BxN)


TASKS = {"automaton": Automaton}
DEFAULTS: dict[str, dict[str, Any]] = {
    "automaton": {"rule": 110, "time": 4, "cells": 32, "asks": "every"},
}


def make(config: Config) -> Any:
    """Returns the task of a config, static or complete."""
    own = TASKS[config.task.name]
    return own(**{field.name: config.task[field.name] for field in dataclasses.fields(own)})


def validate(config: Config) -> None:
    """Checks what the task of a complete config needs; raises ConfigError."""
    one_of(config, "task.name", tuple(TASKS))
    task = config.task
    for key in DEFAULTS[task.name]:
        check(key in task, f"task.name is {task.name!r}, but the config has no task.{key}")
    try:
        if task.name == "automaton":
            automata.Automaton(task.rule, task.cells, task.time, task.asks)
        make(config)
    except ValueError as error:
        check(False, f"task: {error}")
