"""Power laws and exponentials fitted to one loss curve.

The power law is L(t) = A t^-a + L0 with L0 >= 0: without the floor L0 it is the time law of
peaked distributions (arXiv 2602.03685, a = 1/3 against τ = the sum of learning rates), with it
the form which that paper fits to language models.

Every fit minimises the *sum* of squared residuals of log L. The sum, because optimisers stop on
absolute tolerances: scaled down to a mean, they stop early and at an exponent that depends on
the start. The logarithm, because relative noise is about the same early and late in training.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.curve import Window, cut_curve
from jaxlab.analysis.estimate import NotMeasurable

# The exponents that a fit with a floor may take. Without a floor there is no bound.
EXPONENT_BOUNDS = (1e-3, 10.0)
GRID_RECORDS = 1000  # at most so many decide where a fit with a floor starts


class Status(enum.Enum):
    """How a fit ended. Only the exponent of a CONVERGED fit was chosen by the data alone."""

    CONVERGED = "converged"
    AT_BOUND = "at bound"
    FAILED = "failed"


@dataclass(frozen=True)
class PowerLawFit:
    """L(t) = amplitude * t^-exponent + floor.

    Attributes:
      exponent: positive when the loss falls.
      amplitude: in units of loss * time^exponent.
      floor: L0, in units of loss; 0 if the fit has none.
      exponent_stderr: from the covariance of least squares, which takes the residuals for
        independent and the window for given. On real curves neither holds and it is up to ten
        times too small: quote `jaxlab.analysis.interval.exponent_interval` instead. NaN when
        the exponent was fixed or is at a bound.
      r_squared: of log loss. NaN for a constant loss.
      sum_of_squares: of the residuals of log loss; what the fit minimised.
      points: how many records were fitted.
      window: the first and last time that were fitted.
      status: whether the fit is to be believed.
      at_bound: "floor" if it is at 0 (then this is the fit without floor), "exponent" if it is
        at one of EXPONENT_BOUNDS, otherwise "".
    """

    exponent: float
    amplitude: float
    floor: float
    exponent_stderr: float
    r_squared: float
    sum_of_squares: float
    points: int
    window: Window
    status: Status
    at_bound: str

    def predict(self, time: ArrayLike) -> NDArray[np.float64]:
        """The fitted loss at the given times (any shape, positive)."""
        return self.amplitude * np.asarray(time, np.float64) ** -self.exponent + self.floor


@dataclass(frozen=True)
class ExponentialFit:
    """L(t) = amplitude * exp(-rate * t), fitted to log loss; the attributes as in PowerLawFit."""

    rate: float
    amplitude: float
    rate_stderr: float
    r_squared: float
    sum_of_squares: float
    points: int
    window: Window

    def predict(self, time: ArrayLike) -> NDArray[np.float64]:
        """The fitted loss at the given times (any shape)."""
        return self.amplitude * np.exp(-self.rate * np.asarray(time, np.float64))


def fit_power_law(
    time: ArrayLike,
    loss: ArrayLike,
    *,
    window: Window | None = None,
    floor: bool = False,
    exponent_fixed: float | None = None,
) -> PowerLawFit:
    """The power law, with or without a floor, that is closest to the curve in log loss.

    Without a floor this is linear regression of log loss on log time. With one, write
    L = C [(1 - s)(t/t0)^-a + s] with t0 the first time and s = L0 / C in [0, 1): log C is then
    linear and is solved for exactly (variable projection), and the floor lies below the fitted
    loss at all times without being tied to the lowest, hence luckiest, record. (a, s) start at
    the best cell of a grid and are polished by `scipy.optimize.least_squares`.

    Args:
      time: [R] strictly increasing and, inside the window, positive.
      loss: [R] positive inside the window.
      window: (low, high) in units of time, both ends included; None for the whole curve.
      floor: fit L0 >= 0 instead of setting it to 0.
      exponent_fixed: fit the other parameters at this exponent, for `residual_ratio`.

    Raises:
      ValueError: records that cannot be fitted or a window with too few of them.
    """
    time, loss = cut_curve(time, loss, window)
    if time[0] <= 0:
        raise NotMeasurable(
            f"time is {time[0]:g} at the first record: a power law needs positive times, "
            "so give a window that starts later"
        )
    x, y = np.log(time / time[0]), np.log(loss)

    exponent = _slope(x, y) if exponent_fixed is None else exponent_fixed
    share, status, at_bound = 0.0, Status.CONVERGED, ""
    if floor:
        exponent, share, status, at_bound = _fit_floor(x, y, exponent, exponent_fixed)

    free = [exponent_fixed is None and at_bound != "exponent", floor and at_bound != "floor"]
    jacobian_Rx2 = _jacobian(x, exponent, share)
    residual = _residual(x, y, exponent, share)
    log_scale = np.mean(y - _log_shape(x, exponent, share))
    sum_of_squares = float(residual @ residual)
    return PowerLawFit(
        exponent=float(exponent),
        amplitude=float(np.exp(log_scale) * (1 - share) * time[0] ** exponent),
        floor=float(np.exp(log_scale) * share),
        exponent_stderr=_stderr(jacobian_Rx2[:, free], sum_of_squares) if free[0] else np.nan,
        r_squared=_r_squared(y, sum_of_squares),
        sum_of_squares=sum_of_squares,
        points=time.size,
        window=(float(time[0]), float(time[-1])),
        status=status,
        at_bound=at_bound,
    )


def residual_ratio(
    time: ArrayLike,
    loss: ArrayLike,
    exponent: float,
    *,
    window: Window | None = None,
    floor: bool = False,
) -> float:
    """Sum of squares with the exponent fixed over the sum of squares with it free.

    At least 1. A ratio near 1 says that the curve does not tell this exponent from its best
    one; it does not say that either fits.
    """
    fixed = fit_power_law(time, loss, window=window, floor=floor, exponent_fixed=exponent)
    free = fit_power_law(time, loss, window=window, floor=floor)
    return float(np.divide(fixed.sum_of_squares, free.sum_of_squares))


def fit_exponential(
    time: ArrayLike, loss: ArrayLike, *, window: Window | None = None
) -> ExponentialFit:
    """Linear regression of log loss on time: what flat targets obey (arXiv 2602.03685).

    Arguments and errors as in `fit_power_law`, but time may be zero or negative.
    """
    time, loss = cut_curve(time, loss, window)
    y = np.log(loss)
    rate = _slope(time, y)
    log_amplitude = np.mean(y + rate * time)
    residual = y - log_amplitude + rate * time
    sum_of_squares = float(residual @ residual)
    return ExponentialFit(
        rate=rate,
        amplitude=float(np.exp(log_amplitude)),
        rate_stderr=_stderr((time - time.mean())[:, None], sum_of_squares),
        r_squared=_r_squared(y, sum_of_squares),
        sum_of_squares=sum_of_squares,
        points=time.size,
        window=(float(time[0]), float(time[-1])),
    )


# In what follows x = log(t/t0) and y = log L, both [R]; log C is projected out, so residuals
# and Jacobians have mean zero over the records.


def _log_shape(x, exponent, share):
    return np.log((1 - share) * np.exp(-exponent * x) + share)


def _residual(x, y, exponent, share):
    residual = y - _log_shape(x, exponent, share)
    return residual - residual.mean(axis=-1, keepdims=True)


def _jacobian(x, exponent, share):
    """[R, 2] derivatives of the residual by the exponent and by the share of the floor."""
    decay = np.exp(-exponent * x)
    shape = (1 - share) * decay + share
    jacobian_Rx2 = np.stack([(1 - share) * x * decay, decay - 1], axis=1) / shape[:, None]
    return jacobian_Rx2 - jacobian_Rx2.mean(axis=0)


def _fit_floor(x, y, exponent_line, exponent_fixed):
    """(exponent, share, status, at_bound) of the best fit with a floor."""
    exponents = np.geomspace(0.05, 10, 40) if exponent_fixed is None else np.array([exponent_fixed])
    # The floor may be any part of the smallest loss (finer towards all of it) and, where the
    # smallest is a lucky record, more.
    smallest = min(np.exp(y.min() - y[0]), 0.98)
    below, above = 1 - np.geomspace(1, 0.02, 16), np.linspace(1, 0.99 / smallest, 24)
    shares = smallest * np.concatenate([below, above])
    # For the start some of the records will do: 40 x 40 cells times a million would fill memory.
    some = np.unique(np.linspace(0, x.size - 1, GRID_RECORDS).astype(int))
    cost_ExS = (_residual(x[some], y[some], exponents[:, None, None], shares[:, None]) ** 2).sum(-1)
    lowest = np.unravel_index(np.argmin(cost_ExS), cost_ExS.shape)

    free = slice(0 if exponent_fixed is None else 1, 2)
    bounds = np.array([EXPONENT_BOUNDS, (0.0, 1.0)])[free]

    def full(free_values):
        return free_values if exponent_fixed is None else (exponent_fixed, *free_values)

    result = scipy.optimize.least_squares(
        lambda values: _residual(x, y, *full(values)),
        np.array([exponents[lowest[0]], shares[lowest[1]]])[free],
        jac=lambda values: _jacobian(x, *full(values))[:, free],  # pyright: ignore
        bounds=(bounds[:, 0], bounds[:, 1]),
        method="dogbox",
        x_scale="jac",
        xtol=1e-10,
        ftol=1e-12,
        gtol=1e-12,
    )
    exponent, share = full(result.x)
    line = _residual(x, y, exponent_line, 0.0)
    # No floor is a special case of a floor: when that is as good (to a part in a million, or to
    # rounding), the floor is at its bound.
    if line @ line <= 2 * result.cost * (1 + 1e-6) + 1e-28 * x.size:
        return exponent_line, 0.0, Status.AT_BOUND, "floor"
    if result.active_mask[0] and exponent_fixed is None:
        return exponent, share, Status.AT_BOUND, "exponent"
    return exponent, share, Status.CONVERGED if result.success else Status.FAILED, ""


def _slope(x, y) -> float:
    """Minus the slope of the least-squares line."""
    x = x - x.mean()
    return float(-(x @ y) / (x @ x))


def _stderr(jacobian_RxP, sum_of_squares) -> float:
    """Standard error of the first parameter; one degree of freedom went to the mean."""
    records, parameters = jacobian_RxP.shape
    first, others = jacobian_RxP[:, 0], jacobian_RxP[:, 1:]
    alone = first - others @ np.linalg.lstsq(others, first)[0]  # what no other could do instead
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.sqrt(sum_of_squares / (records - parameters - 1) / (alone @ alone)))


def _r_squared(y, sum_of_squares) -> float:
    total = float(np.sum((y - y.mean()) ** 2))
    return 1 - sum_of_squares / total if total > 0 else np.nan
