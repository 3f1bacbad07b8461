"""Intervals to quote: over seeds and over fit windows; `bootstrap` has those of joint numbers.

The error that least squares reports for an exponent knows neither that another seed would give
another curve nor that another analyst would fit another window. On real curves the window alone
moves an exponent by 0.1 and more, so an interval here always covers both, and shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.curve import MIN_POINTS, Window, check_curve, cut_curve
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.power_law import Status, fit_power_law

# Parts of the reference window's log range that are cut from its start and from its end: all
# quarters that leave at least half of it. The first is the reference itself.
TRIMS = ((0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.0, 0.25), (0.0, 0.5), (0.25, 0.25))


@dataclass(frozen=True)
class Interval:
    """A value and the range in which it is claimed to lie.

    Attributes:
      value: the estimate.
      low: lower end; NaN where a single seed leaves it unknown.
      high: upper end; likewise.
      seeds: how many independent runs stand behind it.
      level: the confidence level of the part that comes from seeds.
    """

    value: float
    low: float
    high: float
    seeds: int
    level: float


@dataclass(frozen=True)
class WindowExponent:
    """The exponent in one window of the family: of each seed, and their Student-t interval."""

    window: Window
    exponents: tuple[float, ...]
    mean: Interval


@dataclass(frozen=True)
class ExponentInterval(Interval):
    """An exponent; `low` and `high` envelop the seed intervals of all windows.

    Attributes:
      seed_low, seed_high: the part from seeds alone: Student-t in the reference window, NaN for
        a single seed.
      window_low, window_high: the part from windows alone: the range of the means over seeds.
      windows: the family, the reference window first.
      left_out: windows of the family with too few records for a fit.
      suspect_fits: how many of the seeds x windows fits ended at a bound or failed.
    """

    seed_low: float
    seed_high: float
    window_low: float
    window_high: float
    windows: tuple[WindowExponent, ...]
    left_out: tuple[Window, ...]
    suspect_fits: int


def window_family(low: float, high: float) -> tuple[Window, ...]:
    """The windows that an interval covers: with r = high / low, (low r^s, high r^-e) for TRIMS.

    Nobody can say that a power law begins at the named start and not half a decade later, so
    each end is moved in by quarters of the log range, and every window that keeps at least half
    of that range counts. Fixed beforehand, the family cannot be chosen to please.
    """
    ratio = high / low
    return tuple((low * ratio**start, high * ratio**-end) for start, end in TRIMS)


def shared_window(
    time_SxR: Sequence[ArrayLike] | ArrayLike,
    loss_SxR: Sequence[ArrayLike] | ArrayLike,
    window: Window | None,
) -> Window:
    """From the last of the seeds' first records in the window to the first of their last ones.

    Args:
      time_SxR: [S, R]; loss_SxR: [S, R]. R may differ between seeds.
      window: (low, high) in units of time; None for the whole curves.
    """
    rows = _rows(time_SxR, loss_SxR)
    times = [cut_curve(time_R, loss_R, window)[0] for time_R, loss_R in rows]
    low, high = max(time[0] for time in times), min(time[-1] for time in times)
    if not 0 < low < high:
        raise NotMeasurable(f"the seeds share no window of positive times: ({low:g}, {high:g})")
    return float(low), float(high)


def student_interval(values_S: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean over seeds with its Student-t interval; the ends of one seed's are NaN: unknown.

    Args:
      values_S: [S] one finite number for each seed.
      level: confidence level.
    """
    values_S = np.asarray(values_S, np.float64)
    if values_S.ndim != 1 or values_S.size == 0:
        raise ValueError(f"an interval needs a vector of numbers, not {values_S}")
    if not np.isfinite(values_S).all():
        raise NotMeasurable(f"an interval needs finite numbers, not {values_S}")
    mean = float(values_S.mean())
    half = np.nan
    if values_S.size > 1:
        quantile = scipy.stats.t.ppf((1 + level) / 2, values_S.size - 1)
        half = float(quantile * values_S.std(ddof=1) / np.sqrt(values_S.size))
    return Interval(mean, mean - half, mean + half, values_S.size, level)


