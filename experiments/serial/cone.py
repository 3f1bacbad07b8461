"""Cells of studies that ask for the cells of an automaton, beside what their depth can see."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr
from matplotlib.axes import Axes

from jaxlab.analysis.cells import cell, distance, highest, levels, lowest, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.report import plots
from jaxlab.report.expected import Measured, Unmeasured
from jaxlab.report.figures import GREY
from jaxlab.tasks.serial import automata

KEYS = ("task.rule", "task.time", "model.depth", "model.width")  # what sets a cell apart
SHIFTS = (-0.08, 0.0, 0.08, 0.16)  # of the widths in a figure


class Cell(NamedTuple):
    """T steps of a rule, D layers of W gates that see D cells to either side, and the seeds."""

    rule: int
    time: int
    depth: int
    width: int
    data: xr.Dataset

    @property
    def accuracy(self) -> Interval:
        """Over seeds."""
        return student_interval(self.data["eval_accuracy"].values)

    @property
    def ceiling(self) -> float:
        """Accuracy of the best answer from what the layers see."""
        return automata.ceiling(automata.truth_table(self.rule, self.time), self.depth)


def cells(data: xr.Dataset, rule: int) -> list[Cell]:
    """Returns the cells of a rule by time, depth and width."""
    of_rule, found = pick(data, {"task.rule": rule}), []
    for time in levels(of_rule, "task.time"):
        of_time = pick(of_rule, {"task.time": time})
        for depth in levels(of_time, "model.depth"):
            of_depth = pick(of_time, {"model.depth": depth})
            for width in levels(of_depth, "model.width"):
                own = cell(of_depth, {"model.width": width})
                found.append(Cell(rule, time, depth, width, own))
    return found


def reached(found: list[Cell], wide_enough: int, more_layers: int = 0) -> Measured | Unmeasured:
    """Returns the least accuracy of cells with T layers (or so many more) and enough gates."""
    deep = [own for own in found if own.depth >= own.time + more_layers]
    wide = [own for own in deep if own.width >= wide_enough]
    if not wide:
        return Unmeasured(f"the study has no such cell of {wide_enough} gates or more")
    narrow = [own.accuracy.value for own in deep if own.width < wide_enough]
    remark = f"; narrower ones at least {min(narrow):.3f}" if narrow else ""
    return Measured(lowest(own.accuracy for own in wide), f"{len(wide)} cells{remark}")


def at_ceiling(found: list[Cell]) -> Measured | Unmeasured:
    """Returns the largest distance from the ceiling of cells with fewer than T layers."""
    shallow = [own for own in found if own.depth < own.time]
    if not shallow:
        return Unmeasured("the study has no cell with fewer layers than steps")
    away = highest(distance(own.accuracy, own.ceiling) for own in shallow)
    return Measured(away, f"{len(shallow)} cells")


def widened(found: list[Cell], factor: int) -> Measured | Unmeasured:
    """Returns the most that a factor in width moves accuracy below T layers, paired by seed."""
    by_place = {own[:4]: own.data["eval_accuracy"].values for own in found if own.depth < own.time}
    moved = [
        student_interval(by_place[rule, time, depth, factor * width] - right_S)
        for (rule, time, depth, width), right_S in by_place.items()
        if (rule, time, depth, factor * width) in by_place
    ]
    if not moved:
        return Unmeasured(f"no two cells below T layers are a factor of {factor} apart in width")
    return Measured(highest(map(distance, moved)), f"{len(moved)} pairs of cells, paired by seed")


def draw(ax: Axes, found: list[Cell]) -> None:
    """Draws accuracy against depth, by width, of cells of one T, with the exact ceilings."""
    of_depth = {own.depth: own.ceiling for own in found}
    ax.plot(list(of_depth), list(of_depth.values()), "--", color=GREY, label="exact ceiling")
    for width, shift in zip(sorted({own.width for own in found}), SHIFTS, strict=False):
        own = [part for part in found if part.width == width]
        parts = [part.accuracy for part in own]
        places = [part.depth + shift for part in own]
        ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
        plots.interval_plot(ax, places, *ends_3, label=f"{width} gates a cell")
    ax.set(xlabel="layers D", ylabel="accuracy", ylim=(0.45, 1.03))
    plots.legend(ax)
