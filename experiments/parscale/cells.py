"""The cells of a study at the end of training, and what one gains over another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from jaxlab.analysis.cells import last_records
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import format_estimate
from jaxlab.report.expected import Measured, Unmeasured
from jaxlab.report.page import Table

PLAIN = {"streams.count": 1, "streams.lone": False}
LONE = {"streams.count": 1, "streams.lone": True}


def ends(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last record; see `last_records`.

    `parameters` (N: without the embedding, with what the streams add) and `added` are coordinates
    too.
    """
    found = last_records(study, *keys)
    info = {str(run.folder): run.environment["data"] for run in study.runs}
    runs = [info[str(run)] for run in found["run"].values]
    coords = {
        "parameters": [run["parameters"] for run in runs],
        "added": [run["added_parameters"] for run in runs],
    }
    return found.assign_coords({key: ("member", values) for key, values in coords.items()})


def gain(before: xr.Dataset, after: xr.Dataset) -> np.ndarray:
    """Returns what the loss falls by from one cell to another, in per cent of it, seed by seed.

    Raises:
      ValueError: cells of different seeds.
    """
    if before["seed"].values.tolist() != after["seed"].values.tolist():
        raise ValueError("two cells that are compared have different seeds: pairs need the same")
    return 100 * (1 - after["eval_loss"].values / before["eval_loss"].values)


def attempt(measure: Callable[[], Measured]) -> Measured | Unmeasured:
    """Returns a measurement, or why there is none: one claim does not take the others with it."""
    try:
        return measure()
    except ValueError as error:
        return Unmeasured(str(error))


def half_less(two_S: np.ndarray, lone_S: np.ndarray, unit: str) -> Measured | Unmeasured:
    """Returns half of what two streams gain less what a prefix alone does, seed by seed.

    Where two streams are not seen to gain there is nothing of which a prefix could have a share.
    """
    two = student_interval(two_S)
    if not two.low > 0:
        return Unmeasured(
            f"2 streams gain {format_estimate(two.value, two.low, two.high)}{unit}: "
            "not above nothing, so there is no share of it"
        )
    detail = f"{lone_S.mean():.4f}{unit}, where 2 streams take {two_S.mean():.4f}{unit}"
    return Measured(student_interval(two_S / 2 - lone_S), detail)


def compared(cells: Mapping[str, xr.Dataset], reference: xr.Dataset, caption: str) -> Table:
    """Returns a row for each cell, by its name, and what its loss has less than a reference."""
    rows = []
    for name, own in cells.items():
        loss_S = own["eval_loss"].values
        spread = float(np.std(loss_S, ddof=1)) if loss_S.size > 1 else np.nan
        less = None
        if own is not reference:
            less = student_interval(reference["eval_loss"].values - loss_S)
        rows.append(
            [
                *(name, int(own["parameters"][0]), int(own["added"][0])),
                *(float(loss_S.mean()), spread),
                *((less.value, less.low, less.high) if less else (None, None, None)),
                *(float(own[f"eval_weight_{name}"].mean()) for name in ("entropy", "min")),
            ]
        )
    header = ["cell", "N", "added", "loss, nats", "sd over seeds"]
    header += ["less than the reference, nats", "low", "high", "entropy of weights", "least weight"]
    return Table(caption, header, rows)
