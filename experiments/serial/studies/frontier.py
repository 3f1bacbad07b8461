"""How far each loop of a re-injected block follows a word, taught letter by letter."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.serial.cells import ends, table
from experiments.serial.frontier import draw_frontier, frontier, letters_a_loop
from experiments.serial.reach import by_letter, reach
from experiments.serial.studies import BY
from jaxlab.analysis.cells import cell, levels, range_over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

PUBLISHED = "arXiv 2607.20594: letters over loops of training; range by this lab"
EXPECTED = {
    "frontier_slope": Expected(
        "S3: trained with as many loops as a word has letters, a loop of a re-injected block moves "
        "the frontier by one letter",
        PUBLISHED,
        1.0,
        (0.8, 1.2),
    ),
    "frontier_whole": Expected(
        "and its last loop has reached the whole word (letters that are missed, range over seeds)",
        BY,
        None,
        (0.0, 0.5),
    ),
    "frontier_past": Expected(
        "and twice as many loops lose no letter (letters lost, range over seeds)",
        BY,
        None,
        (-inf, 0.5),
    ),
    "frontier_half": Expected(
        "Trained with half as many loops, a loop of it moves the frontier by two letters",
        PUBLISHED,
        2.0,
        (1.6, 2.4),
    ),
    "frontier_control": Expected(
        "Control: trained with one loop, the same parameters follow no letter more when they run "
        "many times (letters more than after one, range over seeds)",
        BY,
        None,
        (-inf, 0.5),
        control=True,
    ),
}
PINNED = {"task.name": "growing_words", "task.group": "S3", "model.injected": True}
LOOPS = "model.loops"


def frontiers(study: Study) -> dict[int, np.ndarray]:
    """Returns the reach of each seed after every loop, [S, L], by the loops of training."""
    data = ends(study, LOOPS)
    return {loops: frontier(study, cell(data, {LOOPS: loops})) for loops in levels(data, LOOPS)}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns how the frontier moves, and where it ends."""
    found, letters = frontiers(study), study.config.task.length
    if missing := [loops for loops in (1, letters // 2, letters) if loops not in found]:
        return dict.fromkeys(EXPECTED, Unmeasured(f"no block was trained with {missing} loops"))
    whole_SxL, one_SxL = found[letters], found[1]
    twice = 2 * letters
    if whole_SxL.shape[1] < twice:
        return dict.fromkeys(EXPECTED, Unmeasured(f"the blocks are not read after {twice} loops"))
    ends_S, more_S = whole_SxL[:, letters - 1], one_SxL[:, -1] - one_SxL[:, 0]
    control = f"{one_SxL[:, 0].mean():.3g} after one, {one_SxL[:, -1].mean():.3g} after {twice}"
    return {
        "frontier_slope": letters_a_loop(whole_SxL, letters),
        "frontier_whole": Measured(range_over_seeds(letters - ends_S), f"of {letters}"),
        "frontier_past": Measured(range_over_seeds(ends_S - whole_SxL[:, twice - 1])),
        "frontier_half": letters_a_loop(found[letters // 2], letters // 2),
        "frontier_control": Measured(range_over_seeds(more_S), control),
    }


def figures(study: Study) -> list[Figure]:
    """Returns the frontier loop by loop, a panel for each number of loops of training."""
    found, length = frontiers(study), study.config.task.length
    figure, axes = panels(1, len(found), panel_height_inches=3.6)
    for ax, (trained, reach_SxL) in zip(axes, found.items(), strict=True):
        draw_frontier(ax, reach_SxL, trained)
        ax.set(title=f"trained with {trained} loop" + "s" * (trained > 1))
        ax.set_ylim(-0.3, length + 0.3)
    caption = (
        f"Words of S3 with {length} letters, {study.config.seeds} seeds: the longest prefix up to "
        "which all are 95 % right, read after each loop of one block that reads the tokens again "
        "in every loop. Training asks for two letters first and doubles them, with loops in "
        "proportion; all three have the same parameters, data and steps."
    )
    return [Figure("frontier", "A letter for every loop", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell with its reach at the end of its own loops."""
    data, length, rows = ends(study, LOOPS), study.config.task.length, {}
    for loops in levels(data, LOOPS):
        own = cell(data, {LOOPS: loops})
        rows[loops, float(reach(by_letter(own, length)).mean())] = own
    return [table("frontier: accuracy over all prefixes", ("loops", "reach, letters"), rows)]
