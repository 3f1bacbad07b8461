"""Sudoku of few and of many rounds of forced moves: compute in series and side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

import numpy as np
import xarray as xr

from experiments.serial import ways
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from experiments.serial.ways import EIGHT, ONE
from jaxlab.analysis.cells import levels, lowest, pick, range_over_seeds
from jaxlab.analysis.critical_depth import critical_depths
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

HARD, EASY = "Boards of the most rounds", "Control: boards of one round"
ADDED = {  # by each way to the solved boards of the most rounds, percentage points
    "depth": ("at least 70", (70.0, inf)),
    "width": ("less than 15", (-inf, 15.0)),
    "votes": ("less than 15", (-inf, 15.0)),
    "streams": ("less than 15", (-inf, 15.0)),
}


def _added(way: str, size: str, expected: tuple[float, float], *, control: bool) -> Expected:
    return Expected(
        f"{EASY if control else HARD}: spent on {way}, eight times the compute of one layer adds "
        f"{size} to the solved ones (percentage points)",
        BY,
        None,
        expected,
        control=control,
        in_overview=True,
        group="sudoku control" if control else "sudoku",
        short=f"8 times the compute in {way}",
    )


EXPECTED = {
    **{f"sudoku_{way}": _added(way, *own, control=False) for way, own in ADDED.items()},
    **{f"sudoku_easy_{way}": _added(way, "nothing", (-1.0, 1.0), control=True) for way in EIGHT},
    "sudoku_over": Expected(
        f"{HARD}: spent on layers with the same parameters it adds more than on width, votes or "
        "streams (percentage points more, the least of three)",
        BY,
        None,
        (60.0, inf),
    ),
    "sudoku_halved": Expected(
        f"{HARD}: so often layers halve those that the best of width, votes and streams leaves "
        "unsolved (times, the least of three; no more than the evaluation can tell)",
        BY,
        None,
        (4.0, inf),
    ),
    "sudoku_solved": Expected(
        f"{HARD} are solved by {EIGHT['depth']} layers (share of boards)", BY, None, (0.95, inf)
    ),
    "sudoku_easy_solved": Expected(
        f"{EASY} are solved by one layer (share of boards)",
        BY,
        None,
        (0.99, inf),
        control=True,
    ),
    "sudoku_layers": Expected(
        f"{HARD} take more layers than those of one round to be solved in 95 % (layers more, range "
        "over seeds)",
        BY,
        None,
        (1.0, inf),
    ),
}
PINNED = {"task.name": "sudoku", "model.tied": True, **of_training(2000)}
SOLVED = "eval_row_accuracy"
Cells = dict[int, ways.Arms]


def arms(study: Study) -> Cells:
    """Returns the arms, with all rates, by the rounds of their boards."""
    data = ends(study, "task.puzzles", *ways.KEYS)
    sets = {int(name.partition("_")[2]): name for name in levels(data, "task.puzzles")}
    return {r: ways.arms(pick(data, {"task.puzzles": name})) for r, name in sorted(sets.items())}


def cells(study: Study) -> Cells:
    """Returns the arms with their best rates."""
    return {
        rounds: {key: ways.tuned(arm) for key, arm in own.items()}
        for rounds, own in arms(study).items()
    }


def solved(own: xr.Dataset) -> np.ndarray:
    """Returns the share of boards without a mistake, of each seed."""
    return own[SOLVED].values


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns gains, paired by seed, and the depths that are needed."""
    found = cells(study)
    easy, hard = min(found), max(found)
    if easy != 1 or hard == easy:
        reason = f"the study has rounds from {easy} to {hard}, not from 1 to more"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    needed = [(rounds, *key) for rounds in (easy, hard) for key in (ONE, *EIGHT.items())]
    if missing := [key for key in needed if key[1:] not in found[key[0]]]:
        reason = f"the study has no (rounds, way, times) of {missing}"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    deep = "depth", EIGHT["depth"]
    boards = study.config.train.batch_size * study.config.eval.batches

    def halvings(own: xr.Dataset) -> np.ndarray:
        return -np.log2(np.maximum(1 - solved(own), 0.5 / boards))  # half a board is none

    claims: dict[str, Measured | Unmeasured] = {
        "sudoku_solved": Measured(student_interval(solved(found[hard][deep])), f"{hard} rounds"),
        "sudoku_easy_solved": Measured(student_interval(solved(found[easy][ONE]))),
        "sudoku_over": Measured(
            _over(found[hard], lambda own: 100 * solved(own)), _told(found[hard])
        ),
        "sudoku_halved": Measured(
            _over(found[hard], halvings),
            f"{_told(found[hard])}; half a board of {boards} counts as none, which "
            f"{int((solved(found[hard][deep]) == 1).sum())} seeds reach",
        ),
        "sudoku_layers": _layers(found),
    }
    for rounds, name in ((hard, "sudoku"), (easy, "sudoku_easy")):
        own = found[rounds]
        for way, times in EIGHT.items():
            added_S = 100 * (solved(own[way, times]) - solved(own[ONE]))
            detail = f"{solved(own[ONE]).mean():.3f} with one layer, of boards that take {rounds}"
            claims[f"{name}_{way}"] = Measured(student_interval(added_S), detail)
    return claims


