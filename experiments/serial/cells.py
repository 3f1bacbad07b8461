"""The cells of a study at the end of training, and what each of them cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from jaxlab.analysis.cells import last_records
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.page import Table

COSTS = ("serial_depth", "flops", "parameters")
SPENT = ("seeds", "steps", "CPU s a seed", "parameters", "serial depth", "FLOPs a row")
HEADER = ("accuracy", "sd over seeds", "low", "high", *SPENT)


def ends(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last record; see `last_records`.

    The costs of the model on one row (`COSTS`, see `jaxlab.analysis.serial_depth`), `train.steps`
    and the CPU `seconds` that a member took are coordinates too.
    """
    found = last_records(study, "train.steps", *keys)
    runs = {str(run.folder): run for run in study.runs}
    own = [runs[str(run)] for run in found["run"].values]
    costs = {key: [run.environment["data"]["cost"][key] for run in own] for key in COSTS}
    costs["seconds"] = [
        run.done["cpu_seconds"] / len(run.members) if run.done else np.nan for run in own
    ]
    return found.assign_coords({key: ("member", values) for key, values in costs.items()})


def table(
    caption: str,
    names: tuple[str, ...],
    cells: Mapping[Any, xr.Dataset],
    metric: str = "eval_accuracy",
) -> Table:
    """Returns a row per cell: what it is, how right it was, and what it cost.

    Args:
      caption: what the rows are.
      names: of the columns that say what a cell is.
      cells: the members of each by the tuple of the values of those columns.
      metric: the accuracy.
    """
    rows = []
    for values, own in cells.items():
        right_S = own[metric].values
        found = student_interval(right_S)
        rows.append(
            [
                *(
                    value if isinstance(value, str | float | int) else str(value)
                    for value in values
                ),
                found.value,
                float(np.std(right_S, ddof=1)) if right_S.size > 1 else None,
                *(found.low, found.high, *spent(own)),
            ]
        )
    return Table(caption, [*names, *HEADER], rows)


def spent(own: xr.Dataset) -> list[float]:
    """Returns what a cell cost, in the order of `SPENT`."""
    model = [int(own[key][0]) for key in ("parameters", "serial_depth", "flops")]
    return [own.sizes["member"], int(own["train.steps"][0]), float(own["seconds"].mean()), *model]
