"""Cells of studies that ask for the cells of an automaton, beside what their depth can see."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxlab.analysis.cells import cell, distance, exactly, highest, levels, lowest, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.report import plots
from jaxlab.report.expected import Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY
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
    away = {
        width: highest(distance(own.accuracy, own.ceiling) for own in shallow if own.width == width)
        for width in sorted({own.width for own in shallow})
    }
    above = max(0.0, *(own.accuracy.value - own.ceiling for own in shallow))
    told = ", ".join(f"{part.value:.4f} with {width} gates" for width, part in away.items())
    count = f"{len(shallow)} cell" + "s" * (len(shallow) > 1)
    remark = f"{count}: {told}; none is above its ceiling by more than {above:.4f}"
    return Measured(highest(away.values()), remark)


def widened(found: list[Cell], factor: int) -> Measured | Unmeasured:
    """Returns the most that a factor in width moves accuracy below T layers, paired by seed."""
    shallow = [own for own in found if own.depth < own.time]
    moved = _moved(shallow, factor)
    if not moved:
        return Unmeasured(f"no two cells below T layers are a factor of {factor} apart in width")
    widths = sorted({own.width for own in shallow})
    told = [
        f"from {one} to {other} gates {highest(apart).value:.4f}"
        for one, other in pairwise(widths)
        if (apart := _moved(shallow, other // one, one))
    ]
    remark = f"{len(moved)} pairs of cells, paired by seed; {', '.join(told)}"
    return Measured(highest(moved), remark)


def _moved(shallow: list[Cell], factor: int, only: int | None = None) -> list[Interval]:
    """Returns how far a factor in width moves the accuracy of each cell (of `only` this width)."""
    by_place = {own[:4]: own.data["eval_accuracy"].values for own in shallow}
    return [
        distance(student_interval(by_place[rule, time, depth, factor * width] - right_S))
        for (rule, time, depth, width), right_S in by_place.items()
        if (rule, time, depth, factor * width) in by_place and only in (None, width)
    ]


def path_by_width(found: list[Cell], factor: int) -> Measured | Unmeasured:
    """Returns the operations that a factor in width adds to each product of the longest path.

    A layer is two products, and the head is one; the most over all cells is returned.
    """
    path = _paths(found)
    added = [
        (path[depth, factor * width] - operations) / (2 * depth + 1)
        for (depth, width), operations in path.items()
        if (depth, factor * width) in path
    ]
    if not added:
        return Unmeasured(f"no two widths are a factor of {factor} apart")
    return Measured(exactly(max(added)), f"{len(added)} pairs of programs")


def path_by_depth(found: list[Cell]) -> Measured | Unmeasured:
    """Returns by how much the operations that a layer adds differ from layer to layer, at most."""
    path, added = _paths(found), {}
    for width in sorted({width for _, width in path}):
        depths = sorted(depth for depth, own_width in path if own_width == width)
        if len(depths) > 2:
            lengths = [path[depth, width] for depth in depths]
            added[width] = np.diff(lengths) / np.diff(depths)
    if not added:
        return Unmeasured("no width has three depths")
    told = ", ".join(f"{added_D[0]:.4g} with {width} gates" for width, added_D in added.items())
    uneven = max(float(np.ptp(added_D)) for added_D in added.values())
    return Measured(exactly(uneven), f"operations a layer: {told}")


def _paths(found: list[Cell]) -> dict[tuple[int, int], int]:
    """Returns the serial depth of each program, by depth and width."""
    return {(own.depth, own.width): int(own.data["serial_depth"][0]) for own in found}


def draw(ax: Axes, found: list[Cell], widths: list[int]) -> None:
    """Draws accuracy against depth, by width, of cells of one T, with the exact ceilings.

    widths: of all panels, so that each has its colour and its place everywhere.
    """
    of_depth = {own.depth: own.ceiling for own in found}
    ax.plot(list(of_depth), list(of_depth.values()), "--", color=GREY, label="exact ceiling")
    for width, shift, colour in zip(widths, SHIFTS, CATEGORY_COLOURS, strict=False):
        own = [part for part in found if part.width == width]
        if not own:
            continue
        ax.set_prop_cycle(color=[colour])
        parts = [part.accuracy for part in own]
        places = [part.depth + shift for part in own]
        ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
        plots.interval_plot(ax, places, *ends_3, label=f"{width} gates a cell")
    plots.whole_numbers(ax)
    ax.set(xlabel="layers D", ylabel="accuracy", ylim=(0.45, 1.03))
    plots.legend(ax)