def _over(own: ways.Arms, score: Callable[[xr.Dataset], np.ndarray]) -> Interval:
    """Returns the least by which layers are better than another way, paired by seed."""
    deep_S = score(own["depth", EIGHT["depth"]])
    others = [score(own[way, EIGHT[way]]) for way in EIGHT if way != "depth"]
    return lowest(student_interval(deep_S - other_S) for other_S in others)


def _told(own: ways.Arms) -> str:
    shares = (f"{solved(own[key]).mean():.3f} in {key[0]}" for key in EIGHT.items())
    return f"solved: {', '.join(shares)}"


def depths(own: ways.Arms) -> np.ndarray:
    """Returns the least number of layers with which each seed solves 95 % of the boards, [S]."""
    deep = sorted(times for way, times in own if way == "depth")
    return critical_depths(deep, np.transpose([solved(own["depth", times]) for times in deep]))


def _layers(found: Mapping[int, ways.Arms]) -> Measured | Unmeasured:
    needed = {rounds: depths(own) for rounds, own in found.items()}
    told = ", ".join(f"{depth_S.mean():.3g} for {rounds}" for rounds, depth_S in needed.items())
    of_most = found[max(found)]
    shares = ", ".join(
        f"{solved(of_most['depth', times]).mean():.4f} of {times}"
        for way, times in of_most
        if way == "depth"
    )
    told += f"; layers solve of the most rounds: {shares}"
    easy_S, hard_S = needed[min(needed)], needed[max(needed)]
    if not np.isfinite([easy_S, hard_S]).all():
        return Unmeasured(f"some depths were not reached; mean layers by rounds: {told}")
    return Measured(range_over_seeds(hard_S - easy_S), f"layers by rounds: {told}")


def figures(study: Study) -> list[Figure]:
    """Returns the share of solved boards against compute, of the most rounds and of the least."""
    found = cells(study)
    figure, axes = panels(1, 2)
    for ax, rounds in zip(axes, (max(found), min(found)), strict=True):
        ways.draw(ax, found[rounds], SOLVED)
        title = f"{rounds} round" + "s" * (rounds > 1)
        ax.set(ylabel="boards solved", ylim=(-0.03, 1.03), title=title)
    caption = (
        f"Boards without a mistake, {study.config.seeds} seeds, 95 % intervals. From one layer on, "
        "compute goes into layers (same parameters), width, mixers that vote, or mixed streams "
        "(same parameters but for a shift each). Every layer sees the whole board, and boards of "
        f"all rounds have as many blanks. {ways.CHOICE}"
    )
    return [Figure("sudoku", "Blanks that follow one from another", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell by whole boards and by blanks."""
    found = {(rounds, *key): arm for rounds, own in arms(study).items() for key, arm in own.items()}
    rows, names = ways.every_rate(found), ("rounds", "compute in", "times", "rate", "rate taken")
    return [
        table("sudoku: share of whole boards", names, rows, SOLVED),
        table("sudoku: share of blanks", names, rows),
    ]
