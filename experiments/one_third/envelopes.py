"""Equal tuning: at every horizon the best of a ladder of learning rates.

A constant rate, or one that is a power of the step, knows no horizon, so each record of a run is
also the end of a shorter run, and one ladder tunes all horizons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import ExponentInterval, Interval, exponent_interval, student_interval

if TYPE_CHECKING:
    import xarray as xr

LAST, AVERAGE = "eval_", "eval_average_"  # which weights a metric is of
RATE = "optimizer.learning_rate"


class Envelope(NamedTuple):
    """The lowest mean over seeds that any setting has, record by record.

    Attributes:
      step_R: the records after the start.
      value_SxR: each seed's own value at the setting that is best for the mean.
      best_R: the number of that setting in `settings`.
      settings: the values of the keys, in ascending order.
      diverged: how many members diverged; their settings are out from there on.
    """

    step_R: np.ndarray
    value_SxR: np.ndarray
    best_R: np.ndarray
    settings: list[tuple[float, ...]]
    diverged: int

    def exponent(self, window: tuple[float, float]) -> ExponentInterval:
        """Returns the exponent against steps, over seeds and windows."""
        steps_SxR = np.broadcast_to(self.step_R, self.value_SxR.shape)
        return exponent_interval(steps_SxR, self.value_SxR, window=window)

    @property
    def ends(self) -> np.ndarray:
        """Each seed's value at the last record: [S]."""
        return self.value_SxR[:, -1]

    def edge_note(self, window: tuple[float, float]) -> str:
        """Returns a remark where the ladder may be too short, or lost members, else ""."""
        note = ""
        if share := self.at_edge(window):
            note += f"; at {share:.0%} of the records the best rate ends the ladder"
        if self.diverged:
            note += f"; {self.diverged} members of the ladder diverged"
        return note

    def at_edge(self, window: tuple[float, float]) -> float:
        """Returns the share of a window's records whose best setting ends the ladder."""
        inside_R = (self.step_R >= window[0]) & (self.step_R <= window[1])
        return float(np.isin(self.best_R[inside_R], (0, len(self.settings) - 1)).mean())


def envelope(data: xr.Dataset, name: str, keys: tuple[str, ...] = (RATE,)) -> Envelope:
    """Returns the envelope of a metric over the settings of some members, lowest is best.

    Args:
        data: members that differ in `keys` and in their seed, every setting with every seed.
        name: the metric.
        keys: what makes a setting.

    Raises:
        NotMeasurable: at some record every setting has a diverged member.
    """
    later = data.isel(step=slice(1, None)).transpose("member", "step")
    rows = list(zip(*(later[key].values.tolist() for key in keys), strict=True))
    settings = sorted(set(rows))
    seed_M, value_MxR = later["seed"].values, later[name].values
    value_UxSxR = np.stack(
        [
            np.stack([value_MxR[m] for m in np.argsort(seed_M) if rows[m] == setting])
            for setting in settings
        ]
    )
    mean_UxR = value_UxSxR.mean(axis=1)
    if np.isnan(mean_UxR).all(axis=0).any():
        raise NotMeasurable("every setting has a diverged member")
    best_R = np.nanargmin(mean_UxR, axis=0)
    value_SxR = value_UxSxR[best_R, :, np.arange(len(best_R))].T
    diverged = int((later["diverged_step"].isel(step=-1) >= 0).sum())
    return Envelope(later["step"].values, value_SxR, best_R, settings, diverged)


def end_ratio(numerator_S: np.ndarray, denominator_S: np.ndarray) -> Interval:
    """Returns the ratio of two losses, paired by seed: geometric mean, interval over seeds."""
    found = student_interval(np.log(numerator_S / denominator_S))
    value, low, high = np.exp([found.value, found.low, found.high]).tolist()
    return Interval(value, low, high, found.seeds, found.level)
