"""The tasks that ran: the complexity class of each, who says so, and its control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.serial.blocks import MAJORITY as OF_LETTERS
from experiments.serial.tasks import MAJORITY as OF_CELLS
from jaxlab import config as configs
from jaxlab.analysis.study import Study
from jaxlab.report.page import Table
from jaxlab.tasks.serial.catalogue import ENTRIES

# The entry of a task and, where a field has the value that makes it easy, that of its control.
NAMES = {
    "circuits": ("circuits", "layers", 1, "circuits of one layer"),
    "ones": ("depth of ones", "given", "values", "depth of ones, values given"),
    "pointers": ("pointers", "hops", 1, "one pointer"),
    "induction": ("k-hop induction", "hops", 1, "one hop"),
    "squaring": ("squaring", "rounds", 0, ""),
    "summing": ("summing", "terms", 0, ""),
    "expressions": ("expressions", "operators", 1, "expressions of one operator"),
}


def entry(task: Mapping[str, Any]) -> str:
    """Returns the name of a task in the catalogue.

    A task that has none keeps its own name, with "" for a value of which nothing is known.

    Args:
      task: the values below `task` of a config.
    """
    name = task["name"]
    if name in ("automaton", "table"):
        rule, steps = task["rule"], task["time" if name == "automaton" else "radius"]
        if rule == 90:
            return "rule 90, steps 2^k" if steps & (steps - 1) == 0 else ""
        return "majority of a window" if rule == OF_CELLS else f"rule {rule}"
    if name in ("blocks", "words", "growing_words"):
        group = task["group"]
        return "majority of a window" if group == OF_LETTERS else f"words of {group}"
    if name == "balls":
        meet = task["collide"] and task["balls"] > 1
        return "balls" if meet else "balls that pass through each other"
    if name == "sudoku":
        return "sudoku of one round" if task["puzzles"].endswith("_1") else "sudoku"
    if name not in NAMES:
        return name
    hard, field, easy_value, easy = NAMES[name]
    return easy if task[field] == easy_value else hard


def tasks_table(study: Study) -> Table:
    """Returns the class of every task of a study, its source and its control."""
    names = set()
    for run in study.runs:
        swept = {
            tuple((key, value) for key, value in member.items() if key.startswith("task."))
            for member in run.members
        }
        names |= {entry(configs.override(run.config, dict(values)).task) for values in swept}
    rows = [
        [name, own.bin, own.source, own.control or "is one"]
        for name, own in ENTRIES.items()
        if name in names
    ]
    unknown = sorted({run.config.task.name for run in study.runs} & names - set(ENTRIES))
    rows += [[name, "not in the catalogue", "", ""] for name in unknown]
    header = ["task", "class", "source", "its control"]
    return Table(f"{study.name}: what is known of its tasks as they grow, at worst", header, rows)
