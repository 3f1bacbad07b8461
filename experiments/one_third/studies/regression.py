"""The control without softmax: squared loss has the power law of its data, or none.

The claims of exponents fit τ in LAW_WINDOW and not in the window of the config, whose end feels
that there are only 512 modes: the exact flow of a = 2 has 0.511 in the first and 0.527 in the
second, where infinitely many modes have 1/2.
"""

from __future__ import annotations

from functools import cache
from math import inf

import jax
import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, Expected, Measured
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.power_law import fit_exponential, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.experiment import stream_key
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate, format_number
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

LAW_WINDOW = (10.0, 200.0)
SOURCE = f"{PAPER}, App. D.6"

EXPECTED = {
    "regression_rate": Expected(
        "Control: squared loss on isotropic inputs falls exponentially, at rate 2 per τ",
        SOURCE,
        2.0,
        (1.94, 2.06),
        control=True,
    ),
    "regression_is_exponential": Expected(
        "Control: the same: R² of a straight line through log loss against τ",
        SOURCE,
        None,
        (0.999, inf),
        control=True,
    ),
    "regression_2": Expected(
        "Control: squared loss on inputs with the spectrum i^-2 falls as τ^-1/2",
        SOURCE,
        1 / 2,
        (0.48, 0.52),
        control=True,
        exponent=True,
        group="control",
        short="squared loss, spectrum i^-2",
    ),
    "regression_3": Expected(
        "Control: squared loss on inputs with the spectrum i^-3 falls as τ^-2/3",
        SOURCE,
        2 / 3,
        (2 / 3 - 0.02, 2 / 3 + 0.02),
        control=True,
        exponent=True,
        group="control",
        short="squared loss, spectrum i^-3",
    ),
    "regression_flow": Expected(
        "Control: on both spectra the loss is that of the exact flow for its own teacher (ratio)",
        "sum over modes by this lab",
        1.0,
        (0.95, 1.05),
        control=True,
    ),
}

