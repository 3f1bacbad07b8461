"""An estimate: a value, the interval around it, and what that interval covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxlab.analysis.interval import ExponentInterval, Interval

# What an interval covers.
SEEDS = "95 % over seeds (Student t)"
SEEDS_AND_WINDOWS = "95 % over seeds, in every fit window"
SEEDS_AND_STEPS = "95 % over seeds, at every logging step of the window"
WINDOWS = "spread over fit windows of a single seed, which is no confidence interval"
RANGE = "least to greatest over seeds"
EXACT = "exact: the value depends on no seed"
RESAMPLES = "95 % over bootstrap resamples of the seeds"


class NotMeasurable(ValueError):  # noqa: N818 -- it reports a result, not a mistake
    """The data cannot answer the question; the message says why, for the reader of a report.

    Only this exception means "not measured". Every other one is a bug, and is reported as such.
    """


@dataclass(frozen=True)
class Estimate:
    """A measured value with its interval.

    Attributes:
      value: the estimate.
      low: lower end of the interval; NaN where it is unknown, as for a single seed.
      high: upper end; likewise.
      seeds: independent repetitions behind the interval; 0 for what depends on no seed.
      covers: what the interval covers, one of the constants above or a phrase like them.
      detail: one remark for the reader.
    """

    value: float
    low: float
    high: float
    seeds: int
    covers: str = SEEDS
    detail: str = ""

    def noting(self, detail: str) -> Estimate:
        """Returns the same estimate with a remark for the reader."""
        return replace(self, detail=detail)


def of_interval(interval: Interval, *, covers: str = SEEDS, detail: str = "") -> Estimate:
    """Returns an interval as an estimate.

    One seed has no interval, so its ends become NaN; what is exact has no seeds and needs none.
    """
    known = interval.seeds != 1
    low, high = (interval.low, interval.high) if known else (float("nan"), float("nan"))
    return Estimate(interval.value, low, high, interval.seeds, covers, detail)


def of_exponent(interval: ExponentInterval, *, detail: str = "") -> Estimate:
    """Returns an exponent with its interval over seeds and fit windows."""
    covers = SEEDS_AND_WINDOWS if interval.seeds > 1 else WINDOWS
    return of_interval(interval, covers=covers, detail=detail)


def exact(value: float, detail: str = "") -> Estimate:
    """Returns a value that depends on no seed, such as a count of parameters."""
    return Estimate(value, value, value, 0, EXACT, detail)
