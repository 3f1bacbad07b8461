"""Widths × streams on one task: the final losses, and what P streams take off them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.parscale.cells import LONE, PLAIN, ends
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.study import Study

WIDTH, COUNT = "model.width", "streams.count"


class Grid(NamedTuple):
    """The final losses on one task, in nats: W widths with streams, L with one alone, S seeds.

    N counts all but the embedding, so what the streams add is in it.
    """

    widths: list[int]
    counts: list[int]  # from 1
    cells: list[list[xr.Dataset]]  # W rows of P
    N_WxP: np.ndarray
    added_WxP: np.ndarray  # of N
    loss_SxWxP: np.ndarray
    ladder_widths: list[int]
    ladder_N_L: np.ndarray  # of one stream
    ladder_SxL: np.ndarray
    lone_SxW: np.ndarray | None  # of one stream with a prefix
    vocabulary: int  # the embedding has as many parameters in each unit of width

    def metric(self, name: str) -> np.ndarray:
        """Returns a final metric of every cell with its seeds: [S, W, P]."""
        return _by_seed(self.cells, name)

    @property
    def inner(self) -> list[int]:
        """The places of the widths between the narrowest and the widest of one stream.

        At the ends chance decides on which side of the ladder a small effect falls, and only one
        side can be read.
        """
        ends = self.ladder_widths[0], self.ladder_widths[-1]
        return [place for place, width in enumerate(self.widths) if width not in ends]


@cache
def members(study: Study, task: str = "text") -> xr.Dataset:
    """Returns every member of a task at its end; ValueError where one diverged."""
    data = ends(study, WIDTH, COUNT, "streams.lone", "task.name", "task.vocabulary")
    return pick(data, {"task.name": task})


@cache
def grid(study: Study, task: str = "text") -> Grid:
    """Returns the losses on a task; ValueError where a cell lacks or a member diverged."""
    data = members(study, task)
    with_streams = data.isel(member=data[COUNT].values > 1)
    widths, counts = levels(with_streams, WIDTH), [1, *levels(with_streams, COUNT)]
    if len(counts) == 1:
        raise ValueError("the study has no cell of several streams")
    cells = [
        [cell(data, {WIDTH: width, COUNT: count, "streams.lone": False}) for count in counts]
        for width in widths
    ]
    plain_widths = levels(pick(data, PLAIN), WIDTH)
    ladder = [cell(data, PLAIN | {WIDTH: width}) for width in plain_widths]
    lone = []
    if pick(data, LONE).sizes["member"]:
        lone = [cell(data, LONE | {WIDTH: width}) for width in widths]
    every = [*(own for row in cells for own in row), *ladder, *lone]
    if len({tuple(own["seed"].values.tolist()) for own in every}) > 1:
        raise ValueError("cells have different seeds: pairs need the same")

    def of(name: str) -> np.ndarray:
        return np.array([[float(own[name][0]) for own in row] for row in cells])

    return Grid(
        widths=widths,
        counts=counts,
        cells=cells,
        N_WxP=of("parameters"),
        added_WxP=of("added"),
        loss_SxWxP=_by_seed(cells, "eval_loss"),
        ladder_widths=plain_widths,
        ladder_N_L=np.array([float(own["parameters"][0]) for own in ladder]),
        ladder_SxL=np.stack([own["eval_loss"].values for own in ladder], axis=1),
        lone_SxW=np.stack([own["eval_loss"].values for own in lone], axis=1) if lone else None,
        vocabulary=int(data["task.vocabulary"][0]),
    )


def gains(own: Grid) -> np.ndarray:
    """Returns what the loss falls by from one stream to P, in per cent of it: [S, W, P]."""
    return 100 * (1 - own.loss_SxWxP / own.loss_SxWxP[..., :1])


def added(own: Grid, count: int) -> str:
    """Returns what P streams add to the parameters of one, for the reader."""
    share_W = own.added_WxP[:, own.counts.index(count)] / own.N_WxP[:, 0]
    return f"{count} streams add {share_W.min():.0%} to {share_W.max():.0%} to N"


def _by_seed(cells: list[list[xr.Dataset]], name: str) -> np.ndarray:
    return np.moveaxis(np.array([[own[name].values for own in row] for row in cells]), -1, 0)
