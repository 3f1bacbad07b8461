"""Loss curves: what the fits accept, and the part inside a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.estimate import NotMeasurable

Window = tuple[float, float]

# Fewer points than this leave a three-parameter fit too little to be wrong about.
MIN_POINTS = 5


@dataclass(frozen=True)
class Curves:
    """The loss curves of several seeds, each with records of its own.

    Attributes:
      time: [S] arrays [R], the clock (τ, steps, ...) of each record.
      loss: [S] arrays [R], usually in nats.
      names: [S] what to call each curve in tables and messages.
      lines: [S] arrays [R], where in the file each record lies; empty where there is no file.
      notes: sentences on what was left out.
    """

    time: tuple[NDArray[np.float64], ...]
    loss: tuple[NDArray[np.float64], ...]
    names: tuple[str, ...]
    lines: tuple[NDArray[np.int64], ...] = ()
    notes: tuple[str, ...] = ()


def check_curve(
    time: ArrayLike, loss: ArrayLike, *, name: str = "the curve"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One curve as float64, or a ValueError that names the first record that cannot be fitted.

    Args:
      time: [R] finite and strictly increasing.
      loss: [R] finite. (A loss outside the fit window may be zero or negative.)
      name: what messages call this curve, such as "seed 3".
    """
    time, loss = np.asarray(time, np.float64), np.asarray(loss, np.float64)
    if time.ndim != 1 or time.shape != loss.shape:
        raise ValueError(
            f"{name}: time {time.shape} and loss {loss.shape} must be vectors of the same length"
        )
    for what, values in (("time", time), ("loss", loss)):
        if not np.isfinite(values).all():
            record = int(np.argmin(np.isfinite(values)))
            raise NotMeasurable(
                f"{name}: {what} is {values[record]} at record {record} of {values.size}; "
                "leave out a diverged curve in the open, or cut it before it diverges"
            )
    if (np.diff(time) <= 0).any():
        record = int(np.argmax(np.diff(time) <= 0)) + 1
        raise NotMeasurable(
            f"{name}: time must increase, but record {record} ({time[record]:g}) "
            f"follows {time[record - 1]:g}; are several runs in one column?"
        )
    return time, loss


def cut_curve(
    time: ArrayLike, loss: ArrayLike, window: Window | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The records of one curve with window[0] <= time <= window[1], checked.

    Args:
      time: [R] finite and strictly increasing.
      loss: [R] finite, and positive inside the window because the fits take its logarithm.
      window: in units of time; either end may be infinite; None takes every record.

    Raises:
      ValueError: bad records (see `check_curve`), or fewer than MIN_POINTS in the window.
    """
    time, loss = check_curve(time, loss)
    if window is not None:
        low, high = window
        if not low < high:
            raise ValueError(f"a window is (low, high) with low < high, not ({low:g}, {high:g})")
        kept = (time >= low) & (time <= high)
        if kept.sum() < MIN_POINTS and time.size >= MIN_POINTS:
            raise NotMeasurable(
                f"the window ({low:g}, {high:g}) holds {kept.sum()} of {time.size} records, a fit "
                f"needs {MIN_POINTS}; time runs from {time[0]:g} to {time[-1]:g}: widen the window"
            )
        time, loss = time[kept], loss[kept]
    if time.size < MIN_POINTS:
        raise NotMeasurable(f"a fit needs at least {MIN_POINTS} points, the curve has {time.size}")
    if (loss <= 0).any():
        worst = int(np.argmax(loss <= 0))
        raise NotMeasurable(
            f"loss is {loss[worst]:g} at time {time[worst]:g}: the fits take its logarithm, "
            "so every loss in the window must be positive"
        )
    return time, loss


def binned(
    time: NDArray[np.float64], loss: NDArray[np.float64], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Geometric means of time and loss over those bins of equal width in log time that hold any.

    Args:
      time: [R] strictly increasing and positive; loss: [R] positive.
      bins: how many.
    """
    x = np.log(time)
    bin_R = np.minimum((bins * (x - x[0]) / (x[-1] - x[0])).astype(int), bins - 1)
    count = np.bincount(bin_R, minlength=bins)
    full = count > 0
    means = [np.bincount(bin_R, v, bins)[full] / count[full] for v in (x, np.log(loss))]
    return np.exp(means[0]), np.exp(means[1])