PINNED = {
    "task.name": "regression",
    "task.features": 512,
    "optimizer.name": "sgd",
    "schedule.name": "constant",
}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the rate of isotropic inputs, the exponents of the others, and both over the flow."""
    tau_SxR, loss_SxR = measures.curves(_cell(study, 0.0))
    fits = [fit_exponential(*curve) for curve in zip(tau_SxR, loss_SxR, strict=True)]
    powers = [fit_power_law(*curve).r_squared for curve in zip(tau_SxR, loss_SxR, strict=True)]
    found = {
        "regression_rate": Measured(student_interval([fit.rate for fit in fits])),
        "regression_is_exponential": Measured(
            student_interval([fit.r_squared for fit in fits]),
            f"the best power law reaches {max(powers):.3f}",
        ),
    }
    for spectrum in (2.0, 3.0):
        raw, centred, mean_teacher = _exponents(study, spectrum)
        detail = (
            f"interval over seeds, τ in [10, 200], each less the luck of its teacher in the exact "
            f"flow, whose mean has {mean_teacher:.3f}; uncorrected {format_estimate(*_ends(raw))}"
        )
        found[f"regression_{spectrum:.0f}"] = Measured(centred, detail)
    ratios = [_over_flow(study, spectrum) for spectrum in (2.0, 3.0)]
    worst = max(ratios, key=lambda ratio: abs(ratio.value - 1))
    shown = " and ".join(format_estimate(*_ends(ratio)) for ratio in ratios)
    detail = f"mean over τ in {list(study.config.window)}, of the worse spectrum; they have {shown}"
    return found | {"regression_flow": Measured(worst, detail)}


@cache
def _exponents(study: Study, spectrum: float) -> tuple[Interval, Interval, float]:
    """The exponent as fitted, the same without the luck of the teachers, and the mean flow's.

    A seed's teacher has few outputs, so that its modes are uneven and its own exact flow strays
    from the mean flow. Measured minus own flow plus mean flow has the same mean over seeds as the
    measured exponent, and far less spread (a control variate).
    """
    data = _cell(study, spectrum)
    tau_SxR, loss_SxR = measures.curves(data)

    def fit(curves_SxR: np.ndarray) -> np.ndarray:
        pairs = zip(tau_SxR, curves_SxR, strict=True)
        return np.array([-measures.slope(*pair, LAW_WINDOW) for pair in pairs])

    raw_S, own_S = fit(loss_SxR), fit(_flows(study, data, spectrum))
    task = study.config.task
    mean_M = np.full(task.features, float(task.outputs))
    mean = -measures.slope(tau_SxR[0], _flow(tau_SxR[0], mean_M, spectrum), LAW_WINDOW)
    return student_interval(raw_S), student_interval(raw_S - own_S + mean), mean


def _over_flow(study: Study, spectrum: float) -> Interval:
    """The loss over that of the flow, as a mean over the window of the config, over seeds."""
    data = _cell(study, spectrum)
    tau_SxR, loss_SxR = measures.curves(data)
    low, high = study.config.window
    inside_R = (tau_SxR[0] >= low) & (tau_SxR[0] <= high)
    ratio_SxR = loss_SxR / _flows(study, data, spectrum)
    return student_interval(ratio_SxR[:, inside_R].mean(axis=1))


def _flows(study: Study, data: xr.Dataset, spectrum: float) -> np.ndarray:
    """The exact gradient flow for the teacher of every member: [S, R]."""
    task = study.config.task
    flows = []
    pairs = zip(data["seed"].values, measures.curves(data).tau_SxR, strict=True)
    for seed, tau_R in pairs:
        key = stream_key(np.int32(seed), "fixed")
        teacher_MxN = jax.device_get(jax.random.normal(key, (task.features, task.outputs)))
        flows.append(_flow(tau_R, np.square(teacher_MxN).sum(axis=1), spectrum))
    return np.stack(flows)


def _flow(tau_R: np.ndarray, squares_M: np.ndarray, spectrum: float) -> np.ndarray:
    """1/2 Σ λ_i |w_i|² exp(-2 λ_i τ) with λ_i = i^-spectrum, for squared weights of the teacher."""
    eigenvalue_M = np.arange(1, len(squares_M) + 1) ** -spectrum
    return 0.5 * np.exp(-2 * np.multiply.outer(tau_R, eigenvalue_M)) @ (eigenvalue_M * squares_M)


def _cell(study: Study, spectrum: float) -> xr.Dataset:
    own_M = np.isclose(study.data["task.spectrum"], spectrum)
    if not own_M.any():
        raise ValueError(f"there are no runs of task.spectrum {spectrum:g}")
    return study.data.isel(member=own_M)


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def figures(study: Study) -> list[Figure]:
    """Returns the power laws of the spectra, and the exponential of isotropic inputs."""
    figure, (left, right) = panels(1, 2)
    without = ""
    left.axvspan(*LAW_WINDOW, color="grey", alpha=0.08, lw=0)
    for spectrum, colour in ((2.0, "C0"), (3.0, "C1")):
        data = _cell(study, spectrum)
        tau_SxR, loss_SxR = measures.curves(data)
        name = f"spectrum i^-{spectrum:.0f}"
        try:
            found = _exponents(study, spectrum)[1]
            name += f": slope {format_number(-found.value, 3)}"
        except ValueError as error:
            without = f" There is no fit: {error}."
        for number, loss_R in enumerate(loss_SxR):
            left.plot(tau_SxR[0], loss_R, color=colour, lw=1, label="" if number else name)
        for flow_R in _flows(study, data, spectrum):
            left.plot(tau_SxR[0], flow_R, color="black", lw=0.8, ls=":", zorder=5)
    left.lines[-1].set_label("exact flows")
    left.set(xscale="log", yscale="log", xlabel=TAU, ylabel="squared loss")
    left.legend(loc="lower left").set_in_layout(False)
    tau_SxR, loss_SxR = measures.curves(_cell(study, 0.0))
    for number, loss_R in enumerate(loss_SxR):
        right.plot(tau_SxR[0], loss_R, lw=1, color="C0", label="" if number else "isotropic inputs")
    tau_R, start = tau_SxR[0], 0.5 * study.config.task.features * study.config.task.outputs
    right.plot(tau_R, start * np.exp(-2 * tau_R), "k:", lw=1.3, label="exp(-2τ), mean teacher")
    right.set(yscale="log", xlabel=TAU, ylabel="squared loss")
    plots.legend(right)
    caption = (
        "Squared loss on a linear model. Left: inputs with a power law in their spectrum; dotted: "
        "the exact flow for the teacher of each seed, without a fitted constant; the slopes are "
        "those of the shaded window. Right: isotropic inputs, semilogarithmic."
        f"{without}"
    )
    title = "Control: squared loss has the exponent of its data, or none"
    return [Figure("regression", title, caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponents with and without the luck of the teachers, beside the law's."""
    rows = []
    for spectrum in (2.0, 3.0):
        raw, centred, mean_teacher = _exponents(study, spectrum)
        law = (spectrum - 1) / spectrum
        rows.append([spectrum, law, mean_teacher, *_ends(centred), *_ends(raw)])
    header = ["spectrum a", "(a-1)/a", "512 modes", "exponent", "low", "high"]
    header += ["uncorrected", "low", "high"]
    return [Table("regression: exponents for τ in [10, 200], over seeds", header, rows)]
