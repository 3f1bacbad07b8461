"""The width that a shallow perceptron needs for the whole truth table, against steps."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from experiments.serial.tasks import MAJORITY, RANDOM
from jaxlab.analysis.cells import highest, levels, pick, range_over_seeds
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

NAMES = {
    **{110: "Rule 110", 30: "Rule 30", 90: "Rule 90"},
    **{MAJORITY: "majority", RANDOM: "random tables"},
}
SERIAL, CONTROLS = (110, 30), {90: "90", MAJORITY: "majority"}
EXPECTED = {
    **{
        f"window_growth_{rule}": Expected(
            f"{NAMES[rule]}: the width at which these steps of training fit the whole truth table "
            "with one hidden layer grows with every step of T by a factor of",
            BY,
            None,
            (1.7, inf),
        )
        for rule in SERIAL
    },
    "window_random": Expected(
        "Not for seriality alone: that of random tables, as irregular and not serial, grows at "
        "least as fast (its factor over that of Rule 110, at the same T)",
        BY,
        None,
        (1.0, inf),
    ),
    "window_deeper": Expected(
        "A second hidden layer needs less: its growth a step for Rule 110 over that of one layer",
        BY,
        None,
        (0.0, 1.0),
    ),
    "window_control_90": Expected(
        "Control: Rule 90 at T = 2 and 4, an XOR of two cells, is fitted with no more gates on the "
        "same ladder of widths (the most of any T, range over seeds)",
        BY,
        None,
        (-inf, 8.0),
        control=True,
    ),
    "window_control_majority": Expected(
        "Control: so is the majority of the same windows (the most of any T, range over seeds)",
        BY,
        None,
        (-inf, 8.0),
        control=True,
    ),
}
KEYS = ("task.rule", "task.radius", "model.depth", "model.width")  # what sets a cell apart
PINNED = {"task.name": "table", "model.name": "window", **of_training(2000)}


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


def by_kind(study: Study) -> xr.Dataset:
    """Returns the ends, where random tables, each of a number of its own, are one answer."""
    data = ends(study, *KEYS)
    answer_M = np.minimum(data["task.rule"].values, RANDOM)
    return data.assign_coords({"answer": ("member", answer_M)})


def widths(study: Study, answer: int, depth: int) -> dict[int, Needed]:
    """Returns what each T needs."""
    data = pick(by_kind(study), {"answer": answer, "model.depth": depth})
    found = {}
    for time in levels(data, "task.radius"):
        own = pick(data, {"task.radius": time})
        ladder = levels(own, "model.width")
        right_WxS = np.array(
            [pick(own, {"model.width": width})["eval_accuracy"].values == 1 for width in ladder]
        )
        first_S = np.array(ladder)[np.argmax(right_WxS, axis=0)]
        width_S = np.where(right_WxS.any(axis=0), first_S, np.inf)
        found[time] = Needed(width_S, tuple(ladder))
    return found


def slopes(found: dict[int, Needed]) -> np.ndarray:
    """Returns by how many doublings each seed's width grows with every step of T, [S].

    Raises:
      ValueError: fewer than three T, or one whose width lies beyond an end of its ladder.
    """
    if len(found) < 3:
        raise ValueError(f"a growth needs three T, the study has {sorted(found)}")
    for time, own in found.items():
        if np.isinf(own.width_S).any():
            raise ValueError(f"at T = {time} no width had every row right in every seed")
        if own.open_below:
            raise ValueError(f"at T = {time} the narrowest width, {own.ladder[0]}, was enough")
    log_TxS = np.log2(np.array([own.width_S for own in found.values()]))
    return np.polyfit(np.array(list(found), float), log_TxS, 1)[0]


def growth(slope_S: np.ndarray) -> Interval:
    """Returns the factor of slopes in doublings, over seeds."""
    part = student_interval(slope_S)
    value, low, high = (float(2.0**end) for end in (part.value, part.low, part.high))
    return Interval(value, low, high, part.seeds, part.level)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns growth factors, and what the controls need."""
    one, two = widths(study, 110, 1), widths(study, 110, 2)
    coins = widths(study, RANDOM, 1)
    shared = {time: one[time] for time in one if time in coins}
    claims = {f"window_growth_{rule}": _growth(slopes, widths(study, rule, 1)) for rule in SERIAL}
    claims["window_deeper"] = _growth(lambda own: slopes(own) - slopes(one), two)
    claims["window_random"] = _growth(lambda own: slopes(own) - slopes(shared), coins)
    for answer, name in CONTROLS.items():
        claims[f"window_control_{name}"] = _most(widths(study, answer, 1))
    return claims


def _growth(
    slopes_of: Callable[[dict[int, Needed]], np.ndarray], found: dict[int, Needed]
) -> Measured | Unmeasured:
    try:
        return Measured(growth(slopes_of(found)), _said(found))
    except ValueError as error:
        return Unmeasured(str(error))


def _most(found: dict[int, Needed]) -> Measured | Unmeasured:
    if not found:
        return Unmeasured("the study has no such cell")
    most = highest(range_over_seeds(own.least_known) for own in found.values())
    return Measured(most, _said(found))


def _said(found: dict[int, Needed]) -> str:
    """Returns the mean widths by T in words."""
    return "mean widths: " + ", ".join(f"{own.said} at T = {time}" for time, own in found.items())


def figures(study: Study) -> list[Figure]:
    """Returns the needed width against T, with one hidden layer and with two."""
    figure, axes = panels(1, 2)
    for ax, depth in zip(axes, (1, 2), strict=True):
        for (answer, name), colour in zip(NAMES.items(), CATEGORY_COLOURS, strict=False):
            found = widths(study, answer, depth)
            fitted = {T: own for T, own in found.items() if np.isfinite(own.width_S).all()}
            if fitted:
                log_S = [student_interval(np.log2(own.width_S)) for own in fitted.values()]
                ends_3 = (
                    [2.0 ** getattr(p, end) for p in log_S] for end in ("value", "low", "high")
                )
                ax.set_prop_cycle(color=[colour])
                plots.interval_plot(ax, list(fitted), *ends_3, label=name)
            beyond = {T: own.ladder[-1] for T, own in found.items() if T not in fitted}
            if beyond:
                label = f"{name}: more, the ladder ends"
                ax.plot(list(beyond), list(beyond.values()), "^", color=colour, label=label)
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
        f"at which training gets all 2^(2T + 1) windows right: mean of {config.seeds} seeds of its "
        f"logarithm, 95 % intervals. Larger tables are given more steps ({steps}). A table fitted "
        "whole leaves nothing to generalise to, but that a narrower circuit could hold it, or "
        "would learn it in more steps, is not excluded."
    )
    return [Figure("window", "Width in the place of depth", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    data, rows = by_kind(study), {}
    keys = ("answer", *KEYS[1:])
    for values in sorted(set(zip(*(data[key].values.tolist() for key in keys), strict=True))):
        answer, *sizes = values
        rows[NAMES[answer], *sizes] = pick(data, dict(zip(keys, values, strict=True)))
    names = ("answer", "T", "hidden layers", "gates a layer")
    return [table("window: how much of its truth table each cell learned", names, rows)]
