"""The cells of a study at the end of training, and what one gains over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from jaxlab import config as configs
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.page import Table

PLAIN = {"streams.count": 1, "streams.lone": False}
LONE = {"streams.count": 1, "streams.lone": True}


def ends(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last record.

    Args:
      study: may hold runs of different lengths.
      keys: values of the config that become coordinates of `member`, swept or not. `parameters`
        (N: without the embedding, with what the streams add) and `added` are coordinates too.

    Raises:
      ValueError: a member that diverged.
    """
    data = study.data
    if diverged := int((data["diverged_step"] >= 0).any("step").sum()):
        raise ValueError(f"{diverged} of {data.sizes['member']} members diverged")
    recorded_MxR = np.isfinite(data["eval_loss"].values)
    last_M = recorded_MxR.shape[1] - 1 - np.argmax(recorded_MxR[:, ::-1], axis=1)
    found = data.isel(step=xr.DataArray(last_M, dims="member"))
    info = {str(run.folder): run.environment["data"] for run in study.runs}
    runs = [info[str(run)] for run in data["run"].values]
    known = dict(configs.leaves(study.config))
    coords = {
        "parameters": [run["parameters"] for run in runs],
        "added": [run["added_parameters"] for run in runs],
        **{key: [known[key]] * len(runs) for key in keys if key not in data.coords},
    }
    return found.assign_coords({key: ("member", values) for key, values in coords.items()})


def pick(data: xr.Dataset, values: Mapping[str, object]) -> xr.Dataset:
    """Returns the members with these values, in the order of their seeds; there may be none."""
    chosen_M = np.ones(data.sizes["member"], bool)
    for key, value in values.items():
        chosen_M &= data[key].values == value
    return data.isel(member=chosen_M).sortby("seed")


def levels(data: xr.Dataset, key: str) -> list:
    """Returns the values of a coordinate in ascending order."""
    return np.unique(data[key].values).tolist()


def cell(data: xr.Dataset, values: Mapping[str, object]) -> xr.Dataset:
    """Returns the members of a cell, one per seed, in the order of their seeds.

    Raises:
      ValueError: none, or several of one seed.
    """
    found = pick(data, values)
    seeds = found["seed"].values
    if not seeds.size or np.unique(seeds).size < seeds.size:
        raise ValueError(f"the study has {seeds.size} members with {dict(values)}, not one a seed")
    return found


def gain(before: xr.Dataset, after: xr.Dataset) -> np.ndarray:
    """Returns what the loss falls by from one cell to another, in per cent of it, seed by seed.

    Raises:
      ValueError: cells of different seeds.
    """
    if before["seed"].values.tolist() != after["seed"].values.tolist():
        raise ValueError("two cells that are compared have different seeds: pairs need the same")
    return 100 * (1 - after["eval_loss"].values / before["eval_loss"].values)


def lowest(intervals: Iterable[Interval]) -> Interval:
    """Returns the least of several values, with the lowest of all ends.

    Against a range that is open above, the claim that all lie in it holds if every interval does,
    and fails if one lies wholly below it.
    """
    found = list(intervals)
    least = min(found, key=lambda part: part.value)
    low, high = min(part.low for part in found), min(part.high for part in found)
    return Interval(least.value, low, high, least.seeds, least.level)


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
