"""What claims measure: each function returns a function of a study, the `measure` of a claim.

    Claim(..., measure=exponent(window=(4.0, 162.0)))
    Claim(..., measure=paired_difference({"model.depth": 8}, {"model.depth": 1}, metric=ACCURACY))

Cells are named by the values of their members: `{"optimizer.name": "sgd"}` takes all members with
this value, one per seed. Differences, ratios and gains are paired by seed, since members of one
seed see the same data. Every function raises `NotMeasurable` for members that diverged or are
missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxlab.analysis import estimate as estimates
from jaxlab.analysis.cells import cell, final_metrics
from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.interval import Interval, exponent_interval, student_interval
from jaxlab.analysis.study import Study

Measure = Callable[[Study], Estimate]
Cell = Mapping[str, Any]
LOSS = "eval_loss"


def exponent(
    cell_values: Cell | None = None,
    *,
    metric: str = LOSS,
    clock: str = "tau",
    window: Window | None = None,
    rising: bool = False,
    floor: bool = False,
    seeds_only: bool = False,
) -> Measure:
    """Measures -d ln(metric) / d ln(clock) of a cell, by a power law fitted to each seed.

    Args:
      cell_values: which members; None where the study has one cell.
      metric: what is fitted.
      clock: "tau", "step" or "examples".
      window: of the clock; None for all records after the start.
      rising: whether the metric grows, so that its growth exponent is measured.
      floor: whether a constant is fitted as well.
      seeds_only: whether the interval is over seeds in this window, not over windows too.
    """

    def measure(study: Study) -> Estimate:
        members = cell(study.data, cell_values or {})
        time_SxR, value_SxR = curves(members, metric, clock)
        found = exponent_interval(
            time_SxR, value_SxR ** (-1 if rising else 1), window=window, floor=floor
        )
        means = f"means of the windows: {found.window_low:.3f} to {found.window_high:.3f}"
        if not seeds_only:
            return estimates.of_exponent(found, detail=means)
        own = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
        return estimates.of_interval(own, detail=f"in this window; {means}")

    return measure


def final(cell_values: Cell | None = None, *, metric: str = LOSS, scale: float = 1.0) -> Measure:
    """Measures a metric of a cell at its last evaluation, times `scale`."""

    def measure(study: Study) -> Estimate:
        members = cell(final_metrics(study, *(cell_values or {})), cell_values or {})
        return over_seeds(scale * members[metric].values)

    return measure


def paired_difference(
    first: Cell, second: Cell, *, metric: str = LOSS, scale: float = 1.0
) -> Measure:
    """Measures `first` minus `second` at their last evaluations, seed by seed, times `scale`."""
    return _paired(first, second, metric, lambda a_S, b_S: scale * (a_S - b_S))


def ratio(first: Cell, second: Cell, *, metric: str = LOSS) -> Measure:
    """Measures `first` over `second` at their last evaluations, seed by seed."""
    return _paired(first, second, metric, lambda a_S, b_S: a_S / b_S)


def gain(better: Cell, base: Cell, *, metric: str = LOSS) -> Measure:
    """Measures by how many percent of the loss of `base` the loss of `better` is lower."""
    return _paired(better, base, metric, lambda a_S, b_S: 100 * (1 - a_S / b_S))


def over_seeds(value_S: np.ndarray, detail: str = "") -> Estimate:
    """Returns the mean over seeds with its Student interval."""
    return estimates.of_interval(student_interval(value_S), detail=detail)


def ratio_to_theory(measured_SxR: np.ndarray, theory_SxR: np.ndarray, detail: str = "") -> Estimate:
    """Returns the mean ratio of a metric to what a theory has for it, over the steps of a window.

    The interval is the envelope of the Student intervals over seeds at each of these steps: a claim
    that holds of it holds throughout the window.

    Args:
      measured_SxR: the metric at the logging steps of the window.
      theory_SxR: the theory at the same steps, of the same shape or [R].
      detail: a remark for the reader.
    """
    ratio_SxR = measured_SxR / theory_SxR
    if not ratio_SxR.size:
        raise NotMeasurable("there is no logging step in the window")
    if not np.isfinite(ratio_SxR).all():
        raise NotMeasurable("a seed has no finite value in the window")
    steps = [student_interval(ratio_S) for ratio_S in ratio_SxR.T]
    low, high = min(step.low for step in steps), max(step.high for step in steps)
    found = Interval(float(ratio_SxR.mean()), low, high, len(ratio_SxR), steps[0].level)
    return estimates.of_interval(found, covers=estimates.SEEDS_AND_STEPS, detail=detail)


def curves(members: Any, metric: str, clock: str = "tau") -> tuple[np.ndarray, np.ndarray]:
    """Returns clock and metric after the start, each [S, R], of members of equal length."""
    later = members.isel(step=slice(1, None)).transpose("member", "step")
    value_SxR = later[metric].values
    if clock == "tau":
        return later["tau"].values, value_SxR
    return np.broadcast_to(later[clock].values, value_SxR.shape).astype(float), value_SxR


def _paired(first: Cell, second: Cell, metric: str, combine: Callable[..., np.ndarray]) -> Measure:
    def measure(study: Study) -> Estimate:
        data = final_metrics(study, *first, *second)
        a, b = cell(data, first), cell(data, second)
        if a["seed"].values.tolist() != b["seed"].values.tolist():
            raise NotMeasurable("two cells that are compared have different seeds")
        return over_seeds(combine(a[metric].values, b[metric].values))

    return measure
