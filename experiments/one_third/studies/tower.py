"""Residual towers: the loss at the end against depth, and the exponents of depth and of time."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from jaxlab.analysis.interval import Interval, exponent_interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

BLOCKS, TEMPERATURE = "model.blocks", "task.temperature"

EXPECTED = {
    "tower_depth": Expected(
        "Residual towers, Adam at 6e-4, T = 0.01: the end loss falls with depth: its exponent",
        f"{PAPER}, App. D.7, which trains several depths; its numbers are not known here",
        None,
        (0.0, np.inf),
        short="residual tower, depth",
    ),
}

# Nothing is expected of the exponent of time: the paper's is not known, and a tower is not the
# linear student of the theory. The table has it, cell by cell.
PINNED = {
    "task.name": "tower",
    "optimizer.name": "adam",
    "optimizer.learning_rate": 6e-4,
    "schedule.name": "constant",
    "task.classes": 128,  # a tiny size has fewer
}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent of depth at the coldest temperature."""
    cells = _cells(study)
    coldest = float(cells[TEMPERATURE][0])
    if not np.isclose(coldest, 0.01):
        raise ValueError(f"the lowest {TEMPERATURE} is {coldest:g}, the claim is of 0.01")
    depths = " ".join(str(blocks) for blocks in cells[BLOCKS].values)
    end = float(cells["tau"].isel(step=-1).max())
    found = _depth_exponent(cells.isel({TEMPERATURE: 0}))
    return {"tower_depth": Measured(found, f"students of {depths} blocks, at τ = {end:.3g}")}


def figures(study: Study) -> list[Figure]:
    """Returns loss against τ at the coldest temperature, and loss at the end against depth."""
    cells = _cells(study)
    depths, temperatures = cells[BLOCKS].values, cells[TEMPERATURE].values
    loss = cells[measures.LOSS].mean("seed", skipna=False)
    tau = cells["tau"].isel(seed=0)
    figure, (left, right) = panels(1, 2)
    coldest = {TEMPERATURE: 0, "step": slice(1, None)}
    plots.loglog_curves(
        left,
        tau.isel(coldest).transpose(BLOCKS, "step").values,
        loss.isel(coldest).transpose(BLOCKS, "step").values,
        labels=[f"depth {blocks}" for blocks in depths],
    )
    left.set(xlabel=TAU, ylabel="KL on fresh batches, nats")
    left.set_title(f"temperature {temperatures[0]:g}")
    plots.loglog_curves(
        right,
        depths,
        loss.isel(step=-1).transpose(TEMPERATURE, BLOCKS).values,
        values=temperatures,
        value_label="temperature",
    )
    right.set(xlabel="blocks of the student", ylabel="KL at the end, nats")
    caption = (
        f"Students of a teacher of {study.config.task.blocks} blocks, means of "
        f"{cells.sizes['seed']} seeds, each with its own teacher. Left: the coldest temperature. "
        "Right: the end of the runs. The tables have the exponents of time and depth."
    )
    return [Figure("tower", "Residual towers of several depths", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponents of depth by temperature, and of time by cell."""
    cells = _cells(study)
    by_depth, by_time = [], []
    for temperature in cells[TEMPERATURE].values:
        row = cells.sel({TEMPERATURE: temperature})
        by_depth.append([f"{temperature:.3g}", *_numbers(_depth_exponent, row)])
        for blocks in cells[BLOCKS].values:
            cell = row.sel({BLOCKS: blocks})
            end = float(cell[measures.LOSS].isel(step=-1).mean("seed", skipna=False))
            numbers = _numbers(_time_exponent, cell, study.config.window)
            by_time.append([f"{temperature:.3g}", str(blocks), end, *numbers])
    low, high = study.config.window
    numbers = ["exponent", "low", "high", "note"]
    return [
        Table(
            "tower: loss at the end against the student's depth, over seeds",
            ["temperature", *numbers],
            by_depth,
        ),
        Table(
            f"tower: loss against τ in [{low:g}, {high:g}], over seeds and windows "
            f"(the law of a linear student: {THIRD:.3f})",
            ["temperature", "blocks", "end loss, nats", *numbers],
            by_time,
        ),
    ]


@cache
def _cells(study: Study) -> xr.Dataset:
    """τ and loss with the dimensions (blocks, temperature, seed, step)."""
    data = study.data
    if BLOCKS not in data.coords:  # all members have one depth
        data = data.assign_coords(
            {BLOCKS: ("member", [study.config.model.blocks] * data.member.size)}
        )
    indexed = data.set_index(member=[BLOCKS, TEMPERATURE, "seed"])
    return indexed[["tau", measures.LOSS]].unstack("member")


def _depth_exponent(row: xr.Dataset) -> Interval:
    """-d ln(loss at the end) / d ln(blocks) of one temperature, over seeds."""
    depths_D = row[BLOCKS].values
    if len(depths_D) < 2:
        raise ValueError(f"students of one depth only ({depths_D[0]} blocks)")
    loss_DxS = row[measures.LOSS].isel(step=-1).transpose(BLOCKS, "seed").values
    return student_interval(-np.polyfit(np.log(depths_D), np.log(loss_DxS), 1)[0])


def _time_exponent(cell: xr.Dataset, window: tuple[float, float]) -> Interval:
    tau_SxR, loss_SxR = measures.curves(cell.rename(seed="member"))
    return exponent_interval(tau_SxR, loss_SxR, window=window)


def _numbers(measure, *args) -> list[str | float | None]:
    """The value and ends of an interval, or why there is none."""
    try:
        found = measure(*args)
    except ValueError as error:
        return [None, None, None, str(error)]
    return [found.value, found.low, found.high, ""]
