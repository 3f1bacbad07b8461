"""Layers against steps of an automaton, beside the exact ceilings of a receptive field."""

from __future__ import annotations

import numpy as np

from experiments.serial import cone
from experiments.serial.cells import ACCURACY
from experiments.serial.cone import Cell, Of
from jaxlab.analysis.cells import range_over_seeds
from jaxlab.analysis.critical_depth import DepthLaw, critical_depths, depth_law
from jaxlab.analysis.estimate import RANGE, Estimate, NotMeasurable, exact, of_interval
from jaxlab.analysis.estimators import Measure, over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

RULE, THRESHOLD = ({"task.rule": 110, "model.hard": hard} for hard in (False, True))
XOR, COPY = ({"task.rule": rule, "model.hard": False} for rule in (90, 204))
WIDE_ENOUGH = 16  # narrower ones could hold the answer, but some did not learn it in the pilots
KNOWN = {(2, 1): 0.656, (4, 1): 0.582, (4, 2): 0.652, (4, 3): 0.738, (6, 4): 0.709}  # by (T, D)


def layers_per_step(of: Of) -> Measure:
    """Measures the slope of a line through the depths that reach 95 %, whichever law is chosen."""

    def measure(study: Study) -> Estimate:
        law = _law(study, of)
        return over_seeds(law.slope_S["linear"], _missed(law))

    return measure


def line_over_logarithm(study: Study) -> Estimate:
    """Measures by how much a line misses the held-out depths of Rule 110, over a logarithm."""
    law = _law(study, RULE)
    return over_seeds(
        law.miss_S["linear"] / np.maximum(law.miss_S["logarithmic"], 1e-9), _missed(law)
    )


def most_layers_of_copy(study: Study) -> Estimate:
    """Measures the most layers that a copy takes at any T."""
    _law(study, COPY)  # raises where some depth is none
    found = cone.cells(study, COPY)
    depth_TxS = list(_critical_depths(found, min(own.width for own in found)).values())
    times = sorted({own.time for own in found})
    return of_interval(
        range_over_seeds(np.max(depth_TxS, axis=0)), covers=RANGE, detail=f"T in {times}"
    )


def distance_from_known_ceilings(_study: Study) -> Estimate:
    """Measures how far exact ceilings are from those known before, and of Rule 30 from 1/2."""

    def away(rule: int, time: int, depth: int, known: float) -> float:
        return abs(automata.ceiling(automata.truth_table(rule, time), depth) - known)

    coins = [(time, depth) for time in range(1, 7) for depth in range(time)]
    found = [away(110, time, depth, known) for (time, depth), known in KNOWN.items()]
    found += [away(30, time, depth, 0.5) for time, depth in coins]
    return exact(max(found), f"{len(KNOWN)} of Rule 110, {len(coins)} of Rule 30")


def _law(study: Study, of: Of) -> DepthLaw:
    """Returns how the depth that reaches 95 % goes with T, at the smallest width that learns."""
    wide = [own for own in cone.cells(study, of) if own.width >= WIDE_ENOUGH]
    if not wide:
        raise NotMeasurable(f"the study has no circuit of {WIDE_ENOUGH} gates or more")
    depths = _critical_depths(wide, min(own.width for own in wide))
    return depth_law(list(depths), np.transpose(list(depths.values())))


def _critical_depths(found: list[Cell], width: int) -> dict[int, np.ndarray]:
    """Returns the least depth of each seed that reaches 95 %, [S], by T."""
    depths = {}
    for time in sorted({own.time for own in found}):
        own = [part for part in found if (part.width, part.time) == (width, time)]
        accuracy_SxD = np.transpose([part.members[ACCURACY].values for part in own])
        depths[time] = critical_depths([part.depth for part in own], accuracy_SxD)
    return depths


def _missed(law: DepthLaw) -> str:
    missed = ", ".join(f"{name} {miss_S.mean():.2f}" for name, miss_S in law.miss_S.items())
    return f"held-out depths are missed by: {missed} layers"


def accuracy_by_depth(study: Study) -> Figure:
    """Returns accuracy against depth for every T, and for Rule 90 at the largest."""
    found, easy = cone.cells(study, RULE), cone.cells(study, XOR)
    last = max((own.time for own in easy), default=None)
    shown = [own for own in found if own.time > 1] or found
    figure = cone.figure_by_depth([*shown, *(own for own in easy if own.time == last)])
    caption = (
        f"Accuracy of ring circuits, {study.seeds} seeds with 95 % intervals; the dashed "
        "line is the exact ceiling of the receptive field of D layers. Rule 90, an XOR of two "
        "cells, is a coin below T layers too: the threshold is where the light cone closes, and "
        "says nothing of a complexity class."
    )
    return Figure("light_cone", "T layers for T steps, at any width", caption, figure)


def depth_by_steps(study: Study) -> Figure:
    """Returns the depth that is needed against T, of Rule 110, of Rule 90 and of a copy."""
    law, found = _law(study, RULE), cone.cells(study, RULE)
    figure, (ax,) = panels(panel_height_inches=3.6)
    times = np.array(sorted({own.time for own in found}))
    widths = sorted({own.width for own in found})
    top = max(own.depth for own in found) + 0.7
    for number, (width, colour) in enumerate(zip(widths, CATEGORY_COLOURS, strict=False)):
        mean_X = np.mean(list(_critical_depths(found, width).values()), axis=1)
        size = 2 + 4 * (len(widths) - number)  # the first around the last, where they are equal
        style = {"color": colour, "mew": 2, "ls": "none"}
        label = f"Rule 110, {width} gates a cell"
        ax.plot(times, mean_X, "o", mfc="none", ms=size, label=label, **style)
        if (beyond := times[np.isinf(mean_X)]).size:
            label = f"{width} gates: not reached"
            ax.plot(beyond, np.full(beyond.size, top), "x", label=label, **style)
    line = np.linspace(times[0], times[-1], 100)
    ax.plot(line, law.predict(line), color=GREY, label=f"{law.name} law")
    for of, name, marker, colour in (
        (XOR, "Rule 90, easy", "^", CATEGORY_COLOURS[4]),
        (COPY, "control: a copy (Rule 204)", "s-", CATEGORY_COLOURS[3]),
    ):
        if easy := cone.cells(study, of):
            depths = _critical_depths(easy, min(own.width for own in easy))
            mean_X = np.mean(list(depths.values()), axis=1)
            ax.plot(list(depths), mean_X, marker, color=colour, label=name)
    ax.set_ylim(0, top + 0.3)
    plots.whole_numbers(ax)
    ax.set(xlabel="steps T", ylabel="layers that reach 95 %")
    plots.legend(ax)
    caption = (
        "The least depth with an accuracy of 95 %, mean over seeds, against the steps T, for Rule "
        "110, which takes T steps, and for a copy (Rule 204), which takes none. The line reflects "
        "the receptive field: each layer adds one cell to either side. Width does not move it; the "
        "easy Rule 90, an XOR of two cells at T = 1, 2 and 4, lies near it too, so that it says "
        "nothing of a complexity class. For a task that is all in the receptive field see Sudoku."
    )
    return Figure("light_cone_depth", "The depth that is needed", caption, figure)


def every_cell(study: Study) -> Table:
    """Returns every cell with its ceiling and its cost."""
    relu = [own for of in (RULE, XOR, COPY) for own in cone.cells(study, of)]
    kinds = {"ReLU": relu, "threshold": cone.cells(study, THRESHOLD)}
    return cone.ceilings_table(study.name, kinds)
