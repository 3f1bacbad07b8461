"""What claims measure on a grid of learning rates and temperatures, cell by cell.

Each function returns the `measure` of a claim. A cell is fitted in the window of
`measures.grid`; differences between cells are paired by seed and window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.one_third import cells, measures
from experiments.one_third.words import THIRD
from jaxlab.analysis.cells import distance
from jaxlab.analysis.estimate import (
    SEEDS_AND_WINDOWS,
    Estimate,
    NotMeasurable,
    of_interval,
)
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import ExponentInterval
from jaxlab.analysis.study import Study

if TYPE_CHECKING:
    import xarray as xr


def distance_from_third(*, rate: float, temperature: float) -> Measure:
    """Measures how far the exponent of a cell is from 1/3, on either side."""

    def measure(study: Study) -> Estimate:
        found = _exponent(study, _cell(study, rate, temperature))
        detail = f"exponent {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
        return of_interval(distance(found, THIRD), covers=SEEDS_AND_WINDOWS, detail=detail)

    return measure


def difference(*, rate: float, temperatures: tuple[float, float]) -> Measure:
    """Measures the exponent at the first temperature minus that at the second, at one rate."""

    def measure(study: Study) -> Estimate:
        first, second = (_exponent(study, _cell(study, rate, t)) for t in temperatures)
        return of_interval(cells.difference(first, second), covers=SEEDS_AND_WINDOWS)

    return measure


def spread_over_rates(*, temperature: float) -> Measure:
    """Measures the largest exponent minus the smallest, over all rates at one temperature."""

    def measure(study: Study) -> Estimate:
        row = _nearest(measures.grid(study), "temperature", temperature)
        if not np.isfinite(row["exponent"]).any():
            raise NotMeasurable("no cell of this row has an exponent")
        top = row.isel(learning_rate=int(np.nanargmax(row["exponent"].values)))
        bottom = row.isel(learning_rate=int(np.nanargmin(row["exponent"].values)))
        best = row.isel(learning_rate=int(np.nanargmin(row["end_loss"].values)))
        found = cells.difference(_exponent(study, top), _exponent(study, bottom))
        detail = (
            f"from {float(top['exponent']):.3f} at rate {float(top['learning_rate']):.4f} to "
            f"{float(bottom['exponent']):.3f} at {float(bottom['learning_rate']):.4f}; the lowest "
            f"end loss is at {float(best['learning_rate']):.4f}, with {float(best['exponent']):.3f}"
        )
        return of_interval(found, covers=SEEDS_AND_WINDOWS, detail=detail)

    return measure


def _cell(study: Study, rate: float, temperature: float) -> xr.Dataset:
    row = _nearest(measures.grid(study), "temperature", temperature)
    return _nearest(row, "learning_rate", rate)


def _nearest(grid: xr.Dataset, key: str, value: float) -> xr.Dataset:
    found = grid.sel({key: value}, method="nearest")
    if not np.isclose(float(found[key]), value, rtol=0.01):
        raise NotMeasurable(f"the grid has no {key.replace('_', ' ')} of {value:.4g}")
    return found


def _exponent(study: Study, cell: xr.Dataset) -> ExponentInterval:
    if not np.isfinite(cell["exponent"]):
        raise NotMeasurable(str(cell["note"].item()))
    return measures.cell_exponent(study, cell)
