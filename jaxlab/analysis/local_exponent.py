"""Exponents measured piece by piece: does one power law hold over the whole curve?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.curve import Window, check_curve, cut_curve
from jaxlab.analysis.estimate import NotMeasurable

# Two points always lie on a line, so a slope with an error needs three.
MIN_LOCAL_POINTS = 3


@dataclass(frozen=True)
class LocalExponents:
    """Exponents in W windows of equal width in log time.

    Attributes:
      centre: [W] the geometric middle of each window, in units of time.
      exponent: [W] -dlnL/dlnt; NaN in a window with fewer than MIN_LOCAL_POINTS records.
      stderr: [W] of least squares inside the window, residuals taken for independent.
      points: [W] records in each window.
    """

    centre: NDArray[np.float64]
    exponent: NDArray[np.float64]
    stderr: NDArray[np.float64]
    points: NDArray[np.int64]


def local_exponents(
    time: ArrayLike,
    loss: ArrayLike,
    *,
    per_decade: float = 2,
    window: Window | None = None,
    floor: float = 0.0,
) -> LocalExponents:
    """The exponent of L(t) - floor in log-spaced windows.

    Inside each window -dlnL/dlnt is the slope of a least-squares line, times L / (L - floor) at
    the window's mean log loss: the logarithm of the difference itself would not survive
    noise that takes single records below the floor.

    Args:
      time: [R] strictly increasing, positive.
      loss: [R] positive.
      per_decade: windows for each factor of ten in time (rounded to a whole number in all).
      window: (low, high) in units of time; None for the whole curve.
      floor: L0 of a fit, in units of loss; windows whose loss does not exceed it give NaN.
    """
    x, y, edges = _log_windows(time, loss, per_decade, window)
    centre, exponent, stderr, points = [], [], [], []
    for inside, middle in _windows(x, edges):
        centre.append(np.exp(middle))
        points.append(inside.sum())
        mean_loss = np.exp(y[inside].mean()) if inside.any() else np.nan
        if points[-1] < MIN_LOCAL_POINTS or mean_loss <= floor:
            exponent.append(np.nan)
            stderr.append(np.nan)
            continue
        slope, error = _slope(x[inside], y[inside])
        above_floor = mean_loss / (mean_loss - floor)
        exponent.append(-slope * above_floor)
        stderr.append(error * above_floor)
    return LocalExponents(*map(np.array, (centre, exponent, stderr, points)))


def floor_free_exponent(
    time: ArrayLike, loss: ArrayLike, *, per_decade: float = 2, window: Window | None = None
) -> tuple[float, float]:
    """A second opinion on a curve with a floor, from slopes in which no floor appears.

    If L = A t^-a + L0 then -dL/dlnt = a A t^-a: the same exponent, whatever L0. The slope is
    measured by least squares in log-spaced windows, and its own exponent by least squares over
    the windows, which all count alike. Noisier than a fit of the floor, but it cannot trade the
    floor against the exponent.

    Args: as `local_exponents`.

    Returns:
      (exponent, standard error). Both NaN if fewer than three windows hold MIN_LOCAL_POINTS
      records, or the loss does not fall in one of those that do: leaving that one out would
      favour the windows that happened to fall.
    """
    x, y, edges = _log_windows(time, loss, per_decade, window)
    pieces = [part for part in _windows(x, edges) if part[0].sum() >= MIN_LOCAL_POINTS]
    slopes = np.array([-_slope(x[inside], np.exp(y[inside]))[0] for inside, _ in pieces])
    if slopes.size < 3 or (slopes <= 0).any():
        return np.nan, np.nan
    slope, error = _slope([middle for _, middle in pieces], np.log(slopes))
    return -slope, error


def _log_windows(time, loss, per_decade, window):
    """Log time [R], log loss [R], and the W + 1 edges of the windows in log time."""
    whole, _ = check_curve(time, loss)
    time, loss = cut_curve(time, loss, window)
    if time[0] <= 0:
        raise NotMeasurable(
            f"time is {time[0]:g} at the first record: local exponents need positive times, "
            "so give a window that starts later"
        )
    # The edges follow the named window, not the records in it, so that curves with slightly
    # different clocks are cut alike.
    low, high = np.clip(window or (0, np.inf), whole[whole > 0][0], whole[-1])
    count = max(1, round(per_decade * np.log10(high / low)))
    return np.log(time), np.log(loss), np.linspace(np.log(low), np.log(high), count + 1)


def _slope(x, y) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error."""
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    return float(coefficients[0]), float(np.sqrt(covariance[0, 0]))


def _windows(x, edges):
    """(which records [R], middle in log time) of each window; the last includes its end."""
    index = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)
    for piece in range(edges.size - 1):
        yield index == piece, (edges[piece] + edges[piece + 1]) / 2
