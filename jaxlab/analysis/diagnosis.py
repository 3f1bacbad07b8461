"""Everything the lab can say about the exponent of some loss curves, and what speaks against it."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

import numpy as np
import scipy

from jaxlab.analysis.curve import Curves, Window, binned, cut_curve
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import ExponentInterval, exponent_interval, shared_window
from jaxlab.analysis.local_exponent import LocalExponents, floor_free_exponent, local_exponents
from jaxlab.analysis.power_law import (
    ExponentialFit,
    PowerLawFit,
    Status,
    fit_exponential,
    fit_power_law,
    residual_ratio,
)

# Words in names of columns that count or time training: _step, trainer/global_step, num_tokens.
STEP_CLOCKS = re.compile(
    r"(?<![a-z])(steps?|iters?|iterations?|it|updates?|batch|batches|epochs?|examples?|samples?|"
    r"tokens?|time|runtime|timestamp|seconds|hours|flops)(?![a-z])",
    re.IGNORECASE,
)
MOST_RECORDS = 20_000  # of a longer curve, means over BINS are fitted
BINS = 4096
OUTLIER = 8  # deviations: a record further off than this is named


@dataclass(frozen=True)
class CurveFits:
    """One curve, fitted in every form.

    Attributes:
      name: of the curve.
      no_floor: L = A t^-a.
      with_floor: L = A t^-a + L0.
      exponential: L = A exp(-r t).
      one_third_no_floor: sum of squares at exponent 1/3 over that at the best exponent.
      one_third_with_floor: the same for the fit with a floor.
      floor_free_exponent: (exponent, standard error) of -dL/dlnt; NaN where not measurable.
    """

    name: str
    no_floor: PowerLawFit
    with_floor: PowerLawFit
    exponential: ExponentialFit
    one_third_no_floor: float
    one_third_with_floor: float
    floor_free_exponent: tuple[float, float]

    def chosen(self, floor: bool) -> PowerLawFit:
        """The fit with or without a floor."""
        return self.with_floor if floor else self.no_floor


@dataclass(frozen=True)
class Diagnosis:
    """What was measured on some curves, and sentences that warn of its limits.

    Attributes:
      floor: whether interval, local exponents and warnings are about the fit with a floor.
      fits: one for each curve.
      interval: of the exponent; None if the records are too few to move the window.
      local: exponents of L by window, mean over curves.
      local_above_floor: exponents of L - L0 by window, with each curve's own fitted floor.
      warnings: in plain words; none is an error.
    """

    floor: bool
    fits: tuple[CurveFits, ...]
    interval: ExponentInterval | None
    local: LocalExponents
    local_above_floor: LocalExponents
    warnings: tuple[str, ...]


def diagnose(
    curves: Curves, *, clock: str, window: Window | None = None, floor: bool = False
) -> Diagnosis:
    """Fit the curves in every form and collect what speaks against each exponent.

    Args:
      curves: the seeds of one setting.
      clock: the name of the time column; steps get a warning.
      window: (low, high) in units of time; None for the whole curves.
      floor: which of the two power laws the interval and the warnings are about.

    Raises:
      ValueError: a curve that cannot be fitted.
    """
    raw, curves = curves, _with_fewer_records(curves, window)
    fits = tuple(
        _fit_curve(time, loss, name, window)
        for time, loss, name in zip(curves.time, curves.loss, curves.names, strict=True)
    )
    floors = [fit.chosen(floor).floor for fit in fits]
    shared = shared_window(curves.time, curves.loss, window)
    local = _mean_local(curves, shared, [0.0] * len(fits), per_decade=2)
    local_above_floor = _mean_local(curves, shared, floors, per_decade=2)
    warnings = [*curves.notes, *_clock_warnings(clock), *_fit_warnings(fits, floor)]
    for place, fit in enumerate(fits):
        warnings += _shape_warnings(raw, place, fit.chosen(floor), clock)
    try:
        interval = exponent_interval(curves.time, curves.loss, window=window, floor=floor)
    except ValueError as error:  # each curve can be fitted, but the window cannot be moved
        interval = None
        warnings.append(f"No interval: {error}.")
    else:
        per_decade = 3 / np.log10(shared[1] / shared[0])
        thirds = _mean_local(curves, shared, floors, per_decade)
        # A slope over a wide window is not that at its middle: compare with those of the fits.
        fitted = tuple(
            fit.chosen(floor).predict(time) for fit, time in zip(fits, curves.time, strict=True)
        )
        of_fits = _mean_local(
            dataclasses.replace(curves, loss=fitted), shared, floors, per_decade
        ).exponent
        exponent = thirds.exponent - of_fits + interval.value
        thirds = dataclasses.replace(thirds, exponent=exponent)
        warnings += _interval_warnings(interval) + _drift_warnings(thirds, interval)
    return Diagnosis(floor, fits, interval, local, local_above_floor, tuple(warnings))


def _with_fewer_records(curves: Curves, window: Window | None) -> Curves:
    """The curves, where they are very long as means over bins; refuses those without a slope."""
    times, losses, notes = [], [], list(curves.notes)
    for time, loss, name in zip(curves.time, curves.loss, curves.names, strict=True):
        cut_time, cut_loss = cut_curve(time, loss, window)
        if np.ptp(np.log(cut_loss)) < 1e-9:
            raise NotMeasurable(
                f"{name}: the loss is constant ({cut_loss[0]:g}): there is nothing to fit"
            )
        if cut_time.size > MOST_RECORDS and cut_time[0] > 0:
            time, loss = binned(cut_time, cut_loss, BINS)
            notes.append(
                f"{name}: {cut_time.size} records were fitted as {time.size} means over bins of "
                "equal width in log time, so that all decades count alike."
            )
        times.append(time)
        losses.append(loss)
    return dataclasses.replace(curves, time=tuple(times), loss=tuple(losses), notes=tuple(notes))


def _shape_warnings(curves: Curves, place: int, fit: PowerLawFit, clock: str) -> list[str]:
    """What a fit would hide: a loss that rises again, that does not fall, or that has a spike."""
    name, warnings = curves.names[place], []
    time, loss = np.asarray(curves.time[place]), np.asarray(curves.loss[place])
    inside = (time >= fit.window[0]) & (time <= fit.window[1])
    time, y = time[inside], np.log(loss[inside])
    residual = y - np.log(fit.predict(time))
    # Neighbours differ by noise alone, and a spike hardly moves the median of what they differ by.
    noise = 1.4826 * np.median(np.abs(np.diff(residual))) / np.sqrt(2)
    width = max(3, y.size // 10)
    sums = np.concatenate([[0.0], np.cumsum(y - y[0])])
    smooth = (sums[width:] - sums[:-width]) / width
    lowest = int(np.argmin(smooth))
    rise = smooth[-1] - smooth[lowest]
    if rise > max(5 * noise / np.sqrt(width), 1e-4) and rise > 0.01 * np.ptp(smooth):
        warnings.append(
            f"{name}: the loss rises by {100 * np.expm1(rise):.2g} % after {clock} "
            f"{time[lowest + width // 2]:.4g}, where it is lowest: a power law only falls. Fit the "
            "part before with --window."
        )
    if abs(smooth[0] - smooth[-1]) < 4 * noise / np.sqrt(width):
        warnings.append(f"{name}: the loss does not fall by more than its noise in this window.")
    spread = max(1.4826 * np.median(np.abs(residual - np.median(residual))), noise, 1e-12)
    # The ends, where a power law often fits badly, are no spikes: compare with the neighbours too.
    neighbours = np.convolve(np.pad(residual, 1, "edge"), [0.5, 0, 0.5], "valid")
    off = np.minimum(np.abs(residual - np.median(residual)), np.abs(residual - neighbours)) / spread
    worst = int(np.argmax(off))
    if off[worst] > OUTLIER:
        where = f", line {curves.lines[place][inside][worst]}" if curves.lines else ""
        warnings.append(
            f"{name}: the loss at {clock} {time[worst]:.6g}{where} is an outlier: "
            f"{np.exp(residual[worst]):.3g} times the fit, {off[worst]:.0f} deviations off. It "
            "moves the exponent: is it an error?"
        )
    return warnings


def _fit_curve(time, loss, name: str, window: Window | None) -> CurveFits:
    return CurveFits(
        name=name,
        no_floor=fit_power_law(time, loss, window=window),
        with_floor=fit_power_law(time, loss, window=window, floor=True),
        exponential=fit_exponential(time, loss, window=window),
        one_third_no_floor=residual_ratio(time, loss, 1 / 3, window=window),
        one_third_with_floor=residual_ratio(time, loss, 1 / 3, window=window, floor=True),
        floor_free_exponent=floor_free_exponent(time, loss, window=window),
    )


def _mean_local(
    curves: Curves, window: Window, floors: list[float], per_decade: float
) -> LocalExponents:
    """Mean over curves of their local exponents; NaN in a window where any of them has none."""
    each = [
        local_exponents(time, loss, window=window, floor=floor, per_decade=per_decade)
        for time, loss, floor in zip(curves.time, curves.loss, floors, strict=True)
    ]
    return LocalExponents(
        centre=each[0].centre,
        exponent=np.mean([local.exponent for local in each], axis=0),
        stderr=np.linalg.norm([local.stderr for local in each], axis=0) / len(each),
        points=each[0].points,
    )


def _clock_warnings(clock: str) -> list[str]:
    if not STEP_CLOCKS.search(clock):
        return []
    return [
        f"The clock is {clock}. Unless the learning rate was constant from the first step, an "
        "exponent against steps is not the one against τ, the sum of learning rates (published "
        "losses of Pythia: 0.7 against steps, 0.34 against τ)."
    ]


def _fit_warnings(fits: tuple[CurveFits, ...], floor: bool) -> list[str]:
    warnings = []
    for curve in fits:
        fit = curve.chosen(floor)
        if fit.status is Status.FAILED:
            warnings.append(f"{curve.name}: the fit did not converge.")
        elif fit.at_bound == "floor":
            warnings.append(
                f"{curve.name}: the floor came out at 0, its bound, so this is the fit without one."
            )
        elif fit.at_bound == "exponent":
            warnings.append(
                f"{curve.name}: the exponent ran to its bound {fit.exponent:g}; this is no power "
                "law plus a floor."
            )
        best = min(curve.no_floor.sum_of_squares, curve.with_floor.sum_of_squares)
        if curve.exponential.sum_of_squares < best:
            warnings.append(
                f"{curve.name}: an exponential fits better than either power law, so the "
                "exponent of a power law means nothing here."
            )
    return warnings


def _interval_warnings(interval: ExponentInterval) -> list[str]:
    warnings = []
    if interval.seeds == 1:
        warnings.append("One seed: the interval covers the choice of window, not the seed.")
    if interval.left_out:
        warnings.append(
            f"{len(interval.left_out)} windows that the interval should cover hold too few "
            "records and were left out."
        )
    if interval.suspect_fits:
        warnings.append(
            f"{interval.suspect_fits} of the {interval.seeds * len(interval.windows)} fits behind "
            "the interval ended at a bound or failed."
        )
    return warnings


def _drift_warnings(thirds: LocalExponents, interval: ExponentInterval) -> list[str]:
    """Compare the two thirds of the log range whose exponents differ most."""
    least, most = np.argmin(thirds.exponent), np.argmax(thirds.exponent)
    pair = [least, most]
    drift = thirds.exponent[most] - thirds.exponent[least]
    if not drift > interval.high - interval.low:  # also where a third has no exponent
        return []
    # Noise alone makes short windows differ. Welch's t-test at 1 %, for any of three pairs.
    variance = thirds.stderr[pair] ** 2
    freedom = variance.sum() ** 2 / np.sum(variance**2 / (thirds.points[pair] - 2))
    if drift < np.sqrt(variance.sum()) * scipy.stats.t.ppf(1 - 0.01 / 6, freedom):
        return []
    return [
        f"The local exponent drifts, {thirds.exponent[least]:.3f} at {thirds.centre[least]:.3g} "
        f"and {thirds.exponent[most]:.3f} at {thirds.centre[most]:.3g}, by more than the interval "
        "is wide: one power law does not describe this window."
    ]
