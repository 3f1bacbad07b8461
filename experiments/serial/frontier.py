"""The reach of a tied block loop by loop: the frontier, how fast it moves, and its picture."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.serial.reach import by_letter, reach
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY


def frontier(study: Study, own: xr.Dataset) -> np.ndarray:
    """Returns the reach of each seed of a cell after 1, 2, ... loops, [S, L]."""
    reach_LxS = [
        reach(by_letter(own, study.config.task.length, f"eval_loop_{loop}_"))
        for loop in range(1, study.config.unrolled + 1)
    ]
    return np.transpose(reach_LxS)


def letters_a_loop(reach_SxL: np.ndarray, trained: int) -> Measured | Unmeasured:
    """Returns the letters that each of the `trained` loops adds to the reach, by least squares."""
    if trained < 2:
        return Unmeasured("one loop has no slope")
    slope_S = np.polyfit(np.arange(1, trained + 1), reach_SxL[:, :trained].T, 1)[0]
    last = f"{reach_SxL[:, trained - 1].mean():.3g} letters after {trained} loops"
    past = f"{reach_SxL[:, -1].mean():.3g} after {reach_SxL.shape[1]}"
    return Measured(student_interval(slope_S), f"{last}, {past}")


def draw_frontier(ax: Axes, reach_SxL: np.ndarray, trained: int) -> None:
    """Draws the reach of every seed loop by loop, and where training ended."""
    loops = np.arange(1, reach_SxL.shape[1] + 1)
    for number, reach_L in enumerate(reach_SxL):
        label = None if number else "seeds"
        ax.plot(loops, reach_L, color=CATEGORY_COLOURS[0], alpha=0.6, label=label)
    ax.axvline(trained, color=GREY, ls="--", label="loops of training")
    ax.set(xlabel="read after so many loops", ylabel="reach, letters")
    plots.whole_numbers(ax)
    plots.legend(ax)
