"""The reach of one tied block against its loops, and the frontier that moves with them."""

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
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.words import Words

PLAIN = "not re-injected: each loop reads the states of the loop before, and no tokens"
ELSEWHERE = (
    "arXiv 2607.20594 has letters over loops, of a model that is re-injected; range by this lab"
)
EXPECTED = {
    "loops_gain": Expected(
        "S3: as many loops of one block as a word has letters follow it further than one, with the "
        "same parameters (letters more, range over seeds)",
        BY,
        None,
        (0.5, inf),
    ),
    "loops_whole": Expected(
        "and they reach the whole word (letters that are missed, range over seeds)",
        BY,
        None,
        (0.0, 0.5),
    ),
    "loops_wide": Expected(
        "and further than a single loop of as many FLOPs, spent on its width (letters more, range "
        "over seeds)",
        BY,
        None,
        (0.5, inf),
    ),
    "loops_frontier": Expected(
        f"Read after each of the loops that it was trained with, a loop of this model ({PLAIN}) "
        "moves the frontier by one letter",
        ELSEWHERE,
        None,
        (0.8, 1.2),
    ),
    "loops_half": Expected(
        "Trained with half as many loops as letters, a loop of it moves the frontier by two",
        ELSEWHERE,
        None,
        (1.6, 2.4),
    ),
}
PINNED = {"task.name": "words", "task.group": "S3", "model.injected": False, **of_training(2000)}
KEYS = ("model.loops", "model.width")


def cells(study: Study) -> dict[tuple[int, int], xr.Dataset]:
    """Returns the cells by (width, loops)."""
    data = ends(study, *KEYS)
    sizes = sorted(set(zip(data["model.width"].values, data["model.loops"].values, strict=True)))
    return {
        (int(width), int(loops)): cell(data, {"model.width": width, "model.loops": loops})
        for width, loops in sizes
    }


def reaches(study: Study) -> dict[tuple[int, int], np.ndarray]:
    """Returns the reach of each seed by (width, loops of training), [S]."""
    length = study.config.task.length
    return {key: reach(by_letter(own, length)) for key, own in cells(study).items()}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns reaches, and how the frontier moves with the loops of training."""
    found, letters = cells(study), study.config.task.length
    narrow, wide = min(found)[0], max(found)[0]
    one, whole, half = (narrow, 1), (narrow, letters), (narrow, letters // 2)
    if missing := [key for key in (one, whole, half) if key not in found]:
        return dict.fromkeys(EXPECTED, Unmeasured(f"the study has no (width, loops) of {missing}"))
    reach_K = reaches(study)
    told = ", ".join(
        f"{S.mean():.3g} with {loops}" for (width, loops), S in reach_K.items() if width == narrow
    )
    claims: dict[str, Measured | Unmeasured] = {
        "loops_gain": Measured(range_over_seeds(reach_K[whole] - reach_K[one]), f"reach: {told}"),
        "loops_whole": Measured(range_over_seeds(letters - reach_K[whole]), f"of {letters}"),
        "loops_wide": Unmeasured("the study has no single loop that is wider"),
        "loops_frontier": letters_a_loop(frontier(study, found[whole]), letters),
        "loops_half": letters_a_loop(frontier(study, found[half]), letters // 2),
    }
    if (wide, 1) in found and wide > narrow:
        more = float(found[wide, 1]["flops"][0] / found[whole]["flops"][0])
        claims["loops_wide"] = Measured(
            range_over_seeds(reach_K[whole] - reach_K[wide, 1]),
            f"the wide loop has {more:.3g} times the FLOPs, and reaches "
            f"{reach_K[wide, 1].mean():.3g}",
        )
    return claims


def figures(study: Study) -> list[Figure]:
    """Returns reach against the loops of training, and the frontier loop by loop."""
    figure, (left, right) = panels(1, 2)
    found, reach_K = cells(study), reaches(study)
    narrow = min(found)[0]
    for width in sorted({width for width, _ in found}):
        own = {loops: reach_S for (W, loops), reach_S in reach_K.items() if width == W}
        parts = [range_over_seeds(reach_S) for reach_S in own.values()]
        ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
        plots.interval_plot(left, list(own), *ends_3, label=f"width {width}")
    left.set(xlabel="loops of training", ylabel="reach, letters")
    plots.doublings(left)
    trained = max(loops for width, loops in found if width == narrow)
    draw_frontier(right, frontier(study, found[narrow, trained]), trained)
    for ax in (left, right):
        ax.set_ylim(-0.3, study.config.task.length + 0.3)
    left.legend(loc="upper left").set_in_layout(False)  # the best place would cover an interval
    plots.legend(right)
    caption = (
        f"Words of S3, mean and range of {study.config.seeds} seeds. Left: one block with the same "
        "parameters, trained with more loops; and one loop of as many FLOPs as the most loops, "
        "spent on width. Right: the one with the most loops, read after each of them, and beyond "
        f"those that it was trained with. The model is {PLAIN}."
    )
    return [Figure("loops", "Depth by repetition", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell, with its reach and what a guess is right in over all prefixes."""
    rows, task = {}, study.config.task
    guess = round(Words(task.group, task.length, task.letters).chance(), 4)
    for (width, loops), own in cells(study).items():
        far = float(reach(by_letter(own, task.length)).mean())
        rows[width, loops, far, guess] = own
    names = ("width", "loops", "reach, letters", "guess")
    return [table("loops: accuracy over all prefixes", names, rows)]
