"""Control: a flat target is learnt exponentially, so it must not give a power law."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER
from experiments.one_third.studies import SGD, TEACHER
from jaxlab.analysis import theory
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.power_law import ExponentialFit, fit_exponential, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

FLAT_RATE = theory.exponential_rate(classes=128)

EXPECTED = {
    "flat_rate": Expected(
        "Control: on a flat target (T = 1) the loss falls exponentially, at rate 2/n per τ",
        f"{PAPER}, high-temperature regime",
        FLAT_RATE,
        (0.97 * FLAT_RATE, 1.03 * FLAT_RATE),
        control=True,
    ),
    "flat_rate_any_half": Expected(
        "Control: the same rate in each half of the window",
        f"{PAPER}, high-temperature regime; halves by this lab",
        FLAT_RATE,
        (0.97 * FLAT_RATE, 1.03 * FLAT_RATE),
        control=True,
    ),
    "flat_theory": Expected(
        "Control: its rate is that of the aligned flow for its own teachers, no fit (ratio)",
        f"{PAPER}, aligned-student ansatz at finite β*; sampling by this lab",
        1.0,
        (0.97, 1.03),
        control=True,
    ),
    "flat_is_exponential": Expected(
        "Control: R² of a straight line through log loss against τ",
        f"{PAPER}, high-temperature regime",
        None,
        (0.999, inf),
        control=True,
    ),
}

PINNED = TEACHER | SGD | {"task.temperature": 1.0, "window": (50.0, 600.0)}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the rate, in the window and its halves, over the theory's, and how straight it is."""
    rate = exponential_rate(study)
    whole, first, second = rate.windows
    halves = Interval(
        whole.value,
        min(part.low for part in rate.windows),
        max(part.high for part in rate.windows),
        whole.seeds,
        whole.level,
    )
    drift = f"{first.value:.5f} in the first half, {second.value:.5f} in the second"
    contrast = f"the best power law reaches {rate.power_law_r_squared:.3f}"
    return {
        "flat_rate": Measured(whole, "interval over seeds, in the whole window"),
        "flat_rate_any_half": Measured(halves, drift),
        "flat_theory": Measured(rate.over_theory, "the flow slows down as the run does"),
        "flat_is_exponential": Measured(rate.r_squared, contrast),
    }


class Rate(NamedTuple):
    """The rate of an exponential fall, with Student intervals over seeds."""

    windows: tuple[Interval, Interval, Interval]  # the whole window and its halves
    over_theory: Interval  # the rate over that of the aligned flow, in the whole window
    r_squared: Interval  # semilogarithmic, in the whole window
    power_law_r_squared: float  # of the seed that a power law fits best, for contrast


def exponential_rate(study: Study) -> Rate:
    """Returns the rate per τ at which the loss of a study's cell falls, in its config's window."""
    low, high = study.config.window
    middle = (low + high) / 2
    tau_SxR, loss_SxR = measures.curves(study.data)
    _, theory_SxR = measures.aligned_theory(study)

    def fits(loss_SxR: np.ndarray, window: tuple[float, float]) -> list[ExponentialFit]:
        pairs = zip(tau_SxR, loss_SxR, strict=True)
        return [fit_exponential(tau_R, loss_R, window=window) for tau_R, loss_R in pairs]

    def rates(loss_SxR: np.ndarray, window: tuple[float, float]) -> np.ndarray:
        return np.array([fit.rate for fit in fits(loss_SxR, window)])

    whole = (low, high)
    powers = [fit_power_law(t, y, window=whole) for t, y in zip(tau_SxR, loss_SxR, strict=True)]
    return Rate(
        windows=(
            student_interval(rates(loss_SxR, whole)),
            student_interval(rates(loss_SxR, (low, middle))),
            student_interval(rates(loss_SxR, (middle, high))),
        ),
        over_theory=student_interval(rates(loss_SxR, whole) / rates(theory_SxR, whole)),
        r_squared=student_interval([fit.r_squared for fit in fits(loss_SxR, whole)]),
        power_law_r_squared=max(fit.r_squared for fit in powers),
    )


def figures(study: Study) -> list[Figure]:
    """Returns the loss on a logarithmic axis, with an exponential and a power law."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    low, high = study.config.window
    figure, (ax,) = panels()
    for number, loss_R in enumerate(loss_SxR):
        ax.plot(tau_SxR[0], loss_R, lw=1, color="C0", label="" if number else "seeds")
    ax.axvspan(low, high, color="grey", alpha=0.08, lw=0)
    flow_R = measures.aligned_theory(study)[1].mean(axis=0)
    ax.plot(tau_SxR[0], flow_R, color="black", lw=1, ls=":", label="aligned flow")
    ax.set(yscale="log", xlabel=TAU, ylabel="KL on fresh batches, nats")
    without = ""
    try:
        _fits(ax, study)
    except ValueError as error:
        without = f" There is no fit: {error}."
    plots.legend(ax)
    caption = (
        "The control: at temperature 1 the target is flat. Semilogarithmic; the fits in the shaded "
        "window are to the mean of the seeds. The aligned flow is that of their own teachers."
        f"{without}"
    )
    return [Figure("flat", "Control: a flat target is learned exponentially", caption, figure)]


def _fits(ax, study: Study) -> None:
    tau_SxR, loss_SxR = measures.curves(study.data)
    low, high = study.config.window
    mean_R = loss_SxR.mean(axis=0)
    exponential = fit_exponential(tau_SxR[0], mean_R, window=(low, high))
    power = fit_power_law(tau_SxR[0], mean_R, window=(low, high))
    tau = np.linspace(low, high, 200)
    label = f"exponential, rate {exponential.rate:.5f} (2/n = {2 / study.config.task.classes:.5f})"
    ax.plot(tau, exponential.predict(tau), "k--", label=label)
    ax.plot(tau, power.predict(tau), color="C1", label=f"power law, R² {power.r_squared:.3f}")


def tables(study: Study) -> list[Table]:
    """Returns none: the claims hold all numbers."""
    return []