def exponent_interval(
    time: Sequence[ArrayLike] | ArrayLike,
    loss_SxR: Sequence[ArrayLike] | ArrayLike,
    *,
    window: Window | None = None,
    floor: bool = False,
    level: float = 0.95,
) -> ExponentInterval:
    """The exponent of a power law with an interval over both seeds and fit windows.

    Every seed is fitted in every window of `window_family`. The value is the mean over seeds in
    the reference window; the interval is the envelope over windows of mean ± t * standard error.
    It covers a true exponent at least as often as `level`, usually more often: the half windows
    are noisier than the reference. With one seed it covers the windows only.

    Args:
      time: [R] for all seeds or [S, R], strictly increasing.
      loss_SxR: [S, R], or [R] for one seed. R may differ between seeds.
      window: the reference window in units of time, clipped to the records that all seeds
        have; None for all of them.
      floor: fit L0 >= 0 as well.
      level: confidence level over seeds.

    Raises:
      ValueError: a seed has a record that is not finite (it is named, and never dropped: a mean
        over the seeds that survived is not the mean over seeds), or too few records.
    """
    rows = _rows(time, loss_SxR)
    curves = [
        check_curve(time_R, loss_R, name=f"seed {seed}")
        for seed, (time_R, loss_R) in enumerate(rows)
    ]
    time_SxR, loss_SxR = zip(*curves, strict=True)
    low, high = shared_window(time_SxR, loss_SxR, window)

    measured, left_out, suspect_fits = [], [], 0
    for part in window_family(low, high):
        if min(((t >= part[0]) & (t <= part[1])).sum() for t, _ in curves) < MIN_POINTS:
            left_out.append(part)
            continue
        fits = [fit_power_law(t, loss_R, window=part, floor=floor) for t, loss_R in curves]
        exponents = tuple(fit.exponent for fit in fits)
        measured.append(WindowExponent(part, exponents, student_interval(exponents, level=level)))
        suspect_fits += sum(fit.status is not Status.CONVERGED for fit in fits)
    if len(measured) < 2:
        raise NotMeasurable(
            f"between {low:g} and {high:g} there are too few records to move the window: each "
            f"part of it needs {MIN_POINTS}; record more often or widen the window"
        )
    means = [window.mean for window in measured]
    return ExponentInterval(
        value=means[0].value,
        # A single seed has NaN ends: what remains is the range over windows.
        low=float(np.nanmin([(mean.low, mean.value) for mean in means])),
        high=float(np.nanmax([(mean.high, mean.value) for mean in means])),
        seeds=len(curves),
        level=level,
        seed_low=means[0].low,
        seed_high=means[0].high,
        window_low=min(mean.value for mean in means),
        window_high=max(mean.value for mean in means),
        windows=tuple(measured),
        left_out=tuple(left_out),
        suspect_fits=suspect_fits,
    )


def _rows(time: Any, loss_SxR: Any) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Time [R] and loss [R] of each seed."""
    loss_S = [loss_SxR] if np.ndim(loss_SxR[0]) == 0 else list(loss_SxR)
    time_S = [time] if np.ndim(time[0]) == 0 else list(time)
    time_S = time_S * len(loss_S) if len(time_S) == 1 else time_S
    rows = [
        (np.asarray(time_R, np.float64), np.asarray(loss_R, np.float64))
        for time_R, loss_R in zip(time_S, loss_S, strict=False)
    ]
    if len(time_S) != len(loss_S) or any(t.shape != y.shape or t.ndim != 1 for t, y in rows):
        raise ValueError(
            f"time of shapes {[np.shape(time_R) for time_R in time_S]} does not fit loss of shapes "
            f"{[np.shape(loss_R) for loss_R in loss_S]}"
        )
    return rows
