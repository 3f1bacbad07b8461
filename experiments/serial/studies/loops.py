"""The reach of one tied block against its loops, and the frontier that moves with them."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.serial.cells import ends, table
from experiments.serial.reach import by_letter, reach
from experiments.serial.studies import BY
from jaxlab.analysis.cells import cell, levels
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table

LETTERS = 8
EXPECTED = {
    "loops_gain": Expected(
        f"S3: {LETTERS} loops of one block follow words further than one, with the same parameters "
        "(letters more)",
        BY,
        None,
        (0.5, inf),
    ),
    "loops_whole": Expected(
        f"As many loops as letters reach the whole word of {LETTERS} (letters)",
        BY,
        None,
        (LETTERS - 0.5, LETTERS),
    ),
    "loops_frontier": Expected(
        "Read after each of the loops that it was trained with, a loop moves the frontier by one "
        "letter",
        "arXiv 2607.20594: letters over loops; range by this lab",
        1.0,
        (0.8, 1.2),
    ),
}
PINNED = {"task.name": "words", "task.group": "S3", "task.length": LETTERS}
KEYS = ("model.loops",)


def reaches(study: Study) -> dict[int, np.ndarray]:
    """Returns the reach of each seed by the loops that it was trained with, [S]."""
    data = ends(study, *KEYS)
    return {
        loops: reach(by_letter(cell(data, {"model.loops": loops}), study.config.task.length))
        for loops in levels(data, "model.loops")
    }


def frontier(study: Study) -> tuple[int, np.ndarray]:
    """Returns the most loops of training, and the reach of each seed after 1, 2, ..., [S, L]."""
    data = ends(study, *KEYS)
    trained = levels(data, "model.loops")[-1]
    own = cell(data, {"model.loops": trained})
    reach_LxS = [
        reach(by_letter(own, study.config.task.length, f"eval_loop_{loop}_"))
        for loop in range(1, study.config.unrolled + 1)
    ]
    return trained, np.transpose(reach_LxS)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns reaches, and how the frontier moves with the loops of training."""
    found = reaches(study)
    few, many = min(found), max(found)
    detail = ", ".join(f"{S.mean():.3g} with {loops}" for loops, S in found.items())
    trained, reach_SxL = frontier(study)
    loop_L = np.arange(1, trained + 1)
    slope_S = np.polyfit(loop_L, reach_SxL[:, :trained].T, 1)[0]
    last = f"{reach_SxL[:, trained - 1].mean():.3g} letters after {trained} loops"
    past = f"{reach_SxL[:, -1].mean():.3g} after {reach_SxL.shape[1]}"
    return {
        "loops_gain": Measured(student_interval(found[many] - found[few]), f"reach: {detail}"),
        "loops_whole": Measured(student_interval(found[many])),
        "loops_frontier": Measured(student_interval(slope_S), f"{last}, {past}"),
    }


def figures(study: Study) -> list[Figure]:
    """Returns reach against the loops of training, and the frontier loop by loop."""
    figure, (left, right) = panels(1, 2)
    found = reaches(study)
    parts = [student_interval(reach_S) for reach_S in found.values()]
    ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
    plots.interval_plot(left, list(found), *ends_3, label="trained with so many loops")
    left.set(xlabel="loops", ylabel="reach, letters")
    left.set_xscale("log", base=2)
    trained, reach_SxL = frontier(study)
    for number, reach_L in enumerate(reach_SxL):
        right.plot(
            np.arange(1, reach_L.size + 1),
            reach_L,
            color=CATEGORY_COLOURS[0],
            alpha=0.6,
            label="seeds" if number == 0 else None,
        )
    right.axvline(trained, color=GREY, ls="--", label="loops of training")
    right.set(xlabel="read after so many loops", ylabel="reach, letters")
    for ax in (left, right):
        ax.set_ylim(-0.3, study.config.task.length + 0.3)
        plots.legend(ax)
    caption = (
        f"Words of S3, {study.config.seeds} seeds. Left: one block with the same parameters, "
        "trained with more loops, 95 % intervals. Right: the one with the most loops, read after "
        "each of them, and beyond those that it was trained with."
    )
    return [Figure("loops", "Depth by repetition", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell, with its reach."""
    data, rows = ends(study, *KEYS), {}
    for loops in levels(data, "model.loops"):
        own = cell(data, {"model.loops": loops})
        rows[loops, float(reach(by_letter(own, study.config.task.length)).mean())] = own
    return [table("loops: accuracy over all prefixes", ("loops", "reach, letters"), rows)]
