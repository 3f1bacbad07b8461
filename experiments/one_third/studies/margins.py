"""Where the exponent comes from: the density of near-ties, dialled, and a gap that has none."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import THIRD
from jaxlab.analysis.interval import ExponentInterval, Interval, exponent_interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import margin_flow
from jaxlab.report.claims import format_estimate, format_number
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

CELLS = {"0": (0.0, 0.0), "1": (1.0, 0.0), "2": (2.0, 0.0), "gap": (0.0, 0.25)}  # density, gap
NAMES = {"0": "density ~ 1", "1": "density ~ d", "2": "density ~ d²", "gap": "gap 0.25"}
SCALE, ERROR = "eval_logit_scale", "eval_error"

SOURCE = "two-class flow by this lab; arXiv 2609.37745 has the same"

EXPECTED = {
    "margins_0_loss": Expected(
        "Two classes, margins of constant density at 0: the loss falls as τ^-1/3",
        SOURCE,
        THIRD,
        (THIRD - 0.02, THIRD + 0.02),
        in_overview=True,
        short="margin density ~ 1",
    ),
    "margins_0_scale": Expected(
        "The same: the logit scale grows as τ^1/3",
        SOURCE,
        THIRD,
        (THIRD - 0.02, THIRD + 0.02),
    ),
    "margins_1_loss": Expected(
        "Control: margin density ~ d: the loss falls as τ^-1/2",
        SOURCE,
        1 / 2,
        (0.48, 0.54),
        control=True,
        in_overview=True,
        group="control",
        short="margin density ~ d",
    ),
    "margins_1_scale": Expected(
        "Control: the same: the logit scale grows as τ^1/4",
        SOURCE,
        1 / 4,
        (0.245, 0.275),
        control=True,
    ),
    "margins_2_loss": Expected(
        "Control: margin density ~ d²: the loss falls as τ^-3/5",
        SOURCE,
        3 / 5,
        (0.57, 0.63),
        control=True,
        in_overview=True,
        group="control",
        short="margin density ~ d²",
    ),
    "margins_2_scale": Expected(
        "Control: the same: the logit scale grows as τ^1/5",
        SOURCE,
        1 / 5,
        (0.185, 0.215),
        control=True,
    ),
    "margins_gap": Expected(
        "Control: no margin below 0.25: the loss falls nearly as 1/τ (faster than τ^-0.8)",
        f"arXiv 1710.10345, separable data; {SOURCE}",
        1.0,
        (0.8, 1.05),
        control=True,
        in_overview=True,
        group="control",
        short="margins above a gap",
    ),
    "margins_flow": Expected(
        "The three densities: the loss is that of the exact flow, which has no fitted constant "
        "(ratio)",
        "quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
}

PINNED = {
    "task.name": "margin",
    "optimizer.name": "sgd",
    "schedule.name": "constant",
    "window": (3e3, 3e5),
}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponents of loss and scale in all cells, and the loss over the exact flow's."""
    found = {}
    for cell in CELLS:
        for name, metric in (("loss", measures.LOSS), ("scale", SCALE)):
            claim = "margins_gap" if (cell, name) == ("gap", "loss") else f"margins_{cell}_{name}"
            if claim in EXPECTED:
                flow = _flow_exponent(study, cell, metric)
                detail = f"the exact flow has {flow:.4f} in this window"
                found[claim] = Measured(_exponent(study, cell, metric), detail)
    ratios = [_over_flow(study, cell) for cell in ("0", "1", "2")]
    worst = max(ratios, key=lambda ratio: abs(ratio.value - 1))
    shown = ", ".join(format_estimate(r.value, r.low, r.high) for r in ratios)
    detail = f"mean over the window, of the worst density; the three have {shown}"
    return found | {"margins_flow": Measured(worst, detail)}


@cache
def _exponent(study: Study, cell: str, metric: str) -> ExponentInterval:
    """The exponent of a metric, positive for the scale too, over seeds and windows."""
    tau_SxR, value_SxR = measures.curves(_cell(study, cell), metric)
    sign = -1 if metric == SCALE else 1
    return exponent_interval(tau_SxR, value_SxR**sign, window=study.config.window)


