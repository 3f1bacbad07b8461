"""The width that a shallow perceptron needs for the whole truth table, against steps."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.serial.cells import ends, table
from experiments.serial.studies import BY
from experiments.serial.tasks import MAJORITY
from jaxlab.analysis.cells import highest, levels, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

NAMES = {110: "Rule 110", 30: "Rule 30", 90: "Rule 90", MAJORITY: "majority"}
SERIAL, CONTROLS = (110, 30), (90, MAJORITY)
EXPECTED = {
    **{
        f"window_growth_{rule}": Expected(
            f"{NAMES[rule]}: the width that one hidden layer needs for the whole truth table grows "
            "with every step of T by a factor of",
            BY,
            None,
            (1.7, inf),
        )
        for rule in SERIAL
    },
    "window_deeper": Expected(
        "A second hidden layer needs less: its growth a step for Rule 110 over that of one layer",
        BY,
        None,
        (0.0, 1.0),
    ),
    "window_control_90": Expected(
        "Control: Rule 90 at T = 2 and 4, an XOR of two cells, needs no more gates (the most)",
        BY,
        None,
        (0.0, 8.0),
        control=True,
    ),
    "window_control_majority": Expected(
        "Control: the majority of the same windows needs no more gates (the most)",
        BY,
        None,
        (0.0, 8.0),
        control=True,
    ),
}
KEYS = ("task.rule", "task.radius", "model.depth", "model.width")  # what sets a cell apart
PINNED = {"task.name": "table", "model.name": "window"}


def widths(study: Study, rule: int, depth: int) -> dict[int, np.ndarray]:
    """Returns by T the smallest width with which each seed has every row right, [S]; inf: none."""
    data = pick(ends(study, *KEYS), {"task.rule": rule, "model.depth": depth})
    found = {}
    for time in levels(data, "task.radius"):
        own = pick(data, {"task.radius": time})
        by_width = {
            width: pick(own, {"model.width": width})["eval_accuracy"].values == 1
            for width in levels(own, "model.width")
        }
        right_WxS = np.array(list(by_width.values()))
        first_S = np.array(list(by_width))[np.argmax(right_WxS, axis=0)]
        found[time] = np.where(right_WxS.any(axis=0), first_S, np.inf)
    return found


def slopes(found: dict[int, np.ndarray]) -> np.ndarray:
    """Returns by how many doublings each seed's width grows with every step of T, [S].

    Raises:
      ValueError: fewer than three T, or one at which no width was enough.
    """
    if len(found) < 3:
        raise ValueError(f"a growth needs three T, the study has {sorted(found)}")
    for time, width_S in found.items():
        if np.isinf(width_S).any():
            raise ValueError(f"at T = {time} no width had every row right in every seed")
    log_TxS = np.log2(np.array(list(found.values())))
    return np.polyfit(np.array(list(found), float), log_TxS, 1)[0]


def growth(slope_S: np.ndarray) -> Interval:
    """Returns the factor of slopes in doublings, over seeds."""
    part = student_interval(slope_S)
    value, low, high = (float(2.0**end) for end in (part.value, part.low, part.high))
    return Interval(value, low, high, part.seeds, part.level)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns growth factors, and what the controls need."""
    claims: dict[str, Measured | Unmeasured] = {}
    for rule in SERIAL:
        claims[f"window_growth_{rule}"] = _growth(widths(study, rule, 1))
    try:
        less_S = slopes(widths(study, 110, 2)) - slopes(widths(study, 110, 1))
        claims["window_deeper"] = Measured(growth(less_S), _means(widths(study, 110, 2)))
    except ValueError as error:
        claims["window_deeper"] = Unmeasured(str(error))
    for rule, name in zip(CONTROLS, ("90", "majority"), strict=True):
        claims[f"window_control_{name}"] = _most(widths(study, rule, 1))
    return claims


def _growth(found: dict[int, np.ndarray]) -> Measured | Unmeasured:
    try:
        return Measured(growth(slopes(found)), _means(found))
    except ValueError as error:
        return Unmeasured(str(error))


def _most(found: dict[int, np.ndarray]) -> Measured | Unmeasured:
    if not found:
        return Unmeasured("the study has no such cell")
    if lost := [time for time, width_S in found.items() if np.isinf(width_S).any()]:
        return Unmeasured(f"at T = {lost} no width had every row right in every seed")
    return Measured(highest(map(student_interval, found.values())), _means(found))


def _means(found: dict[int, np.ndarray]) -> str:
    """Returns the mean widths by T in words."""
    means = [f"{width_S.mean():.3g} at T = {time}" for time, width_S in found.items()]
    return "mean widths: " + ", ".join(means)


def figures(study: Study) -> list[Figure]:
    """Returns the needed width against T, with one hidden layer and with two."""
    figure, axes = panels(1, 2)
    for ax, depth in zip(axes, (1, 2), strict=True):
        for (rule, name), colour in zip(NAMES.items(), CATEGORY_COLOURS, strict=False):
            found = widths(study, rule, depth)
            enough = {
                time: width_S for time, width_S in found.items() if np.isfinite(width_S).all()
            }
            if not enough:
                continue
            log_S = [student_interval(np.log2(width_S)) for width_S in enough.values()]
            ends_3 = (
                [2.0 ** getattr(part, end) for part in log_S] for end in ("value", "low", "high")
            )
            ax.set_prop_cycle(color=[colour])
            plots.interval_plot(ax, list(enough), *ends_3, label=name)
        ax.set_yscale("log", base=2)
        ax.set(xlabel="steps T", title=f"{depth} hidden layer" + "s" * (depth > 1))
        plots.legend(ax)
    axes[0].set_ylabel("gates a layer for every row right")
    seeds = study.config.seeds
    caption = (
        "The smallest width, of a ladder by factors of about 1.3, that gets all 2^(2T + 1) windows "
        f"right: mean of {seeds} seeds of its logarithm, 95 % intervals. That a narrower one could "
        "hold the table and has not learned it is not excluded."
    )
    return [Figure("window", "Width in the place of depth", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    data, rows = ends(study, *KEYS), {}
    for rule in levels(data, "task.rule"):
        for time in levels(data, "task.radius"):
            for depth in levels(data, "model.depth"):
                for width in levels(data, "model.width"):
                    values = {"task.rule": rule, "task.radius": time}
                    own = pick(data, values | {"model.depth": depth, "model.width": width})
                    if own.sizes["member"]:
                        rows[NAMES[rule], time, depth, width] = own
    names = ("answer", "T", "hidden layers", "gates a layer")
    return [table("window: how much of its truth table each cell learned", names, rows)]
