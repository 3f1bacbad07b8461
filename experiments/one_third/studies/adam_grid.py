"""The paper's grid of 96 cells: Adam over learning rates and temperatures."""

from __future__ import annotations

from math import inf

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import grid_map, grid_scans, grid_table
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import ADAM, TEACHER
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

EXPECTED = {
    "rate_lowest": Expected(
        "Control: Adam at the lowest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "rate_highest": Expected(
        "Control: Adam at the highest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "temperature_scan": Expected(
        "At the headline's rate a warmer teacher has a larger exponent: T = 0.0072 minus T = 1e-3",
        f"{PAPER}, finite β*: (1/3)(1+u)/(1-u)",
        None,
        (0.0, inf),
    ),
    "adam_spread": Expected(
        "Adam has no exponent of its own: at T = 1e-3 it spans more than 0.1 over learning rates",
        "arXiv 2609.37745 (Adam has no single exponent); grid of arXiv 2602.03685, Fig. 1",
        None,
        (0.1, inf),
    ),
}
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | ADAM | {"task.labels": "soft", "train.steps": 2000}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns how far the ends of the coldest row are from 1/3, and how the exponent moves."""
    grid = measures.grid(study)
    seeds = len(np.unique(study.data["seed"]))
    coldest = grid.isel(temperature=0)
    return {
        "rate_lowest": _distance(coldest.isel(learning_rate=0), seeds),
        "rate_highest": _distance(coldest.isel(learning_rate=-1), seeds),
        "temperature_scan": _temperature_rise(grid, seeds),
        "adam_spread": _spread(coldest, seeds),
    }


def _spread(row: xr.Dataset, seeds: int) -> Measured | Unmeasured:
    """The largest exponent of a row of the grid minus the smallest, far ends taken as bounds."""
    if not np.isfinite(row["exponent"]).any():
        return Unmeasured("no cell of this row has an exponent")
    top = row.isel(learning_rate=int(np.nanargmax(row["exponent"].values)))
    bottom = row.isel(learning_rate=int(np.nanargmin(row["exponent"].values)))
    best = row.isel(learning_rate=int(np.nanargmin(row["end_loss"].values)))
    value, low, high = (
        float(top[a] - bottom[b])
        for a, b in (("exponent", "exponent"), ("low", "high"), ("high", "low"))
    )
    detail = (
        f"from {float(top['exponent']):.3f} at rate {float(top['learning_rate']):.4f} to "
        f"{float(bottom['exponent']):.3f} at {float(bottom['learning_rate']):.4f}; the lowest end "
        f"loss is at {float(best['learning_rate']):.4f}, with {float(best['exponent']):.3f}"
    )
    return Measured(Interval(value, low, high, seeds, 0.95), detail)


def _distance(cell: xr.Dataset, seeds: int) -> Measured | Unmeasured:
    """How far a cell's exponent is from 1/3, with the interval that its own interval implies."""
    if not np.isfinite(cell["exponent"]):
        return Unmeasured(str(cell["note"].item()))
    value, low, high = (float(cell[key]) - THIRD for key in ("exponent", "low", "high"))
    far, near = max(abs(low), abs(high)), 0.0 if low < 0 < high else min(abs(low), abs(high))
    detail = f"exponent {value + THIRD:.3f} [{low + THIRD:.3f}, {high + THIRD:.3f}]"
    return Measured(Interval(abs(value), near, far, seeds, 0.95), detail)


def _temperature_rise(grid: xr.Dataset, seeds: int) -> Measured | Unmeasured:
    cell = {"learning_rate": measures.HEADLINE_RATE, "temperature": 10 ** (-15 / 7)}
    if not all(np.isclose(grid[key], value, rtol=0.01).any() for key, value in cell.items()):
        return Unmeasured("this grid has no cell at the rate and T")
    row = grid.sel(learning_rate=cell["learning_rate"], method="nearest")
    cold, warm = row.isel(temperature=0), row.sel(temperature=cell["temperature"], method="nearest")
    value = float(warm["exponent"] - cold["exponent"])
    if not np.isfinite(value):
        return Unmeasured(str(cold["note"].item() or warm["note"].item()))
    low = float(warm["low"] - cold["high"])
    high = float(warm["high"] - cold["low"])
    detail = "the interval takes the far ends of both cells'"
    return Measured(Interval(value, low, high, seeds, 0.95), detail)


def figures(study: Study) -> list[Figure]:
    """Returns the scans and the map."""
    return [grid_scans(study, measures.HEADLINE_RATE), grid_map(study)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    return [grid_table(study)]
