"""What the study `memory` measures and draws: a table to store, and chains to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.parscale.cells import PLAIN, half_less
from experiments.parscale.figures import if_measurable, intervals, losses_by_parameters
from experiments.parscale.grid import COUNT, WIDTH, Grid, grid, members
from experiments.parscale.multiplier import multiplier
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.tasks import recall

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

TASKS = {
    "recall": "memory: pairs learned by heart",
    "composition": "reasoning: a ball under swapped cups",
}


def gain(study: Study, task: str, count: int) -> Estimate:
    """Measures what P streams take off the loss of one, nats, mean over widths."""
    own = grid(study, task)
    detail = f"of {own.loss_SxWxP[..., 0].mean():.3f} nats with one stream"
    return over_seeds(_gain(own, count), detail)


def prefix_share(study: Study, task: str) -> Estimate:
    """Measures half of what two streams gain less what the prefix control does, nats."""
    own = grid(study, task)
    if own.control_SxW is None:
        raise NotMeasurable("the study has no single stream with a prefix")
    control_S = (own.loss_SxWxP[..., 0] - own.control_SxW).mean(axis=1)
    return half_less(_gain(own, 2), control_S, " nats")


def _gain(own: Grid, count: int) -> np.ndarray:
    return (own.loss_SxWxP[..., 0] - own.loss_SxWxP[..., own.at(count)]).mean(axis=1)


def first_swap(study: Study) -> Estimate:
    """Measures the accuracy after one swap of the widest decoder with one stream."""
    plain = select(members(study, "composition"), PLAIN)
    widest = cell(plain, {WIDTH: levels(plain, WIDTH)[-1]})
    return over_seeds(widest["eval_accuracy_1"].values)


def last_swap(study: Study) -> Estimate:
    """Measures the loss after all swaps less that after two, one stream, mean over widths."""
    plain = select(members(study, "composition"), PLAIN)
    more = plain[f"eval_loss_{study.config.task.swaps}"] - plain["eval_loss_2"]
    return over_seeds(more.groupby("seed").mean("member").values)


def stored_bits(study: Study) -> Estimate:
    """Measures the bits that the narrowest decoder with one stream stores per parameter."""
    plain = select(members(study, "recall"), PLAIN)
    bits = {
        width: bits_per_parameter(study, cell(plain, {WIDTH: width}))
        for width in levels(plain, WIDTH)
    }
    exposures = study.config.train.steps * study.config.recall_batch / study.config.task.pairs
    named = ", ".join(f"{bits_S.mean():.2f} at width {width}" for width, bits_S in bits.items())
    return over_seeds(bits[min(bits)], f"{named}; after {exposures:.0f} exposures of each pair")


def bits_per_parameter(study: Study, data: xr.Dataset) -> np.ndarray:
    """Returns the bits of the table that members know, per parameter with the embedding, [M]."""
    values, pairs = int(data["task.vocabulary"][0]), study.config.task.pairs
    bits_M = recall.stored_bits(data["eval_loss"].values, pairs, values)
    return bits_M / (data["parameters"].values + values * data[WIDTH].values)


def overview(study: Study) -> Figure:
    """Returns loss against N on both tasks, multipliers, and the loss by the number of swaps."""
    figure, axes = panels(2, 2)
    for ax, task in zip(axes[:2], TASKS, strict=True):
        losses_by_parameters(ax, grid(study, task), line="-")
        ax.set(ylabel="loss, nats")
        ax.set_title(TASKS[task])
    _multipliers(axes[2], study)
    _swaps(axes[3], study)
    seeds = len(grid(study, "recall").loss_SxWxP)
    caption = (
        f"Above: means of {seeds} seeds with 95 % intervals over seeds, which say little of "
        "differences: these are paired. Below left: N of one stream with the loss of P over their "
        "own N, all that they add counted; below 1 the same parameters in the widths do more. "
        "Seeds are resampled whole; a loss that no width of one stream reaches has no point. Below "
        "right: the loss by the number of swaps, means over the widths."
    )
    return Figure("memory", "Memory against reasoning", caption, figure)


def _multipliers(ax: Axes, study: Study) -> None:
    for number, (task, what) in enumerate(TASKS.items()):
        own = grid(study, task)
        for count in own.counts[1:]:
            read = {
                width: if_measurable(multiplier, study, task, count, width) for width in own.widths
            }
            read = {width: part for width, part in read.items() if part is not None}
            x_W = np.array(list(read)) * 1.006 ** (2 * own.at(count) + number - 2)
            if read:
                intervals(ax, x_W, list(read.values()), f"{what.partition(':')[0]}, P = {count}")
    ax.axhline(1, color=GREY, lw=0.8)
    ax.set(xscale="log", yscale="log", xlabel="width", ylabel="effective parameter multiplier")
    ax.set_xticks(own.widths, [str(width) for width in own.widths])
    ax.set_xticks([], minor=True)


def _swaps(ax: Axes, study: Study) -> None:
    own = grid(study, "composition")
    data, swaps = members(study, "composition"), range(1, study.config.task.swaps + 1)
    data = data.isel(member=np.isin(data[WIDTH].values, own.widths))
    for count, colour in zip(own.counts, CATEGORY_COLOURS, strict=False):
        own_cells = select(data, {COUNT: count, "streams.lone": False})
        loss_K = [float(own_cells[f"eval_loss_{k}"].mean()) for k in swaps]
        ax.plot(swaps, loss_K, "o-", color=colour, label=f"P = {count}")
    ax.axhline(np.log(study.config.task.places), color=GREY, ls=":", label="chance")
    ax.set(xlabel="swaps", ylabel="loss, nats")
    plots.legend(ax)