def _flow_exponent(study: Study, cell: str, metric: str) -> float:
    tau_R, beta_R, loss_R = _flow(study, cell)
    slope = measures.slope(tau_R, beta_R if metric == SCALE else loss_R, study.config.window)
    return abs(slope)


def _over_flow(study: Study, cell: str) -> Interval:
    """The loss over that of the flow, as a mean over the window, over seeds."""
    tau_R, _, flow_R = _flow(study, cell)
    loss_SxR = measures.curves(_cell(study, cell)).value_SxR
    low, high = study.config.window
    inside_R = (tau_R >= low) & (tau_R <= high)
    return student_interval((loss_SxR / flow_R)[:, inside_R].mean(axis=1))


@cache
def _flow(study: Study, cell: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """τ, logit scale and loss of the exact flow at the records."""
    tau_R = measures.curves(_cell(study, cell)).tau_SxR[0]
    # The logits of both classes move, so their difference moves twice: c = 2.
    beta_R, loss_R, _ = margin_flow(tau_R, *CELLS[cell], c=2.0)
    return tau_R, beta_R, loss_R


def _cell(study: Study, cell: str) -> xr.Dataset:
    density, gap = CELLS[cell]
    data = study.data
    own_M = np.isclose(data["task.density"], density) & np.isclose(data["task.gap"], gap)
    if not own_M.any():
        raise ValueError(f"there are no runs of density {density:g} and gap {gap:g}")
    return data.isel(member=own_M)


def figures(study: Study) -> list[Figure]:
    """Returns loss and logit scale of the four cells, with the exact flow over them."""
    figure, (left, right) = panels(1, 2)
    low, high = study.config.window
    without = ""
    for ax, metric, label in (
        (left, measures.LOSS, "cross-entropy, nats"),
        (right, SCALE, "logit scale β"),
    ):
        ax.axvspan(low, high, color="grey", alpha=0.08, lw=0)
        for cell, colour in zip(CELLS, CATEGORY_COLOURS, strict=False):
            tau_R, beta_R, loss_R = _flow(study, cell)
            values_SxR = measures.curves(_cell(study, cell), metric).value_SxR
            name = NAMES[cell]
            try:
                found = _exponent(study, cell, metric)
                sign = 1 if metric == SCALE else -1
                name += f": slope {format_number(sign * found.value, 3)}"
            except ValueError as error:
                without = f" Not every cell has a fit: {error}."
            for number, value_R in enumerate(values_SxR):
                ax.plot(tau_R, value_R, color=colour, lw=1, label="" if number else name)
            flow_R = beta_R if metric == SCALE else loss_R
            flow = "exact flow" if cell == "gap" else ""
            ax.plot(tau_R, flow_R, color="black", ls=":", lw=1.3, zorder=5, label=flow)
        ax.set(xscale="log", yscale="log", xlabel=TAU, ylabel=label)
        if metric == SCALE:
            ax.set_ylim(top=ax.get_ylim()[1] * 3)
            ax.legend(loc="upper left")
        else:
            ax.legend(loc="lower left")
    caption = (
        "SGD on two classes whose margins d have a given density. Dotted: the exact flow of the "
        "scale, without a fitted constant. The slopes are fits in the shaded window; the "
        "table has their intervals, and the exponent of the error where the evaluation saw one at "
        f"every record.{without}"
    )
    return [Figure("margins", "The density of near-ties sets the exponent", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponents of loss, scale and error, with the exact flow's."""
    rows = []
    for cell, (density, gap) in CELLS.items():
        for name, metric in (("loss", measures.LOSS), ("logit scale", SCALE), ("error", ERROR)):
            flow = None if metric == ERROR else _flow_exponent(study, cell, metric)
            try:
                found = _exponent(study, cell, metric)
                numbers = [found.value, found.low, found.high, flow, ""]
            except ValueError as error:  # an error of 0 has no logarithm
                numbers = [None, None, None, flow, str(error)]
            rows.append([density, gap, name, *numbers])
    header = ["density ν", "gap", "of", "exponent", "low", "high", "exact flow", "note"]
    return [Table("margins: exponents over seeds and windows", header, rows)]
