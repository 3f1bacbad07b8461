"""The grid of the clean case: SGD over learning rates and temperatures, with the theory over it."""

from __future__ import annotations

from math import inf

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import grid_map, grid_scans, grid_table
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import SGD, TEACHER
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

EXPECTED = {
    "sgd_collapse": Expected(
        "SGD at T = 1e-3: below the best rate the loss depends on τ alone (largest over smallest "
        "of the rates at equal τ, where they differ most)",
        f"{PAPER}, Fig. 1 and 4; measure by this lab",
        None,
        (-inf, 1.2),
    ),
    "sgd_exponent": Expected(
        "SGD at T = 1e-3 and the grid's highest rate: the loss falls about as τ^-1/3",
        f"{PAPER}, Fig. 4; the range allows for a flow that has not settled",
        THIRD,
        (THIRD - 0.06, THIRD + 0.06),
        in_overview=True,
        short="SGD, T = 1e-3, rate 10",
    ),
    "sgd_theory_exponent": Expected(
        "The same cell: its exponent is that of the aligned flow in the same window (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
}
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | SGD | {"task.labels": "soft", "train.steps": 2000}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns how well the rates collapse on τ, and the exponent of the highest stable one."""
    cell = _highest_stable(measures.grid(study))
    found = measures.cell_exponent(study, cell)
    flow = measures.flow_exponent(study, cell)
    seeds = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
    detail = (
        f"rate {float(cell['learning_rate']):.4g}; interval over seeds, in the window of the map, "
        f"where the aligned flow has {flow.value:.3f}"
    )
    return {
        "sgd_collapse": _collapse(study),
        "sgd_exponent": Measured(seeds, detail),
        "sgd_theory_exponent": Measured(_ratio(found, flow), "over seeds and windows"),
    }


def _highest_stable(grid: xr.Dataset) -> xr.Dataset:
    """The cell of the lowest temperature with the highest rate at which no seed diverged."""
    coldest = grid.isel(temperature=0)
    stable = np.flatnonzero(np.isfinite(coldest["exponent"].values))
    if not stable.size:
        raise ValueError("no cell of the lowest temperature has an exponent")
    return coldest.isel(learning_rate=stable[-1])


def _collapse(study: Study) -> Measured | Unmeasured:
    """The largest ratio between two rates at the same τ, each in its window, of every seed."""
    coldest = measures.grid(study).isel(temperature=0)
    rates = coldest["learning_rate"].values
    best = rates[int(np.nanargmin(coldest["end_loss"].values))]
    below = rates[rates < best]
    data = study.data.isel(
        member=(study.data["task.temperature"] == coldest["temperature"]).values
        & np.isin(study.data["optimizer.learning_rate"], below)
    )
    if below.size < 2 or not np.isfinite(measures.curves(data).value_SxR).all():
        return Unmeasured(f"no two rates below the best, {best:.4g}, stay finite")
    worst_S = []
    for _, own in data.groupby("seed"):
        tau_CxR, loss_CxR = measures.curves(own)
        tau_P = np.geomspace(measures.GRID_START * tau_CxR[:, -1].min(), tau_CxR.max(), 200)
        inside_CxP = (tau_P >= measures.GRID_START * tau_CxR[:, -1:]) & (tau_P <= tau_CxR[:, -1:])
        pairs = zip(tau_CxR, loss_CxR, strict=True)
        log_CxP = [np.interp(np.log(tau_P), np.log(tau_R), np.log(y_R)) for tau_R, y_R in pairs]
        highest_P = np.where(inside_CxP, log_CxP, -np.inf).max(axis=0)
        lowest_P = np.where(inside_CxP, log_CxP, np.inf).min(axis=0)
        if inside_CxP.sum(axis=0).max() < 2:
            return Unmeasured("no two rates share a τ at which both are in their windows")
        worst_S.append(np.exp((highest_P - lowest_P).max()))
    detail = f"{below.size} rates below the best, {best:.4g}; the windows are those of the map"
    return Measured(student_interval(worst_S), detail)


def _ratio(found: ExponentInterval, flow: ExponentInterval) -> Interval:
    """The ratio of two exponents: the envelope over windows of its Student intervals over seeds."""
    ratios = [
        student_interval(np.divide(part.exponents, theory.exponents))
        for part, theory in zip(found.windows, flow.windows, strict=True)
    ]
    low, high = min(r.low for r in ratios), max(r.high for r in ratios)
    return Interval(ratios[0].value, low, high, found.seeds, found.level)


def figures(study: Study) -> list[Figure]:
    """Returns the scans, at the highest stable rate, and the map."""
    cell = _highest_stable(measures.grid(study))
    return [grid_scans(study, float(cell["learning_rate"])), grid_map(study)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    return [grid_table(study)]
