"""The cells of a sweep: the exponent of each, and one interval over several of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from experiments.one_third import measures
from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import Estimate, NotMeasurable, of_interval
from jaxlab.analysis.interval import ExponentInterval, Interval, exponent_interval, student_interval

if TYPE_CHECKING:
    import xarray as xr


class Cell(NamedTuple):
    """The members that differ in their seeds alone, in the order of their seeds."""

    values: tuple
    data: xr.Dataset


def cells(data: xr.Dataset, *keys: str) -> list[Cell]:
    """Returns the cells of a sweep over `keys`, in the order of their values."""
    rows = list(zip(*(data[key].values.tolist() for key in keys), strict=True))
    found = []
    for values in sorted(set(rows)):
        own = data.isel(member=[row == values for row in rows])
        found.append(Cell(values, own.sortby("seed")))
    return found


def exponent(
    data: xr.Dataset, window: Window | None = None, name: str = measures.LOSS
) -> ExponentInterval:
    """Returns the exponent of a cell over seeds and windows; NotMeasurable where it has none."""
    tau_SxR, value_SxR = measures.curves(data, name)
    return exponent_interval(tau_SxR, value_SxR, window=window)


def last_decade(data: xr.Dataset, name: str = measures.LOSS) -> ExponentInterval:
    """Returns the exponent of a cell in the last decade of its τ."""
    end = float(data["tau"].max())
    return exponent(data, (end / 10, end), name)


def by_window(combine: Callable, first: ExponentInterval, second: ExponentInterval) -> Interval:
    """Combines two exponents, seed by seed and window by window (both have the same)."""
    parts = [
        student_interval(combine(np.array(a.exponents), np.array(b.exponents)))
        for a, b in zip(first.windows, second.windows, strict=True)
    ]
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return Interval(parts[0].value, low, high, parts[0].seeds, parts[0].level)


def difference(first: ExponentInterval, second: ExponentInterval) -> Interval:
    """Returns `first` minus `second`, seed by seed and window by window (both have the same)."""
    return by_window(np.subtract, first, second)


def farthest(intervals: Iterable[Interval], reference: float) -> Interval:
    """Returns the value farthest from a reference, and between what distances it may lie.

    No interval reaches farther from the reference than the far end, and some interval does not
    come closer than the near end. So against a range about the reference the claim that all lie in
    it holds if each interval does, and fails if one lies outside.
    """
    found = list(intervals)
    value = max((part.value for part in found), key=lambda value: abs(value - reference))
    ends = np.array([(part.low - reference, part.high - reference) for part in found])
    far, side = float(np.abs(ends).max()), 1.0 if value >= reference else -1.0
    near = float(np.where(ends.prod(axis=1) > 0, np.abs(ends).min(axis=1), 0.0).max())
    low, high = sorted((reference + side * near, reference + side * far))
    return Interval(value, low, high, found[0].seeds, found[0].level)


def worst(
    found: Iterable[Interval | Estimate], reference: float, *, covers: str, detail: str = ""
) -> Estimate:
    """Returns what `farthest` does as an estimate, of 95 % intervals that all cover the same."""
    parts = [Interval(part.value, part.low, part.high, part.seeds, 0.95) for part in found]
    return of_interval(farthest(parts, reference), covers=covers, detail=detail)


def over_seeds(value_SxP: ArrayLike) -> list[Interval]:
    """Returns the mean over seeds of each column, with its Student interval."""
    return [student_interval(value_S) for value_S in np.asarray(value_SxP).T]


def seed_mean(data: xr.Dataset, name: str) -> np.ndarray:
    """Returns the mean over the seeds of a cell after the start: [R]."""
    return measures.curves(data, name).value_SxR.mean(axis=0)


def first_passage(data: xr.Dataset, name: str, level: float) -> np.ndarray:
    """Returns the τ where a metric first reaches a level, [S]; the last τ where it never does.

    Raises:
      NotMeasurable: a member diverged.
    """
    found = []
    if not np.isfinite(measures.curves(data, name).value_SxR).all():
        raise NotMeasurable("a member diverged")
    for tau_R, value_R in zip(*measures.curves(data, name), strict=True):
        reached_R = value_R >= level
        after = int(np.argmax(reached_R)) if reached_R.any() else len(tau_R) - 1
        before = max(after - 1, 0)
        ends = slice(before, after + 1)
        crosses = reached_R[after] and after > before
        log_tau = (
            np.interp(level, value_R[ends], np.log(tau_R[ends]))
            if crosses
            else np.log(tau_R[after])
        )
        found.append(np.exp(log_tau))
    return np.array(found)
