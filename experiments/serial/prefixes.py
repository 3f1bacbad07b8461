"""The longest correct prefix: how far into a sequence a model's products of a group are right.

Of a block that runs in loops it is read after each of them. Shapes: S seeds, N positions, L loops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.serial.cells import by_values, table
from jaxlab.analysis.cells import range_over_seeds
from jaxlab.analysis.estimate import RANGE, Estimate, of_interval
from jaxlab.analysis.estimators import Measure, over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, GREY
from jaxlab.report.page import Table
from jaxlab.tasks.serial.words import Words

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

LEVEL = 0.95  # accuracy from which on a product counts as right: above what guesses have
LEARNED = "; it says what is learned in these steps, not what could be held"


def longest_prefix(accuracy_SxN: ArrayLike) -> NDArray[np.float64]:
    """Returns the longest prefix up to which every accuracy is at least `LEVEL`, [S]; or 0."""
    right_SxN = np.asarray(accuracy_SxN) >= LEVEL
    return np.cumprod(right_SxN, axis=1).sum(axis=1).astype(np.float64)


def accuracy_by_length(study: Study, members: xr.Dataset, loop: int | None = None) -> np.ndarray:
    """Returns the accuracy of each seed on every prefix, [S, N], at the end or after a loop."""
    of = "accuracy" if loop is None else f"loop_{loop}"
    positions = range(1, study.config.task.length + 1)
    return np.stack([members[f"eval_{of}_letter_{n}"].values for n in positions], axis=1)


def of_members(study: Study, members: xr.Dataset) -> NDArray[np.float64]:
    """Returns the longest correct prefix of each seed of a cell, [S]."""
    return longest_prefix(accuracy_by_length(study, members))


def after_each_loop(study: Study, members: xr.Dataset) -> NDArray[np.float64]:
    """Returns the longest correct prefix of each seed of a cell after 1, 2, ... loops, [S, L]."""
    loops = range(1, study.config.unrolled + 1)
    prefix_LxS = [longest_prefix(accuracy_by_length(study, members, loop)) for loop in loops]
    return np.transpose(prefix_LxS)


def range_estimate(elements_S: ArrayLike, detail: str = "") -> Estimate:
    """Returns the mean over seeds of a number of elements, between the least and the greatest."""
    return of_interval(range_over_seeds(elements_S), covers=RANGE, detail=detail)


def elements_per_loop(cell_of: Callable[[Study, int], xr.Dataset], fraction: float) -> Measure:
    """Measures the elements that each loop of training adds to the prefix, by least squares.

    Args:
      cell_of: study and loops of training -> the members.
      fraction: loops of training over the length of a sequence.
    """

    def measure(study: Study) -> Estimate:
        loops = int(fraction * study.config.task.length)
        prefix_SxL = after_each_loop(study, cell_of(study, loops))
        slope_S = np.polyfit(np.arange(1, loops + 1), prefix_SxL[:, :loops].T, 1)[0]
        last = f"{prefix_SxL[:, loops - 1].mean():.3g} elements after {loops} loops"
        past = f"{prefix_SxL[:, -1].mean():.3g} after {prefix_SxL.shape[1]}"
        return over_seeds(slope_S, f"{last}, {past}")

    return measure


def missed(cell_of: Callable[[Study, int], xr.Dataset]) -> Measure:
    """Measures the elements that as many loops as a sequence is long do not reach."""

    def measure(study: Study) -> Estimate:
        length = study.config.task.length
        return range_estimate(length - of_members(study, cell_of(study, length)), f"of {length}")

    return measure


def draw_loop_by_loop(ax: Axes, prefix_SxL: np.ndarray, trained: int) -> None:
    """Draws the longest correct prefix of every seed after each loop, and where training ended."""
    loops = np.arange(1, prefix_SxL.shape[1] + 1)
    for number, prefix_L in enumerate(prefix_SxL):
        label = None if number else "seeds"
        ax.plot(loops, prefix_L, color=CATEGORY_COLOURS[0], alpha=0.6, label=label)
    ax.axvline(trained, color=GREY, ls="--", label="loops of training")
    ax.set(xlabel="loops before it is read", ylabel="longest correct prefix, elements")
    plots.whole_numbers(ax)
    plots.legend(ax)


def every_cell(names: Mapping[str, str]) -> Callable[[Study], Table]:
    """Returns a table of every cell: its longest correct prefix, what a guess has, its costs.

    Args:
      names: of the columns by the keys of the config that set a cell apart.
    """

    def prefix_of_every_cell(study: Study) -> Table:
        task, rows = study.config.task, {}
        for values, members in by_values(study, *names).items():
            own = {
                field: members[f"task.{field}"].values[0]
                for field in ("group", "letters")
                if f"task.{field}" in members.coords
            }
            guess = Words(
                **{"group": task.group, "letters": task.letters} | own, length=task.length
            )
            longest = float(of_members(study, members).mean())
            rows[*values, longest, round(guess.chance(), 4)] = members
        header = (*names.values(), "longest correct prefix", "guess")
        return table(f"{study.name}: accuracy over all prefixes", header, rows)

    return prefix_of_every_cell
