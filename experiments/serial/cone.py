"""What claims measure on cells of an automaton, beside what the receptive field of D layers allows.

A circuit of D layers that reads its neighbours has a receptive field of D cells to either side: its
light cone. Cells are named as in `jaxlab.analysis.estimators`: by the values of their members.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.serial.cells import ACCURACY, accuracy, ends, final_metrics, least, most, table
from jaxlab.analysis.cells import cell, distance, highest, select
from jaxlab.analysis.estimate import Estimate, NotMeasurable, exact
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

KEYS = ("task.rule", "task.time", "model.depth", "model.width")  # what sets a cell apart
SHIFTS = (-0.08, 0.0, 0.08, 0.16)  # of the widths in a figure
Of = Mapping[str, object]  # the values that name some of a study's cells


class Cell(NamedTuple):
    """T steps of a rule, D layers of W gates that see D cells to either side, and the seeds."""

    rule: int
    time: int
    depth: int
    width: int
    members: xr.Dataset

    @property
    def accuracy(self) -> Interval:
        """Over seeds."""
        return accuracy(self.members)

    @property
    def ceiling(self) -> float:
        """Accuracy of the best answer from the receptive field of the layers."""
        return automata.ceiling(automata.truth_table(self.rule, self.time), self.depth)


def cells(study: Study, of: Of) -> list[Cell]:
    """Returns the cells with these values by rule, time, depth and width."""
    return _cells(study, tuple(of.items()))


@cache
def _cells(study: Study, of: tuple[tuple[str, object], ...]) -> list[Cell]:
    data = select(final_metrics(study, *KEYS, *dict(of)), dict(of))
    named = sorted(set(zip(*(data[key].values.tolist() for key in KEYS), strict=True)))
    return [
        Cell._make((*values, cell(data, dict(zip(KEYS, values, strict=True))))) for values in named
    ]


def reached(of: Of, *, wide_enough: int, more_layers: int = 0) -> Measure:
    """Measures the least accuracy of cells with T layers (or so many more) and enough gates."""

    def measure(study: Study) -> Estimate:
        deep = [own for own in cells(study, of) if own.depth >= own.time + more_layers]
        wide = [own for own in deep if own.width >= wide_enough]
        if not wide:
            raise NotMeasurable(f"the study has no such cell of {wide_enough} gates or more")
        narrow = [own.accuracy.value for own in deep if own.width < wide_enough]
        remark = f"; narrower ones at least {min(narrow):.3f}" if narrow else ""
        return least((own.accuracy for own in wide), f"{len(wide)} cells{remark}")

    return measure


def distance_from_ceiling(of: Of) -> Measure:
    """Measures the largest distance from their ceilings of cells with fewer than T layers."""

    def measure(study: Study) -> Estimate:
        shallow = _shallow(study, of)
        by_width = {
            width: [distance(own.accuracy, own.ceiling) for own in shallow if own.width == width]
            for width in sorted({own.width for own in shallow})
        }
        above = max(0.0, *(own.accuracy.value - own.ceiling for own in shallow))
        told = ", ".join(
            f"{highest(away).value:.4f} with {width} gates" for width, away in by_width.items()
        )
        count = f"{len(shallow)} cell" + "s" * (len(shallow) > 1)
        remark = f"{count}: {told}; none is above its ceiling by more than {above:.4f}"
        return most((away for own in by_width.values() for away in own), remark)

    return measure


def moved_by_width(of: Of, factor: int) -> Measure:
    """Measures the most that a factor in width moves accuracy below T layers, paired by seed."""

    def measure(study: Study) -> Estimate:
        shallow = _shallow(study, of)
        moved = _moved(shallow, factor)
        if not moved:
            raise NotMeasurable(
                f"no two cells below T layers are a factor of {factor} apart in width"
            )
        told = [
            f"from {one} to {other} gates {highest(apart).value:.4f}"
            for one, other in pairwise(sorted({own.width for own in shallow}))
            if (apart := _moved(shallow, other // one, one))
        ]
        return most(moved, f"{len(moved)} pairs of cells, paired by seed; {', '.join(told)}")

    return measure


def _shallow(study: Study, of: Of) -> list[Cell]:
    found = [own for own in cells(study, of) if own.depth < own.time]
    if not found:
        raise NotMeasurable("the study has no cell with fewer layers than steps")
    return found


def _moved(shallow: list[Cell], factor: int, only: int | None = None) -> list[Interval]:
    """Returns how far a factor in width moves the accuracy of each cell (of `only` this width)."""
    by_place = {own[:4]: own.members[ACCURACY].values for own in shallow}
    return [
        distance(student_interval(by_place[rule, time, depth, factor * width] - right_S))
        for (rule, time, depth, width), right_S in by_place.items()
        if (rule, time, depth, factor * width) in by_place and only in (None, width)
    ]


def path_by_width(of: Of, factor: int) -> Measure:
    """Measures the operations that a factor in width adds to each product of the longest path.

    A layer is two products, and the head is one; the most over all cells is returned.
    """

    def measure(study: Study) -> Estimate:
        path = _paths(study, of)
        added = [
            (path[depth, factor * width] - operations) / (2 * depth + 1)
            for (depth, width), operations in path.items()
            if (depth, factor * width) in path
        ]
        if not added:
            raise NotMeasurable(f"no two widths are a factor of {factor} apart")
        return exact(max(added), f"{len(added)} pairs of programs")

    return measure


def path_by_depth(of: Of) -> Measure:
    """Measures by how much the operations that a layer adds differ between layers, at most."""

    def measure(study: Study) -> Estimate:
        path, added = _paths(study, of), {}
        for width in sorted({width for _, width in path}):
            depths = sorted(depth for depth, own_width in path if own_width == width)
            if len(depths) > 2:
                lengths = [path[depth, width] for depth in depths]
                added[width] = np.diff(lengths) / np.diff(depths)
        if not added:
            raise NotMeasurable("no width has three depths")
        told = ", ".join(f"{added_D[0]:.4g} with {width} gates" for width, added_D in added.items())
        uneven = max(float(np.ptp(added_D)) for added_D in added.values())
        return exact(uneven, f"operations a layer: {told}")

    return measure


def _paths(study: Study, of: Of) -> dict[tuple[int, int], int]:
    """Returns the serial depth of each program, by depth and width."""
    return {(own.depth, own.width): int(own.members["serial_depth"][0]) for own in cells(study, of)}


def figure_by_depth(found: list[Cell]) -> MatplotlibFigure:
    """Draws accuracy against depth, with a panel for the cells of each rule and T, in order."""
    groups: dict[tuple[int, int], list[Cell]] = {}
    for own in found:
        groups.setdefault((own.rule, own.time), []).append(own)
    widths = sorted({own.width for own in found})
    figure, axes = panels((len(groups) + 1) // 2, 2, panel_height_inches=3.2)
    for ax, group in zip(axes, groups.values(), strict=False):
        _draw(ax, group, widths)
    for ax in axes[len(groups) :]:
        ax.remove()
    return figure


def _draw(ax: Axes, found: list[Cell], widths: list[int]) -> None:
    """Draws accuracy against depth by width, which has its colour and its place in all panels."""
    of_depth = {own.depth: own.ceiling for own in found}
    ax.plot(list(of_depth), list(of_depth.values()), "--", color=GREY, label="exact ceiling")
    for width, shift, colour in zip(widths, SHIFTS, CATEGORY_COLOURS, strict=False):
        own = [part for part in found if part.width == width]
        if not own:
            continue
        ax.set_prop_cycle(color=[colour])
        places = [part.depth + shift for part in own]
        parts = ends(part.accuracy for part in own)
        plots.interval_plot(ax, places, *parts, label=f"{width} gates a cell")
    plots.whole_numbers(ax)
    title = f"Rule {found[0].rule}, T = {found[0].time}"
    ax.set(xlabel="layers D", ylabel="accuracy", ylim=(0.45, 1.03), title=title)
    plots.legend(ax)


def ceilings_table(name: str, by_kind: Mapping[str, list[Cell]]) -> Table:
    """Returns every cell of a study with its ceiling and its cost, by the kind of its gates."""
    rows = {
        (*own[:4], kind, round(own.ceiling, 4)): own.members
        for kind, found in by_kind.items()
        for own in found
    }
    names = ("rule", "T", "D", "W", "gates", "exact ceiling")
    return table(f"{name}: every cell at the end, beside its exact ceiling", names, rows)
