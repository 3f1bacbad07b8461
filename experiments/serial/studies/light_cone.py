"""Layers against steps of an automaton, beside the exact ceilings of what a circuit can see."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.serial import cone
from experiments.serial.cells import ends, table
from experiments.serial.cone import Cell
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import exactly, pick, range_over_seeds
from jaxlab.analysis.critical_depth import DepthLaw, critical_depths, depth_law
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

RULE, XOR, COPY, COIN = 110, 90, 204, 30
WIDE_ENOUGH = 16  # narrower ones could hold the answer, but some did not learn it in the pilots
EXPECTED = {
    "light_cone_reached": Expected(
        f"Rule 110: T layers of at least {WIDE_ENOUGH} gates answer what takes T steps (the least "
        "accuracy of all T and D ≥ T)",
        BY,
        None,
        (0.995, inf),
    ),
    "light_cone_ceiling": Expected(
        "With fewer layers accuracy is the exact ceiling of what D layers see, at every width (the "
        "largest distance)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "light_cone_width": Expected(
        "Width buys no layer: below T, eight times the width moves accuracy by (the most)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "light_cone_slope": Expected(
        "The depth that reaches 95 % grows by one layer for every step (the slope of a line)",
        BY,
        None,
        (0.95, 1.05),
    ),
    "light_cone_linear": Expected(
        "A line foretells the depth of the two largest T better than a logarithm (its miss over "
        "the other's)",
        BY,
        None,
        (-inf, 0.5),
    ),
    "light_cone_hard_reached": Expected(
        "Circuits of threshold gates answer at T layers as well (T up to 2, the least accuracy)",
        BY,
        None,
        (0.995, inf),
    ),
    "light_cone_hard_ceiling": Expected(
        "and with fewer they are at the same exact ceiling (the largest distance)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "light_cone_90_reached": Expected(
        "Rule 90 at T = 1, 2 and 4 is answered by T layers as well, though it is an XOR of two "
        "cells: the threshold is one of sight, not of complexity (the least accuracy at D ≥ T)",
        BY,
        None,
        (0.995, inf),
    ),
    "light_cone_90_ceiling": Expected(
        "and with fewer layers it is a coin (the largest distance from 1/2)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "light_cone_copy": Expected(
        "Control: to copy (Rule 204) takes one layer at every T (layers that reach 95 %, the most "
        "of any T, range over seeds)",
        BY,
        None,
        (1.0, 1.0),
        control=True,
    ),
    "light_cone_copy_slope": Expected(
        "Control: a step of it costs no layer (the slope of a line through these depths)",
        BY,
        None,
        (-0.05, 0.05),
        control=True,
    ),
    "light_cone_exact": Expected(
        "The exact ceilings are those known for Rule 110 (T = 2, 4, 6), and 1/2 for Rule 30 at all "
        "D < T up to 6 (the largest distance)",
        "counted over truth tables; the known ones, to three digits, by an earlier count",
        None,
        (0.0, 0.0005),
    ),
    "light_cone_meter_width": Expected(
        "In the program eight times the width adds 3 operations to the longest path of each of its "
        "2 D + 1 products (the most): serial depth goes as the logarithm of W",
        "counted in the program, without a run",
        None,
        (0.0, 3.0),
    ),
    "light_cone_meter_depth": Expected(
        "and every layer adds as many operations as the layer before: serial depth is linear in D "
        "(the largest difference)",
        "counted in the program, without a run",
        None,
        (0.0, 0.0),
    ),
}
KNOWN = {(2, 1): 0.656, (4, 1): 0.582, (4, 2): 0.652, (4, 3): 0.738, (6, 4): 0.709}  # by (T, D)
PINNED = {"task.name": "automaton", "task.asks": "every", "model.tied": False, **of_training(2500)}


def cells(study: Study, rule: int, hard: bool = False) -> list[Cell]:
    """Returns the cells of a rule, with threshold gates or without."""
    return cone.cells(pick(ends(study, "model.hard", *cone.KEYS), {"model.hard": hard}), rule=rule)


def law(found: list[Cell]) -> DepthLaw:
    """Returns how the depth that reaches 95 % goes with T, at the smallest width that learns."""
    found = [own for own in found if own.width >= WIDE_ENOUGH]
    if not found:
        raise ValueError(f"the study has no circuit of {WIDE_ENOUGH} gates or more")
    width = min(own.width for own in found)
    times = sorted({own.time for own in found})
    return depth_law(times, np.transpose([critical(found, width, time) for time in times]))


def critical(found: list[Cell], width: int, time: int) -> np.ndarray:
    """Returns the least depth of each seed that reaches 95 %, [S]."""
    own = [part for part in found if (part.width, part.time) == (width, time)]
    accuracy_SxD = np.transpose([part.data["eval_accuracy"].values for part in own])
    return critical_depths([part.depth for part in own], accuracy_SxD)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the claims, each over all cells that it speaks of."""
    found = cells(study, RULE)
    kinds = {"": found, "hard_": cells(study, RULE, hard=True), "90_": cells(study, XOR)}
    claims: dict[str, Measured | Unmeasured] = {}
    for kind, own in kinds.items():
        claims[f"light_cone_{kind}reached"] = cone.reached(own, WIDE_ENOUGH)
        claims[f"light_cone_{kind}ceiling"] = cone.at_ceiling(own)
    claims["light_cone_width"] = cone.widened(found, 8)
    for names, measured, own in (
        (("light_cone_slope", "light_cone_linear"), _law, found),
        (("light_cone_copy", "light_cone_copy_slope"), _copied, cells(study, COPY)),
    ):
        try:
            claims |= measured(own)
        except ValueError as error:
            claims |= dict.fromkeys(names, Unmeasured(str(error)))
    claims["light_cone_exact"] = _ceilings()
    claims["light_cone_meter_width"] = cone.path_by_width(found, 8)
    claims["light_cone_meter_depth"] = cone.path_by_depth(found)
    return claims


