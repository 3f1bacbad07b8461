"""Two tasks on the same decoders: the losses of each, and what P streams are worth on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import isotonic_regression

from experiments.parscale.cells import LONE, PLAIN, ends
from jaxlab.analysis.bootstrap import bootstrap_interval
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.tasks import recall

WIDTH, COUNT = "model.width", "streams.count"
RESAMPLES = 1000  # of the seeds


class Grid(NamedTuple):
    """The final losses on one task, in nats: W widths with streams, L with one alone, S seeds."""

    widths: list[int]
    counts: list[int]  # from 1
    N_WxP: np.ndarray
    loss_SxWxP: np.ndarray
    ladder_N_L: np.ndarray
    ladder_SxL: np.ndarray
    lone_SxW: np.ndarray | None


@cache
def members(study: Study) -> xr.Dataset:
    """Returns every member at its end, of both tasks."""
    return ends(study, WIDTH, COUNT, "streams.lone", "task.name", "task.vocabulary")


def of_task(study: Study, task: str) -> xr.Dataset:
    """Returns the members of one task."""
    return pick(members(study), {"task.name": task})


@cache
def grid(study: Study, task: str) -> Grid:
    """Returns the losses on a task; ValueError where a cell lacks or a member diverged."""
    data = of_task(study, task)
    with_streams = data.isel(member=data[COUNT].values > 1)
    widths, counts = levels(with_streams, WIDTH), [1, *levels(with_streams, COUNT)]
    cells = [
        [cell(data, {WIDTH: width, COUNT: count, "streams.lone": False}) for count in counts]
        for width in widths
    ]
    ladder = [cell(data, PLAIN | {WIDTH: width}) for width in levels(data, WIDTH)]
    lone = None
    if pick(data, LONE).sizes["member"]:
        lone = [cell(data, LONE | {WIDTH: width}) for width in widths]
    every = [*(own for row in cells for own in row), *ladder, *(lone or [])]
    if len({tuple(own["seed"].values.tolist()) for own in every}) > 1:
        raise ValueError("cells have different seeds: pairs need the same")
    return Grid(
        widths,
        counts,
        np.array([[float(own["parameters"][0]) for own in row] for row in cells]),
        np.moveaxis(np.array([[own["eval_loss"].values for own in row] for row in cells]), -1, 0),
        np.array([float(own["parameters"][0]) for own in ladder]),
        np.stack([own["eval_loss"].values for own in ladder], axis=1),
        None if lone is None else np.stack([own["eval_loss"].values for own in lone], axis=1),
    )


def log_multipliers(own: Grid, count: int, seeds: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Returns ln(N of one stream with the loss of P streams / N of those), for every width [W].

    N counts all but the embedding, so what the streams add is not free. Losses are means over
    `seeds`; those of one stream are made to fall with N (isotonic regression), and read on straight
    lines in ln N. NaN where they do not reach: nothing is extrapolated.
    """
    ladder_L = own.ladder_SxL[seeds].mean(axis=0)
    falling_L = isotonic_regression(ladder_L, increasing=False).x
    column = own.counts.index(count)
    loss_W = own.loss_SxWxP[seeds][..., column].mean(axis=0)
    equal_W = np.interp(-loss_W, -falling_L, np.log(own.ladder_N_L), left=np.nan, right=np.nan)
    return equal_W - np.log(own.N_WxP[:, column])


def multiplier(study: Study, task: str, count: int, width: int | None = None) -> Interval:
    """Returns what P streams are worth: at one width, or the geometric mean over all.

    Raises:
      ValueError: fewer than three seeds, or a loss that one stream does not reach at any width.
    """
    own = grid(study, task)
    rows = slice(None) if width is None else [own.widths.index(width)]
    return _over_seeds(
        lambda seeds: np.exp(log_multipliers(own, count, seeds)[rows].mean()), len(own.loss_SxWxP)
    )


def ratio(study: Study, count: int) -> Interval:
    """Returns the multiplier of reasoning over that of memory, seeds resampled together."""
    memory, reasoning = grid(study, "recall"), grid(study, "composition")

    def statistic(seeds: np.ndarray) -> float:
        more_W = log_multipliers(reasoning, count, seeds) - log_multipliers(memory, count, seeds)
        return np.exp(more_W.mean())

    return _over_seeds(statistic, len(memory.loss_SxWxP))


def _over_seeds(statistic: Callable[[np.ndarray], float], seeds: int) -> Interval:
    return bootstrap_interval(
        lambda index_S: float(statistic(index_S)), np.arange(seeds), resamples=RESAMPLES
    )


def bits_per_parameter(study: Study, data: xr.Dataset) -> np.ndarray:
    """Returns the bits of the table that members know, per parameter with the embedding, [M]."""
    values, pairs = int(data["task.vocabulary"][0]), study.config.task.pairs
    bits_M = recall.stored_bits(data["eval_loss"].values, pairs, values)
    return bits_M / (data["parameters"].values + values * data[WIDTH].values)
