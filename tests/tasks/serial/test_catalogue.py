"""The table of tasks: it names all of them, and controls ask as much of as many tokens."""

import dataclasses
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from jaxlab.tasks import serial
from jaxlab.tasks.serial.automata import Automaton, Majority
from jaxlab.tasks.serial.balls import Balls
from jaxlab.tasks.serial.catalogue import BINS, ENTRIES
from jaxlab.tasks.serial.circuits import Circuits
from jaxlab.tasks.serial.expressions import Expressions
from jaxlab.tasks.serial.hops import Induction, Pointers
from jaxlab.tasks.serial.ones import DepthOfOnes
from jaxlab.tasks.serial.questions import Task
from jaxlab.tasks.serial.squaring import Squaring, Summing
from jaxlab.tasks.serial.sudoku import Puzzles, Sudoku
from jaxlab.tasks.serial.words import Words

MIX = ("and", "or", "xor")
NUMBERS = {"bits": 20, "base": 16, "fresh": True}
DISCS = {"balls": 3, "slots": 3, "offsets": 8, "speeds": 8, "duration": 4, "collisions": 0}
PAIRS = [
    (Automaton(110, 17, 8, "every"), Automaton(90, 17, 8, "every")),
    (Automaton(30, 17, 8, "middle"), Majority(17, 8, "middle")),
    (Words("A5", 16, "elements"), Words("Z60", 16, "elements")),
    (Words("S5", 16, "elements"), Words("S4xZ5", 16, "elements")),
    (Circuits(16, 16, 8, MIX, "gates"), Circuits(16, 128, 1, MIX, "gates")),
    (Pointers(16, 8), Pointers(16, 1)),
    (Induction(32, 4, 4), Induction(32, 4, 1)),
    (Squaring(**NUMBERS, rounds=8), Summing(**NUMBERS, terms=1)),
    (Expressions(7, 11, 15), Expressions(1, 11, 15)),
    (Balls(**DISCS, collide=True), Balls(**DISCS, collide=False)),
]


def test_every_task_is_in_the_table():
    tasks = set()
    for module in pkgutil.iter_modules(serial.__path__, f"{serial.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        tasks |= {m for m in members if inspect.isclass(m) and hasattr(m, "draw")}
    assert {entry.task for entry in ENTRIES.values()} == tasks - {Task}


def test_entries_are_whole():
    for name, entry in ENTRIES.items():
        assert entry.bin in BINS, name
        assert entry.size in {field.name for field in dataclasses.fields(entry.task)}, name
        assert entry.source, name
        if entry.bin == "TC0":
            assert not entry.control, name
        else:
            assert ENTRIES[entry.control].bin == "TC0", name


@pytest.mark.parametrize(("task", "control"), PAIRS)
def test_controls_have_rows_of_the_same_kind(task, control):
    sizes = [(t.length, t.vocabulary, t.classes) for t in (task, control)]
    assert sizes[0] == sizes[1]
    assert {type(task), type(control)} <= {entry.task for entry in ENTRIES.values()}
    assert all(0.999 / t.classes <= t.chance() < 0.9 for t in (task, control))
    assert hash(task) != hash(control)


def test_tasks_without_a_pair():
    shallow = DepthOfOnes(8, 8, ("and", "or"), 8, "values")
    assert shallow.chance() == DepthOfOnes(8, 8, ("and", "or"), 8, "circuit").chance()
    grid = np.zeros((1, 16), int)
    assert Sudoku(2, Puzzles(grid, grid, np.ones(1, int))).chance() == 1 / 4