def _law(found: list[Cell]) -> dict[str, Measured | Unmeasured]:
    own = law(found)
    ratio_S = own.miss_S["linear"] / np.maximum(own.miss_S["logarithmic"], 1e-9)
    return {
        "light_cone_slope": Measured(_line(own), _missed(own)),
        "light_cone_linear": Measured(student_interval(ratio_S), _missed(own)),
    }


def _copied(found: list[Cell]) -> dict[str, Measured | Unmeasured]:
    own = law(found)  # raises where some depth is none
    times = sorted({part.time for part in found})
    depth_TxS = [critical(found, min(part.width for part in found), time) for time in times]
    most = range_over_seeds(np.max(depth_TxS, axis=0))
    return {
        "light_cone_copy": Measured(most, f"T in {times}"),
        "light_cone_copy_slope": Measured(_line(own), _missed(own)),
    }


def _line(found: DepthLaw) -> Interval:
    """Returns the layers of each step, whichever law was chosen."""
    return student_interval(found.slope_S["linear"])


def _missed(found: DepthLaw) -> str:
    missed = ", ".join(f"{name} {miss_S.mean():.2f}" for name, miss_S in found.miss_S.items())
    return f"held-out depths are missed by: {missed} layers"


def _ceilings() -> Measured:
    away = [
        abs(automata.ceiling(automata.truth_table(RULE, time), depth) - known)
        for (time, depth), known in KNOWN.items()
    ]
    coins = [(time, depth) for time in range(1, 7) for depth in range(time)]
    away += [
        abs(automata.ceiling(automata.truth_table(COIN, time), depth) - 0.5)
        for time, depth in coins
    ]
    return Measured(exactly(max(away)), f"{len(KNOWN)} of Rule {RULE}, {len(coins)} of {COIN}")


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against depth for every T, and the depth that is needed against T."""
    found = [own for own in cells(study, RULE) if own.time > 1] or cells(study, RULE)
    control = cells(study, XOR)
    times = sorted({own.time for own in found})
    widths = sorted({own.width for own in [*found, *control]})
    figure, axes = panels((len(times) + 2) // 2, 2, panel_height_inches=3.2)
    for ax, time in zip(axes, times, strict=False):
        cone.draw(ax, [own for own in found if own.time == time], widths)
        ax.set_title(f"Rule {RULE}, T = {time}")
    last = max((own.time for own in control), default=None)
    cone.draw(axes[len(times)], [own for own in control if own.time == last], widths)
    axes[len(times)].set_title(f"Rule {XOR}, T = {last}")
    for ax in axes[len(times) + 1 :]:
        ax.remove()
    seeds = found[0].data.sizes["member"]
    caption = (
        f"Accuracy of ring circuits, {seeds} seeds with 95 % intervals; the dashed line is the "
        "exact ceiling of what D layers can see. Rule 90, an XOR of two cells, is a coin below "
        "T layers too: the threshold is where the light cone closes, and says nothing of a "
        "complexity class."
    )
    return [
        Figure("light_cone", "T layers for T steps, at any width", caption, figure),
        *_depth_figure(study),
    ]


def _depth_figure(study: Study) -> list[Figure]:
    own = cells(study, RULE)
    try:
        found = law(own)
    except ValueError:
        return []
    figure, (ax,) = panels(panel_height_inches=3.6)
    times = np.array(sorted({part.time for part in own}))
    widths = sorted({part.width for part in own})
    top = max(part.depth for part in own) + 0.7
    for number, (width, colour) in enumerate(zip(widths, CATEGORY_COLOURS, strict=False)):
        mean_X = np.array([critical(own, width, time).mean() for time in times])
        size = 4 * (2 + len(widths) - number)  # the first around the last, where they are equal
        label = f"Rule {RULE}, {width} gates a cell"
        ax.plot(times, mean_X, "o", color=colour, mfc="none", mew=2, ms=size, label=label)
        if (beyond := times[np.isinf(mean_X)]).size:
            label = f"{width} gates: not reached"
            ax.plot(beyond, np.full(beyond.size, top), "x", color=colour, mew=2, label=label)
    line = np.linspace(times[0], times[-1], 100)
    ax.plot(line, found.predict(line), color=GREY, label=f"{found.name} law")
    for rule, name, marker, colour in (
        (XOR, f"Rule {XOR}, easy", "^", CATEGORY_COLOURS[4]),
        (COPY, f"control: a copy (Rule {COPY})", "s-", CATEGORY_COLOURS[3]),
    ):
        easy = cells(study, rule)
        for width in sorted({part.width for part in easy})[:1]:
            times = sorted({part.time for part in easy})
            mean_X = [critical(easy, width, time).mean() for time in times]
            ax.plot(times, mean_X, marker, color=colour, label=name)
    ax.set_ylim(0, top + 0.3)
    plots.whole_numbers(ax)
    ax.set(xlabel="steps T", ylabel="layers that reach 95 %")
    plots.legend(ax)
    caption = (
        "The least depth with an accuracy of 95 %, mean over seeds, against the steps T, for what "
        f"takes T steps and for a copy (Rule {COPY}), which takes none. The line is one of sight: "
        "a layer sees one cell further. Width does not move it; the easy Rule 90, an XOR of two "
        "cells at T = 1, 2 and 4, lies near it too, so that it says nothing of a complexity class. "
        "For a task that is all in sight see Sudoku."
    )
    return [Figure("light_cone_depth", "The depth that is needed", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell with its ceiling and its cost."""
    rows = {}
    for rule, hard in ((RULE, False), (RULE, True), (XOR, False), (COPY, False)):
        for own in cells(study, rule, hard):
            known = round(own.ceiling, 4)
            gates = "threshold" if hard else "ReLU"
            rows[rule, own.time, own.depth, own.width, gates, known] = own.data
    names = ("rule", "T", "D", "W", "gates", "exact ceiling")
    return [table("light_cone: every cell at the end", names, rows)]
