"""How far each loop of a re-injected block follows a word, taught by words that grow."""

from __future__ import annotations

from math import inf

import numpy as np
import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.frontier import draw_frontier, frontier, letters_a_loop
from experiments.serial.reach import by_letter, reach
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import cell, range_over_seeds
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
    "frontier_line": Expected(
        "With as many loops as letters, reach is never far from a letter a loop (letters, the most "
        "over loops, range over seeds)",
        BY,
        None,
        (0.0, 1.0),
    ),
    "frontier_fixed": Expected(
        "Taught the same letters stage by stage, but with all loops from the start, it reaches "
        "less far (letters fewer, range over seeds)",
        BY,
        None,
        (0.5, inf),
    ),
    "frontier_untrained": Expected(
        "Loops have to be trained: a block that was trained with one loop follows no letter more "
        "when it runs many times (letters more than after one, range over seeds)",
        BY,
        None,
        (-inf, 0.5),
    ),
}
PINNED = {
    "task.name": "growing_words",
    "task.group": "S3",
    "model.injected": True,
    **of_training(2000),
}
LOOPS, STAGED = "model.loops", "staged_loops"
Key = tuple[int, bool]  # loops of training, and whether they grow with the words


def cells(study: Study) -> dict[Key, xr.Dataset]:
    """Returns the cells by the loops of training and whether these grow with the words."""
    data = ends(study, LOOPS, STAGED)
    keys = sorted(set(zip(data[LOOPS].values.tolist(), data[STAGED].values.tolist(), strict=True)))
    return {key: cell(data, dict(zip((LOOPS, STAGED), key, strict=True))) for key in keys}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns how the frontier moves, and where it ends."""
    found = {key: frontier(study, own) for key, own in cells(study).items()}
    letters, unrolled = study.config.task.length, study.config.unrolled
    keys = {"one": (1, True), "half": (letters // 2, True), "whole": (letters, True)}
    keys["fixed"] = (letters, False)
    if any(key not in found for key in keys.values()):
        reason = f"no members with loops 1, {letters // 2} and {letters}: set --config.loops so"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    if unrolled < 2 * letters:
        return dict.fromkeys(EXPECTED, Unmeasured(f"read after {unrolled} loops: too few"))
    one_SxL, half_SxL, whole_SxL, fixed_SxL = (found[key] for key in keys.values())
    end_S, fixed_S = whole_SxL[:, letters - 1], fixed_SxL[:, letters - 1]
    away_S = np.abs(whole_SxL[:, :letters] - np.arange(1, letters + 1)).max(axis=1)
    more_S = one_SxL[:, -1] - one_SxL[:, 0]
    if not (end_S.all() and one_SxL[:, 0].all()):
        return dict.fromkeys(EXPECTED, Unmeasured("some block has not learned its first letter"))
    return {
        "frontier_slope": letters_a_loop(whole_SxL, letters),
        "frontier_whole": Measured(range_over_seeds(letters - end_S), f"of {letters}"),
        "frontier_past": Measured(range_over_seeds(end_S - whole_SxL[:, 2 * letters - 1])),
        "frontier_half": letters_a_loop(half_SxL, letters // 2),
        "frontier_line": Measured(range_over_seeds(away_S)),
        "frontier_fixed": Measured(
            range_over_seeds(end_S - fixed_S), f"{fixed_S.mean():.3g} of {letters} reached"
        ),
        "frontier_untrained": Measured(
            range_over_seeds(more_S),
            f"{one_SxL[:, 0].mean():.3g} after one, {one_SxL[:, -1].mean():.3g} after {unrolled}",
        ),
    }


def figures(study: Study) -> list[Figure]:
    """Returns the frontier loop by loop, a panel for each cell."""
    found, length = cells(study), study.config.task.length
    figure, axes = panels((len(found) + 1) // 2, 2, panel_height_inches=3.2)
    for ax, ((trained, staged), own) in zip(axes, found.items(), strict=False):
        draw_frontier(ax, frontier(study, own), trained)
        loops = f"{trained} loop" + "s" * (trained > 1)
        ax.set(title=f"trained with {loops}" + ", all from the start" * (not staged))
        ax.set_ylim(-0.3, length + 0.3)
    for ax in axes[len(found) :]:
        ax.remove()
    caption = (
        f"Words of S3 with {length} letters, {study.config.seeds} seeds: the longest prefix up to "
        "which all are 95 % right, read after each loop of one block that reads the tokens again "
        "in every loop. Training asks for two letters first and doubles them, with loops in "
        "proportion but in one panel; all have the same parameters, data and steps."
    )
    return [Figure("frontier", "A letter for every loop", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell with its reach at the end of its own loops."""
    rows, length = {}, study.config.task.length
    for (loops, staged), own in cells(study).items():
        taught = "with the words" if staged else "all from the start"
        rows[loops, taught, float(reach(by_letter(own, length)).mean())] = own
    names = ("loops", "loops come", "reach, letters")
    return [table("frontier: accuracy over all prefixes", names, rows)]
