"""The same seeds at the same peak rate under two schedules, compared at equal τ or equal steps."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.one_third import measures
from experiments.one_third.cells import cells, over_seeds
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import Interval

if TYPE_CHECKING:
    import xarray as xr

PARTS = 16  # of the last 1.6 decades of a clock: wider ones would hide what a schedule ends with


class Pair(NamedTuple):
    """The runs of one peak rate."""

    rate: float
    constant: xr.Dataset
    cosine: xr.Dataset

    def ratios(self, clock: str, metric: str = measures.LOSS) -> list[Interval]:
        """Returns the metric with a cosine over that with a constant rate, in each part of a clock.

        Args:
          clock: "tau" or "step".
          metric: such as the loss.

        Raises:
          NotMeasurable: a seed diverged, or a part has no logging step.
        """
        log_ratio_SxR, clock_R = self.log_ratio(clock, metric)
        edges = np.geomspace(measures.GRID_START * clock_R[-1], clock_R[-1], PARTS + 1)
        part_R = np.minimum(np.searchsorted(edges, clock_R, side="right"), PARTS)
        if not set(range(1, PARTS + 1)) <= set(part_R):
            raise NotMeasurable(f"there are too few logging steps for {PARTS} parts of the clock")
        means = [log_ratio_SxR[:, part_R == part].mean(axis=1) for part in range(1, PARTS + 1)]
        return [
            Interval(exp(log.value), exp(log.low), exp(log.high), log.seeds, log.level)
            for log in over_seeds(np.transpose(means))
        ]

    def log_ratio(self, clock: str, metric: str = measures.LOSS) -> tuple[np.ndarray, np.ndarray]:
        """Returns ln of the ratio, [S, R], and the clock of the cosine's logging steps, [R]."""
        constant_R, cosine_R = times(self.constant, clock), times(self.cosine, clock)
        constant_SxR, cosine_SxR = (
            np.log(measures.curves(data, metric).value_SxR) for data in (self.constant, self.cosine)
        )
        if not np.isfinite([constant_SxR, cosine_SxR]).all():
            raise NotMeasurable(f"a seed diverged at rate {self.rate:.4g}")
        at = [np.interp(np.log(cosine_R), np.log(constant_R), value_R) for value_R in constant_SxR]
        return cosine_SxR - at, cosine_R

    def late_gap(self, metric: str) -> np.ndarray:
        """Returns a metric with a constant rate minus that with a cosine at equal τ: [S].

        Both are means over the last part of τ that `ratios` has, of the shorter run.
        """
        constant_SxR, cosine_SxR = (
            measures.curves(data, metric).value_SxR for data in (self.constant, self.cosine)
        )
        constant_R, cosine_R = times(self.constant, "tau"), times(self.cosine, "tau")
        late_R = cosine_R >= cosine_R[-1] * measures.GRID_START ** (1 / PARTS)
        at = [np.interp(cosine_R, constant_R, value_R) for value_R in constant_SxR]
        return (at - cosine_SxR)[:, late_R].mean(axis=1)


def pairs(data: xr.Dataset) -> list[Pair]:
    """Returns the pairs of some members by their rate; NotMeasurable where one is missing."""
    found = dict(cells(data, "optimizer.learning_rate", "schedule.name"))
    rates = sorted({rate for rate, _ in found})
    wanted = {(rate, name) for rate in rates for name in ("constant", "cosine")}
    if not rates or wanted - set(found):
        raise NotMeasurable("every rate needs runs with a constant rate and with a cosine")
    return [Pair(rate, found[rate, "constant"], found[rate, "cosine"]) for rate in rates]


def times(data: xr.Dataset, clock: str) -> np.ndarray:
    """Returns a clock after the start, "tau" or "step": [R]."""
    later = data.isel(step=slice(1, None))
    return later["tau"].values[0] if clock == "tau" else later["step"].values
