"""The control without softmax: squared loss has the power law of its data, or none.

The window ends before it is felt that there are only 512 modes: there the exact flow of a = 2 has
0.511, where infinitely many modes have 1/2.
"""

from __future__ import annotations

from math import inf

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.power_law import fit_exponential, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate, format_number
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

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
        in_overview=True,
        group="control",
        short="squared loss, spectrum i^-2",
    ),
    "regression_3": Expected(
        "Control: squared loss on inputs with the spectrum i^-3 falls as τ^-2/3",
        SOURCE,
        2 / 3,
        (2 / 3 - 0.02, 2 / 3 + 0.02),
        control=True,
        in_overview=True,
        group="control",
        short="squared loss, spectrum i^-3",
    ),
    "regression_flow": Expected(
        "Control: on both spectra the loss is that of the exact flow (ratio)",
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
        measured, flow = _exponents(study, spectrum)
        detail = f"interval over seeds; the exact flow has {flow:.3f}"
        found[f"regression_{spectrum:.0f}"] = Measured(measured, detail)
    ratios = [_over_flow(study, spectrum) for spectrum in (2.0, 3.0)]
    worst = max(ratios, key=lambda ratio: abs(ratio.value - 1))
    shown = " and ".join(format_estimate(*_ends(ratio)) for ratio in ratios)
    detail = f"mean over τ in {list(study.config.window)}, of the worse spectrum; they have {shown}"
    return found | {"regression_flow": Measured(worst, detail)}


def _exponents(study: Study, spectrum: float) -> tuple[Interval, float]:
    """The exponent in the window of the config, over seeds, and that of the exact flow."""
    data = _cell(study, spectrum)
    tau_SxR, loss_SxR = measures.curves(data)
    window = study.config.window
    slopes = [-measures.slope(*pair, window) for pair in zip(tau_SxR, loss_SxR, strict=True)]
    flow = -measures.slope(tau_SxR[0], _flow(study, tau_SxR[0], spectrum), window)
    return student_interval(slopes), flow


def _over_flow(study: Study, spectrum: float) -> Interval:
    """The loss over that of the flow, as a mean over the window of the config, over seeds."""
    data = _cell(study, spectrum)
    tau_SxR, loss_SxR = measures.curves(data)
    low, high = study.config.window
    inside_R = (tau_SxR[0] >= low) & (tau_SxR[0] <= high)
    ratio_SxR = loss_SxR / _flow(study, tau_SxR[0], spectrum)
    return student_interval(ratio_SxR[:, inside_R].mean(axis=1))


def _flow(study: Study, tau_R: np.ndarray, spectrum: float) -> np.ndarray:
    """The exact gradient flow: outputs/2 Σ λ_i exp(-2 λ_i τ) with λ_i = i^-spectrum."""
    task = study.config.task
    eigenvalue_M = np.arange(1, task.features + 1) ** -spectrum
    return 0.5 * task.outputs * np.exp(-2 * np.multiply.outer(tau_R, eigenvalue_M)) @ eigenvalue_M


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
    left.axvspan(*study.config.window, color="grey", alpha=0.08, lw=0)
    for spectrum, colour in ((2.0, "C0"), (3.0, "C1")):
        data = _cell(study, spectrum)
        tau_SxR, loss_SxR = measures.curves(data)
        name = f"spectrum i^-{spectrum:.0f}"
        try:
            found = _exponents(study, spectrum)[0]
            name += f": slope {format_number(-found.value, 3)}"
        except ValueError as error:
            without = f" There is no fit: {error}."
        for number, loss_R in enumerate(loss_SxR):
            left.plot(tau_SxR[0], loss_R, color=colour, lw=1, label="" if number else name)
        flow_R = _flow(study, tau_SxR[0], spectrum)
        left.plot(tau_SxR[0], flow_R, color="black", lw=0.8, ls=":", zorder=5)
    left.lines[-1].set_label("exact flow")
    left.set(xscale="log", yscale="log", xlabel=TAU, ylabel="squared loss")
    left.legend(loc="lower left").set_in_layout(False)
    tau_SxR, loss_SxR = measures.curves(_cell(study, 0.0))
    for number, loss_R in enumerate(loss_SxR):
        right.plot(tau_SxR[0], loss_R, lw=1, color="C0", label="" if number else "isotropic inputs")
    tau_R, start = tau_SxR[0], 0.5 * study.config.task.features * study.config.task.outputs
    right.plot(tau_R, start * np.exp(-2 * tau_R), "k:", lw=1.3, label="exp(-2τ)")
    right.set(yscale="log", xlabel=TAU, ylabel="squared loss")
    plots.legend(right)
    caption = (
        "Squared loss on a linear model. Left: inputs with a power law in their spectrum; dotted: "
        "the exact flow, without a fitted constant; the slopes are "
        "those of the shaded window. Right: isotropic inputs, semilogarithmic."
        f"{without}"
    )
    title = "Control: squared loss has the exponent of its data, or none"
    return [Figure("regression", title, caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponents beside the law's and those of the exact flow."""
    rows = []
    for spectrum in (2.0, 3.0):
        measured, flow = _exponents(study, spectrum)
        rows.append([spectrum, (spectrum - 1) / spectrum, *_ends(measured), flow])
    header = ["spectrum a", "(a-1)/a", "exponent", "low", "high", "exact flow"]
    low, high = study.config.window
    return [Table(f"regression: exponents for τ in [{low:g}, {high:g}], over seeds", header, rows)]
