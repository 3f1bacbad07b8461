"""Ways to spend compute on a mixer of one layer, each with the learning rate that suits it.

In series, layers that share their weights; side by side, width, mixers that vote, or streams
through one mixer. A rate is chosen by what an arm learns from alone, never by its evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr
from matplotlib.axes import Axes

from experiments.serial.equal_compute import EIGHT, MODELS, ONE, RATE
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import student_interval
from jaxlab.report import plots

KEYS = ("model.name", "model.depth", "model.width", "model.count", RATE)  # that tell arms apart
CHOICE = (
    "Every arm has the rate of the ladder with the least training loss, over the last records and "
    "seeds; no evaluation is read for it. Where it is the end of the ladder the table says so."
)
Arms = dict[tuple[str, int], xr.Dataset]


def arms(data: xr.Dataset) -> Arms:
    """Returns the members of one task by (way, times), all rates and seeds together."""
    shape_keys, narrow = KEYS[:-1], min(levels(data, "model.width"))
    way_of = {model: way for way, model in MODELS.items()}
    found = {}
    for shape in set(zip(*(data[key].values.tolist() for key in shape_keys), strict=True)):
        name, depth, width, count = shape
        if name in way_of:
            key = way_of[name], count
        else:
            key = ("width", width // narrow) if width > narrow else ("depth", depth)
        found[key] = pick(data, dict(zip(shape_keys, shape, strict=True)))
    return {key: found[key] for key in sorted(found, key=lambda k: (list(EIGHT).index(k[0]), k[1]))}


def by_rate(arm: xr.Dataset) -> dict[float, xr.Dataset]:
    """Returns the members of an arm by their rate, each in the order of the seeds."""
    return {rate: cell(arm, {RATE: rate}) for rate in levels(arm, RATE)}


def best_rate(arm: xr.Dataset) -> float:
    """Returns the rate with the least training loss since the record before, mean over seeds."""
    losses = {rate: float(own["loss"].mean()) for rate, own in by_rate(arm).items()}
    return min(losses, key=losses.__getitem__)


def tuned(arm: xr.Dataset) -> xr.Dataset:
    """Returns the members of an arm that have its best rate."""
    return by_rate(arm)[best_rate(arm)]


def every_rate(found: Mapping[tuple, xr.Dataset]) -> dict[tuple, xr.Dataset]:
    """Returns the cells of a table: to the key of an arm come the rate and whether it was taken."""
    return {
        (*key, rate, _taken(arm, rate)): own
        for key, arm in found.items()
        for rate, own in by_rate(arm).items()
    }


def _taken(arm: xr.Dataset, rate: float) -> str:
    """Returns whether an arm has this rate, and whether a higher or lower one might suit it."""
    if rate != best_rate(arm):
        return ""
    ladder = levels(arm, RATE)
    return "taken, an end of the ladder" if rate in (ladder[0], ladder[-1]) else "taken"


def draw(ax: Axes, cells: Arms, metric: str) -> None:
    """Draws a metric against FLOPs, in those of one layer, with a line for each way at hand."""
    one = min(flops(own) for own in cells.values())
    for way in dict.fromkeys(way for way, _ in cells):
        own = sorted((cells[key] for key in cells if key == ONE or key[0] == way), key=flops)
        parts = [student_interval(part[metric].values) for part in own]
        ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
        plots.interval_plot(ax, [flops(part) / one for part in own], *ends_3, label=way)
    plots.doublings(ax)
    ax.set(xlabel="FLOPs, those of one layer are 1")
    plots.legend(ax)


def flops(own: xr.Dataset) -> int:
    """Returns the FLOPs of the model of a cell on one row."""
    return int(own["flops"][0])
