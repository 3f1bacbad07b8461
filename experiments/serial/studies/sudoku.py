"""Sudoku of few and of many rounds of forced moves, against layers and against width."""

from __future__ import annotations

import numpy as np
import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.studies import BY
from jaxlab.analysis.cells import cell, levels, lowest, pick
from jaxlab.analysis.critical_depth import critical_depths, depth_law
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

LAYERS, FACTOR, FEW = 8, 4, 2  # of depth, of width, and the layers that easy boards may take
EXPECTED = {
    "sudoku_gain": Expected(
        f"Of one layer, {LAYERS} with the same parameters solve more boards of the most rounds; "
        "less what they add on boards of one round, that is (percentage points)",
        BY,
        None,
        (20.0, 100.0),
    ),
    "sudoku_solved": Expected(
        f"{LAYERS} layers solve boards of the most rounds (share of boards)",
        BY,
        None,
        (0.9, 1.0),
    ),
    "sudoku_width": Expected(
        f"{FACTOR} times the width of one layer solves more boards of the most rounds (percentage "
        "points)",
        BY,
        None,
        (-5.0, 20.0),
    ),
    "sudoku_beyond_width": Expected(
        f"Boards of the most rounds that {LAYERS} layers solve beyond one or two layers of "
        f"{FACTOR} times the width and more parameters (percentage points, the least)",
        BY,
        None,
        (5.0, 100.0),
    ),
    "sudoku_depth": Expected(
        "Boards of the most rounds take more layers than boards of one round to be solved in 95 % "
        "(layers more)",
        BY,
        None,
        (1.0, LAYERS - 1.0),
    ),
    "sudoku_control": Expected(
        f"Control: boards of one round are solved by {FEW} layers (share of boards)",
        BY,
        None,
        (0.99, 1.0),
        control=True,
    ),
}
PINNED = {"task.name": "sudoku", "model.name": "mixer", "model.tied": True}
KEYS = ("task.puzzles", "model.depth", "model.width")
SOLVED = "eval_row_accuracy"
Cells = dict[tuple[int, int, int], xr.Dataset]


def cells(study: Study) -> Cells:
    """Returns the cells by (rounds, depth, factor of the width)."""
    data, found = ends(study, *KEYS), {}
    for puzzles in levels(data, "task.puzzles"):
        of_set = pick(data, {"task.puzzles": puzzles})
        rounds = int(puzzles.partition("_")[2])
        places = zip(of_set["model.depth"].values, of_set["model.width"].values, strict=True)
        for depth, width in sorted(set(places)):
            own = cell(of_set, {"model.depth": depth, "model.width": width})
            found[rounds, int(depth), int(width) // study.config.base_width] = own
    return dict(sorted(found.items()))


def solved(own: xr.Dataset) -> np.ndarray:
    """Returns the share of boards without a mistake, of each seed."""
    return own[SOLVED].values


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns gains, paired by seed, and the depths that are needed."""
    found = cells(study)
    rounds = [key[0] for key in found]
    easy, hard = min(rounds), max(rounds)
    shapes = [(LAYERS, 1), (1, 1), (1, FACTOR), (FEW, FACTOR)]
    needed = [(hard, *shape) for shape in shapes] + [(easy, d, 1) for d in (1, FEW, LAYERS)]
    if easy != 1 or hard == easy:
        reason = f"the study has rounds from {easy} to {hard}, not from 1 to more"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    if missing := [key for key in needed if key not in found]:
        reason = f"the study has no (rounds, layers, times the width) of {missing}"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    one_S, deep_S = solved(found[hard, 1, 1]), solved(found[hard, LAYERS, 1])
    added_S = solved(found[easy, LAYERS, 1]) - solved(found[easy, 1, 1])
    wide = {depth: solved(found[hard, depth, FACTOR]) for depth in (1, FEW)}
    told = ", ".join(f"{wide_S.mean():.3f} with {depth}" for depth, wide_S in wide.items())
    return {
        "sudoku_gain": Measured(
            student_interval(100 * (deep_S - one_S - added_S)),
            f"{hard} rounds: {one_S.mean():.3f} to {deep_S.mean():.3f}; 1 round gains "
            f"{100 * added_S.mean():.1f}",
        ),
        "sudoku_solved": Measured(student_interval(deep_S), f"{hard} rounds"),
        "sudoku_width": Measured(student_interval(100 * (wide[1] - one_S)), f"{hard} rounds"),
        "sudoku_beyond_width": Measured(
            lowest(student_interval(100 * (deep_S - wide_S)) for wide_S in wide.values()),
            f"wide layers: {told}",
        ),
        "sudoku_depth": _depth(found, easy, hard),
        "sudoku_control": Measured(student_interval(solved(found[easy, FEW, 1]))),
    }


def depths(found: Cells) -> dict[int, np.ndarray]:
    """Returns the least depth of each seed that solves 95 % of the boards, [S], by rounds."""
    needed = {}
    for rounds in dict.fromkeys(rounds for rounds, *_ in found):
        own = {
            depth: part for (r, depth, factor), part in found.items() if (r, factor) == (rounds, 1)
        }
        solved_SxD = np.transpose([solved(part) for part in own.values()])
        needed[rounds] = critical_depths(list(own), solved_SxD)
    return needed


def _depth(found: Cells, easy: int, hard: int) -> Measured | Unmeasured:
    needed = depths(found)
    told = ", ".join(f"{depth_S.mean():.3g} for {rounds}" for rounds, depth_S in needed.items())
    if not np.isfinite([needed[easy], needed[hard]]).all():
        return Unmeasured(f"some depths were not reached; mean layers by rounds: {told}")
    try:
        law = depth_law(list(needed), np.transpose(list(needed.values())), held_out=1)
        said = f"{law.name}, {law.slope.value:.2g}"
    except ValueError as error:
        said = f"not told ({error})"
    return Measured(
        student_interval(needed[hard] - needed[easy]), f"layers by rounds: {told}; law: {said}"
    )


def figures(study: Study) -> list[Figure]:
    """Returns the share of solved boards against serial depth and against width, by rounds."""
    found = cells(study)
    figure, (left, right) = panels(1, 2)
    for rounds in dict.fromkeys(rounds for rounds, *_ in found):
        own = {key[1:]: part for key, part in found.items() if key[0] == rounds}
        deep = [part for (_, factor), part in own.items() if factor == 1]
        wide = [part for (depth, _), part in own.items() if depth == 1]
        label = f"{rounds} round" + "s" * (rounds > 1)
        for ax, line, key in ((left, deep, "serial_depth"), (right, wide, "model.width")):
            parts = [student_interval(solved(part)) for part in line]
            ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
            plots.interval_plot(ax, [int(part[key][0]) for part in line], *ends_3, label=label)
    left.set(xlabel="serial depth, operations", ylabel="boards solved")
    right.set(xlabel="width of one layer", ylabel="boards solved")
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_ylim(-0.03, 1.03)
        plots.legend(ax)
    layers = ", ".join(str(depth) for depth in dict.fromkeys(depth for _, depth, _ in found))
    caption = (
        f"Boards without a mistake, {study.config.seeds} seeds, 95 % intervals. Left: {layers} "
        "layers with the same parameters; serial depth is counted in the program of each model. "
        "Right: one layer, wider and wider. Every layer sees the whole board, and boards of all "
        "rounds have as many blanks."
    )
    return [Figure("sudoku", "Blanks that follow one from another", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell by whole boards and by blanks."""
    found, names = cells(study), ("rounds", "layers", "times the width")
    return [
        table("sudoku: share of whole boards", names, found, SOLVED),
        table("sudoku: share of blanks", names, found),
    ]
