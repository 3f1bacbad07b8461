"""Widths × streams on one task: the final losses, and what P streams take off them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.parscale.cells import PLAIN, PREFIX_CONTROL, final
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.study import Study

if TYPE_CHECKING:
    import xarray as xr

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
    control_SxW: np.ndarray | None  # of the single-stream prefix control
    vocabulary: int  # the embedding has as many parameters in each unit of width

    def at(self, count: int) -> int:
        """The place of P streams on the last axis.

        Raises:
          NotMeasurable: the study has no cell of so many.
        """
        if count not in self.counts:
            raise NotMeasurable(f"the study has no P = {count}")
        return self.counts.index(count)

    @property
    def gains(self) -> np.ndarray:
        """What the loss falls by from one stream to P, in percent of it: [S, W, P]."""
        return 100 * (1 - self.loss_SxWxP / self.loss_SxWxP[..., :1])

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
    """Returns every member of a task at its last evaluation."""
    data = final(study, WIDTH, COUNT, "streams.lone", "task.name", "task.vocabulary")
    return select(data, {"task.name": task})


@cache
def grid(study: Study, task: str = "text") -> Grid:
    """Returns the losses on a task.

    Raises:
      NotMeasurable: a cell lacks, seeds are not the same in all, or a member diverged.
    """
    data = members(study, task)
    with_streams = data.isel(member=data[COUNT].values > 1)
    widths, counts = levels(with_streams, WIDTH), [1, *levels(with_streams, COUNT)]
    if len(counts) == 1:
        raise NotMeasurable("the study has no cell of several streams")
    cells = [
        [cell(data, {WIDTH: width, COUNT: count, "streams.lone": False}) for count in counts]
        for width in widths
    ]
    plain_widths = levels(select(data, PLAIN), WIDTH)
    ladder = [cell(data, PLAIN | {WIDTH: width}) for width in plain_widths]
    control = []
    if select(data, PREFIX_CONTROL).sizes["member"]:
        control = [cell(data, PREFIX_CONTROL | {WIDTH: width}) for width in widths]
    every = [*(own for row in cells for own in row), *ladder, *control]
    if len({tuple(own["seed"].values.tolist()) for own in every}) > 1:
        raise NotMeasurable("cells have different seeds: pairs need the same")

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
        ladder_SxL=_by_seed([ladder], "eval_loss")[:, 0],
        control_SxW=_by_seed([control], "eval_loss")[:, 0] if control else None,
        vocabulary=int(data["task.vocabulary"][0]),
    )


def _by_seed(cells: list[list[xr.Dataset]], name: str) -> np.ndarray:
    return np.moveaxis(np.array([[own[name].values for own in row] for row in cells]), -1, 0)
