"""The tasks by `task.name`: what they draw, and which values of a config they read."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from experiments.serial import named
from experiments.serial.blocks import Blocks
from experiments.serial.growing import GrowingWords
from experiments.serial.puzzles import Boards
from jaxlab.config import Config, ConfigError, check, one_of
from jaxlab.experiment import Batch, BatchId, Values, random_key
from jaxlab.tasks.serial import automata
from jaxlab.tasks.serial.balls import Balls
from jaxlab.tasks.serial.circuits import Circuits
from jaxlab.tasks.serial.expressions import Expressions
from jaxlab.tasks.serial.hops import Induction, Pointers
from jaxlab.tasks.serial.ones import DepthOfOnes
from jaxlab.tasks.serial.questions import Questions
from jaxlab.tasks.serial.squaring import Squaring, Summing
from jaxlab.tasks.serial.words import Words


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


@dataclasses.dataclass(frozen=True)
class Table:
    """Every window of 2 `radius` + 1 cells, each once in a batch: nothing is left to generalise to.

    The answer is the middle cell after `radius` steps of the traced rule, or where that is
    `MAJORITY` the state that most cells of the window have; from `RANDOM` on every number is a
    table of its own, of coin flips.
    """

    radius: int

    vocabulary = classes = 2
    depends = ("task.rule",)

    def __post_init__(self):
        if not 1 <= self.radius <= automata.MAX_TABLE_STEPS:
            raise ValueError(
                f"radius {self.radius}: choose 1 to {automata.MAX_TABLE_STEPS}, whose tables fit"
            )

    @property
    def length(self) -> int:
        """Cells of a window."""
        return 2 * self.radius + 1

    def draw(self, batch_size: int, values: Values) -> Questions:
        """Returns the whole table; `batch_size` is its size."""
        rule = values["task.rule"]
        tokens_BxN = jnp.asarray(automata.windows(self.radius), jnp.int32)
        most_B = jnp.asarray(automata.majority_table(self.radius), jnp.int32)
        coin_B = jax.random.bernoulli(random_key(rule), shape=(batch_size,)).astype(jnp.int32)
        evolved_B = automata.evolve(rule, tokens_BxN, self.radius)[:, self.radius]
        other_B = jnp.where(rule == MAJORITY, most_B, coin_B)
        answer_B = jnp.where(rule < MAJORITY, evolved_B, other_B)
        return Questions(tokens_BxN, answer_B[:, None], jnp.full((batch_size, 1), True))


MAJORITY, RANDOM = 256, 257  # beside the rules, which end at 255
TASKS = {
    "automaton": Automaton,
    "table": Table,
    "blocks": Blocks,
    "words": Words,
    "growing_words": GrowingWords,
    "balls": Balls,
    "sudoku": Boards,
    "circuits": Circuits,
    "ones": DepthOfOnes,
    "pointers": Pointers,
    "induction": Induction,
    "squaring": Squaring,
    "summing": Summing,
    "expressions": Expressions,
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "sudoku": {"puzzles": "4x4_3", "data_dir": "data"},
    "words": {"group": "A5", "length": 16, "letters": "elements"},
    "growing_words": {"group": "A5", "length": 16, "letters": "elements", "stage_steps": 400},
    "balls": {
        "balls": 5,
        "slots": 3,
        "offsets": 8,
        "speeds": 8,
        "duration": 1,
        "collisions": 0,
        "collide": True,
    },
    "blocks": {"group": "A5", "length": 16, "fan_in": 2, "depth": 4},
    "table": {"rule": 110, "radius": 3},
    "automaton": {"rule": 110, "time": 4, "cells": 32, "asks": "every"},
    "circuits": {
        "inputs": 8,
        "gates": 8,
        "layers": 4,
        "kinds": ("and", "or", "xor"),
        "asks": "gates",
    },
    "ones": {"width": 8, "layers": 4, "kinds": ("and", "or"), "chain": 0, "given": "circuit"},
    "pointers": {"places": 16, "hops": 4},
    "induction": {"letters": 32, "alphabet": 4, "hops": 4},
    "squaring": {"bits": 20, "base": 16, "fresh": True, "rounds": 4},
    "summing": {"bits": 20, "base": 16, "fresh": True, "terms": 4},
    "expressions": {"operators": 4, "prime": 11, "length": 15},
}
MOST = 3  # collisions of a row that are told apart: as many, or more


def defaults(name: str) -> dict[str, Any]:
    """Returns the values of a config that a task reads, with their defaults."""
    return named.defaults(named.find(name, TASKS)) if named.is_path(name) else DEFAULTS[name]


def make(config: Config) -> Any:
    """Returns the task of a config, static or complete."""
    name = config.task.name
    own = named.find(name, TASKS) if named.is_path(name) else TASKS[name]
    return own(**{field.name: config.task[field.name] for field in dataclasses.fields(own)})


def depends(task: Any) -> tuple[str, ...]:
    """Returns the traced values that the draws of a task depend on."""
    return getattr(task, "depends", ("seed",))


def draw(task: Any, batch_id: BatchId, batch_size: int, values: Values) -> Questions:
    """Draws the questions of a batch."""
    if isinstance(task, Table):
        return task.draw(batch_size, values)
    key = jax.random.fold_in(batch_id.key(values), batch_id.step)
    if isinstance(task, Boards):
        return task.draw(key, batch_size, batch_id.split)
    read = (values,) if isinstance(task, Automaton) else ()
    asked = task.draw(key, batch_size, *read)
    if isinstance(task, GrowingWords) and batch_id.split == "train":
        return task.keep_to_stage(asked, batch_id.step)
    return asked


def batch(task: Any, batch_id: BatchId, batch_size: int, values: Values) -> Batch:
    """Draws a batch: its questions, and of discs that collide `collisions_B`."""
    if not (isinstance(task, Balls) and task.collide):
        return draw(task, batch_id, batch_size, values)._asdict()
    key = jax.random.fold_in(batch_id.key(values), batch_id.step)
    asked, collisions_B = task.draw_flights(key, batch_size)
    return asked._asdict() | {"collisions_B": collisions_B}


def by_collisions(batch: Batch, right_BxN: jax.Array) -> dict[str, jax.Array]:
    """Returns shares of a batch, for 0 to `MOST` or more collisions: answers asked, and right ones.

    Their means over batches have the accuracy as their ratio, though few batches may have such
    rows. Other tasks have none.
    """
    if "collisions_B" not in batch:
        return {}
    found = {}
    for number in range(MOST + 1):
        is_own_B = jnp.minimum(batch["collisions_B"], MOST) == number
        asked_BxN = batch["counted_BxN"] & is_own_B[:, None]
        found[f"asked_collisions_{number}"] = jnp.mean(asked_BxN)
        found[f"right_collisions_{number}"] = jnp.mean(asked_BxN & right_BxN)
    return found


def parts(task: Any) -> dict[str, slice]:
    """Returns the places whose accuracy is told apart, by name."""
    if isinstance(task, Words):
        return {f"letter_{place + 1}": slice(place, place + 1) for place in range(task.length)}
    return task.parts if isinstance(task, Blocks) else {}


def validate(config: Config) -> None:
    """Checks what the task of a complete config needs; raises ConfigError."""
    task = config.task
    if not named.is_path(task.name):
        one_of(config, "task.name", tuple(TASKS))
    for key in defaults(task.name):
        check(key in task, f"task.name is {task.name!r}, but the config has no task.{key}")
    try:
        if task.name == "automaton":
            automata.Automaton(task.rule, task.cells, task.time, task.asks)
        own = make(config)
    except ValueError as error:
        raise ConfigError(f"task: {error}") from error
    if task.name == "table":
        check(task.rule >= 0, f"task.rule is {task.rule}: choose one from 0 up")
        check(
            config.train.batch_size == 2**own.length,
            f"train.batch_size is {config.train.batch_size}, but the whole table is a batch: set "
            f"it to 2^(2 task.radius + 1) = {2**own.length}",
        )
