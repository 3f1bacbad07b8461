"""The width that a shallow perceptron needs for the whole truth table, against steps."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.serial.cells import ACCURACY, ends, final_metrics, table
from experiments.serial.tasks import MAJORITY, RANDOM
from jaxlab.analysis.cells import highest, levels, range_over_seeds, select
from jaxlab.analysis.estimate import RANGE, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr

NAMES = {
    **{110: "Rule 110", 30: "Rule 30", 90: "Rule 90"},
    **{MAJORITY: "majority", RANDOM: "random tables"},
}
KEYS = ("task.rule", "task.radius", "model.depth", "model.width")  # what sets a cell apart
COVERS = (
    "95 % over seeds (Student t of the logarithm); not the gaps of the ladder of widths, nor other "
    "lengths of training"
)


class Needed(NamedTuple):
    """The least width of a ladder with which each seed has every row right; inf: none has."""

    width_S: np.ndarray
    ladder: tuple[int, ...]

    @property
    def least_known(self) -> np.ndarray:
        """The widths, the widest of the ladder in the place of none: these need more."""
        return np.minimum(self.width_S, self.ladder[-1])

    @property
    def said(self) -> str:
        """The mean in words, with its bound where the ladder ends or begins too early."""
        mean = f"{self.least_known.mean():.3g}"
        if np.isinf(self.width_S).any():
            return f"more than {mean}"
        return f"{mean} or less" if self.open_below else mean

    @property
    def open_below(self) -> bool:
        """Whether some seed had every row right at the first width, which is not the least."""
        return self.ladder[0] > 1 and bool((self.width_S == self.ladder[0]).any())


def _final(study: Study) -> xr.Dataset:
    """Returns the final metrics; random tables, each of a number of its own, are one answer."""
    data = final_metrics(study, *KEYS)
    answer_M = np.minimum(data["task.rule"].values, RANDOM)
    return data.assign_coords({"answer": ("member", answer_M)})


@cache
def widths(study: Study, answer: int, depth: int = 1) -> dict[int, Needed]:
    """Returns what each T needs."""
    data = select(_final(study), {"answer": answer, "model.depth": depth})
    found = {}
    for time in levels(data, "task.radius"):
        own = select(data, {"task.radius": time})
        ladder = levels(own, "model.width")
        right_WxS = np.array(
            [select(own, {"model.width": width})[ACCURACY].values == 1 for width in ladder]
        )
        first_S = np.array(ladder)[np.argmax(right_WxS, axis=0)]
        width_S = np.where(right_WxS.any(axis=0), first_S, np.inf)
        found[time] = Needed(width_S, tuple(ladder))
    return found


def growth(answer: int, *, depth: int = 1, over: int | None = None) -> Measure:
    """Measures the factor by which the needed width grows with every step of T.

    Args:
      answer: a rule, `MAJORITY` or `RANDOM`.
      depth: hidden layers.
      over: an answer with one hidden layer whose factor divides it, seed by seed at the same T.
    """

    def measure(study: Study) -> Estimate:
        found = widths(study, answer, depth)
        slope_S = _doublings(found)
        if over is not None:
            base = widths(study, over)
            slope_S = slope_S - _doublings({time: base[time] for time in base if time in found})
        return of_interval(
            _exponential(student_interval(slope_S)), covers=COVERS, detail=_said(found)
        )

    return measure


def most_gates(answer: int) -> Measure:
    """Measures the width that one hidden layer needs, the most of any T."""

    def measure(study: Study) -> Estimate:
        found = widths(study, answer)
        if not found:
            raise NotMeasurable("the study has no such cell")
        most = highest(range_over_seeds(own.least_known) for own in found.values())
        return of_interval(most, covers=RANGE, detail=_said(found))

    return measure


def _doublings(found: dict[int, Needed]) -> np.ndarray:
    """Returns by how many doublings each seed's width grows with every step of T, [S]."""
    if len(found) < 3:
        raise NotMeasurable(f"a growth needs three T, the study has {sorted(found)}")
    for time, own in found.items():
        if np.isinf(own.width_S).any():
            raise NotMeasurable(f"at T = {time} no width had every row right in every seed")
        if own.open_below:
            raise NotMeasurable(f"at T = {time} the narrowest width, {own.ladder[0]}, was enough")
    log_TxS = np.log2(np.array([own.width_S for own in found.values()]))
    return np.polyfit(np.array(list(found), float), log_TxS, 1)[0]


def _exponential(part: Interval) -> Interval:
    value, low, high = (float(2.0**end) for end in (part.value, part.low, part.high))
    return Interval(value, low, high, part.seeds, part.level)


def _said(found: dict[int, Needed]) -> str:
    return "mean widths: " + ", ".join(f"{own.said} at T = {time}" for time, own in found.items())


def width_by_steps(study: Study) -> Figure:
    """Returns the needed width against T, with one hidden layer and with two."""
    figure, axes = panels(1, 2)
    for ax, depth in zip(axes, (1, 2), strict=True):
        for number, (answer, name) in enumerate(NAMES.items()):
            colour, shift = CATEGORY_COLOURS[number], 0.05 * (number - 2) * (depth == 1)
            found = widths(study, answer, depth)
            fitted = {T: own for T, own in found.items() if np.isfinite(own.width_S).all()}
            if fitted:
                log_X = [student_interval(np.log2(own.width_S)) for own in fitted.values()]
                ax.set_prop_cycle(color=[colour])
                parts = ends(_exponential(part) for part in log_X)
                plots.interval_plot(ax, [T + shift for T in fitted], *parts, label=name)
            beyond = {T: own.ladder[-1] for T, own in found.items() if T not in fitted}
            if beyond:
                label = f"{name}: more, the ladder ends"
                places = [T + shift for T in beyond]
                ax.plot(places, list(beyond.values()), "^", color=colour, label=label)
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")  # 16 rather than 2^4
        plots.whole_numbers(ax)
        ax.set(xlabel="steps T", title=f"{depth} hidden layer" + "s" * (depth > 1))
        plots.legend(ax)
    axes[0].set_ylabel("gates a layer at which all rows are learned")
    config = study.config
    steps = ", ".join(f"{n} at T = {T}" for T, n in zip(config.times, config.steps, strict=True))
    caption = (
        "The smallest width, of a ladder from 1 up by factors of about 1.4 that all answers share, "
        f"at which training gets all 2^(2T + 1) windows right: mean of {study.seeds} seeds of its "
        f"logarithm, 95 % intervals. Larger tables are given more steps ({steps}). A table fitted "
        "whole leaves nothing to generalise to, but that a narrower circuit could hold it, or "
        "would learn it in more steps, is not excluded."
    )
    return Figure("window", "Width in the place of depth", caption, figure)


def every_cell(study: Study) -> Table:
    """Returns every cell with its cost."""
    data, rows = _final(study), {}
    keys = ("answer", *KEYS[1:])
    for values in sorted(set(zip(*(data[key].values.tolist() for key in keys), strict=True))):
        answer, *sizes = values
        rows[NAMES[answer], *sizes] = select(data, dict(zip(keys, values, strict=True)))
    names = ("answer", "T", "hidden layers", "gates a layer")
    return table("window: how much of its truth table each cell learned", names, rows)
