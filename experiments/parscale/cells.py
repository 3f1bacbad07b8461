"""The cells of a study at the end of training, and what one gains over another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from jaxlab.analysis import estimators
from jaxlab.analysis.cells import cell, final_metrics, select
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import Cell, Measure, over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report.claims import format_estimate, format_number
from jaxlab.report.generic import cells_of, swept_keys
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr

PLAIN = {"streams.count": 1, "streams.lone": False}
PREFIX_CONTROL = {"streams.count": 1, "streams.lone": True}  # the single-stream prefix control


@cache
def final(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last evaluation; see `final_metrics`.

    `parameters` (N: without the embedding, with what the streams add) and `added` are coordinates
    too. Members are in the order of the runs.
    """
    sizes = [run.environment["data"] for run in study.runs for _ in run.members]
    counts = {"parameters": "parameters", "added": "added_parameters"}
    return final_metrics(study, *keys).assign_coords(
        {name: ("member", [size[key] for size in sizes]) for name, key in counts.items()}
    )


def gain(better: Cell, base: Cell, counted: str = "parameters") -> Measure:
    """Measures by how many percent of the loss of `base` the loss of `better` is lower, by pairs.

    counted: what the detail says of both cells: all `parameters`, or those `added`, which learn
    around a frozen decoder.
    """

    def measure(study: Study) -> Estimate:
        estimate = estimators.gain(better, base)(study)
        return estimate.noting(compared(study, better, base, counted))

    return measure


def compared(study: Study, better: Cell, base: Cell, counted: str = "parameters") -> str:
    """Returns the difference of two cells in nats and in parameters, for the reader."""
    data = final(study, *better, *base)
    both = cell(data, better), cell(data, base)
    nats = float((both[1]["eval_loss"].values - both[0]["eval_loss"].values).mean())
    counts = [f"{int(part[counted][0]):,}" for part in both]
    verb = "learn" if counted == "added" else "without the embedding"
    counted_text = f"{counts[0]} parameters {verb}, against {counts[1]}"
    return f"{format_number(nats, 4)} nats per token; {counted_text}"


def paired(better: xr.Dataset, base: xr.Dataset) -> np.ndarray:
    """Returns the gain of one cell over another in percent, seed by seed.

    Raises:
      NotMeasurable: the cells have different seeds.
    """
    if better["seed"].values.tolist() != base["seed"].values.tolist():
        raise NotMeasurable("two cells that are compared have different seeds")
    return 100 * (1 - better["eval_loss"].values / base["eval_loss"].values)


def half_less(two_S: np.ndarray, prefix_S: np.ndarray, unit: str) -> Estimate:
    """Returns half of what two streams gain less what a prefix alone does, seed by seed.

    Raises:
      NotMeasurable: two streams are not seen to gain, so there is no share of it.
    """
    two = over_seeds(two_S)
    if not two.low > 0:
        raise NotMeasurable(
            f"2 streams gain {format_estimate(two.value, two.low, two.high)}{unit}: "
            "not above nothing, so there is no share of it"
        )
    detail = f"{prefix_S.mean():.4f}{unit}, where 2 streams take {two_S.mean():.4f}{unit}"
    return over_seeds(two_S / 2 - prefix_S, detail)


def sizes_table(study: Study) -> Table:
    """Returns parameters and loss of every cell, and what it gains over one stream beside it."""
    swept = swept_keys(study)
    data, rows = final(study, *swept, *PLAIN, "streams.prefix"), []
    for name, members in cells_of(replace(study, data=data)).items():
        loss_S = members["eval_loss"].values
        spread = float(np.std(loss_S, ddof=1)) if loss_S.size > 1 else None
        row = [name, int(members["parameters"][0]), int(members["added"][0])]
        row += [float(loss_S.mean()), spread]
        base = _reference(data, {k: members[k].values[0] for k in swept}, members["seed"])
        less: list[float | None] = [None, None, None]
        if base is not None and not np.array_equal(base["eval_loss"], loss_S):
            found = over_seeds(base["eval_loss"].values - loss_S)
            less = [found.value, found.low, found.high]
        rows.append(row + less)
    header = ["cell", "N", "added", "loss, nats", "SD over seeds"]
    header += ["less than one stream, nats", "low", "high"]
    caption = (
        f"{study.name}: parameters and final loss of every cell. N counts all but the embedding; "
        "differences are to one stream with all else equal, without a prefix where there is one "
        "such, paired by seed, 95 %"
    )
    return Table(caption, header, rows)


def _reference(data: xr.Dataset, values: Mapping, seeds: xr.DataArray) -> xr.Dataset | None:
    same = {key: value for key, value in values.items() if not key.startswith("streams.")}
    one = select(data, same | {"streams.count": 1})
    plain = select(one, PLAIN)
    found = plain if plain["seed"].size else one
    if found["seed"].size:  # around a frozen decoder every cell has a prefix: the shortest
        found = select(found, {"streams.prefix": int(found["streams.prefix"].values.min())})
    return found if np.array_equal(found["seed"], seeds) else None
