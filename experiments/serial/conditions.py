"""What equal compute gives: the members of each condition, at the learning rate chosen for it.

A rate is chosen by what a condition learns from, the training loss, and never by an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.serial.cells import ACCURACY, Cells, accuracy, ends
from experiments.serial.cells import table as cells_table
from experiments.serial.equal_compute import EIGHT, MODELS, ONE, RATE
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.report import plots
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

KEYS = ("model.name", "model.depth", "model.width", "model.count", RATE)
CHOICE = (
    "Every condition has the learning rate of the ladder with the least training loss, over the "
    "last quarter of training and all seeds. Where it is an end of the ladder the table says so."
)


def by_condition(data: xr.Dataset) -> Cells:
    """Returns the members of one task by condition, all learning rates and seeds together."""
    shape_keys, narrow = KEYS[:-1], min(levels(data, "model.width"))
    names = {model: name for name, model in MODELS.items()}
    found = {}
    for shape in set(zip(*(data[key].values.tolist() for key in shape_keys), strict=True)):
        model, depth, width, count = shape
        if model in names:
            condition = names[model], count
        else:
            condition = ("width", width // narrow) if width > narrow else ("depth", depth)
        found[condition] = select(data, dict(zip(shape_keys, shape, strict=True)))
    order = list(EIGHT)
    return Cells(sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def by_rate(members: xr.Dataset) -> dict[float, xr.Dataset]:
    """Returns the members of a condition by learning rate, each in the order of the seeds."""
    return {rate: cell(members, {RATE: rate}) for rate in levels(members, RATE)}


def best_rate(members: xr.Dataset) -> float:
    """Returns the rate with the least training loss since the evaluation before, mean of seeds."""
    losses = {rate: float(own["loss"].mean()) for rate, own in by_rate(members).items()}
    return min(losses, key=losses.__getitem__)


def at_best_rates(cells: Cells) -> Cells:
    """Returns the members of every condition that have its best rate."""
    return Cells({key: by_rate(members)[best_rate(members)] for key, members in cells.items()})


def table(caption: str, of: str, found: Mapping[Any, Cells], metric: str = ACCURACY) -> Table:
    """Returns every cell at every learning rate: how right it was, what it cost, which was taken.

    Args:
      caption: what the rows are.
      of: the name of the column for the keys of `found`.
      found: the cells at all rates by what they were given.
      metric: the accuracy.
    """
    rows = {}
    cells = [(given, *item) for given, own in found.items() for item in own.items()]
    for given, condition, members in cells:
        ladder, best = levels(members, RATE), best_rate(members)
        for rate, at_rate in by_rate(members).items():
            end = ", an end of the ladder" if rate in (ladder[0], ladder[-1]) else ""
            taken = f"taken{end}" if rate == best else ""
            rows[given, *condition, rate, taken] = at_rate
    names = (of, "compute in", "times", "rate", "rate taken")
    return cells_table(caption, names, rows, metric)


def draw(ax: Axes, cells: Cells, metric: str) -> None:
    """Draws a metric against FLOPs, in those of one layer, with a line for each kind of compute."""
    one = min(_flops(members) for members in cells.values())
    for name in dict.fromkeys(name for name, _ in cells):
        own = sorted((cells[key] for key in cells if key == ONE or key[0] == name), key=_flops)
        ends_3 = ends(accuracy(members, metric) for members in own)
        plots.interval_plot(ax, [_flops(members) / one for members in own], *ends_3, label=name)
    plots.doublings(ax)
    ax.set(xlabel="FLOPs, those of one layer are 1")
    plots.legend(ax)


def _flops(members: xr.Dataset) -> int:
    """Returns the FLOPs of the model of a cell on one row."""
    return int(members["flops"][0])
