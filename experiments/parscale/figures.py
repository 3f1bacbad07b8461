"""What the figures of several studies have in common; draw inside `house_style()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from experiments.parscale.grid import Grid
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import over_seeds
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, INK, Figure, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")


def intervals(
    ax: Axes, x: Sequence[float] | np.ndarray, found: Sequence[Estimate], label: str
) -> None:
    """Draws estimates against a swept value."""
    values = ([getattr(part, end) for part in found] for end in ("value", "low", "high"))
    plots.interval_plot(ax, x, *values, label=label)


def gain_rows(name: str, title: str, caption: str, found: Mapping[str, Estimate]) -> Figure:
    """Returns one horizontal interval for each label: gains, in percent of the loss."""
    lines = sum(1 + label.count("\n") / 2 for label in found)
    figure, (ax,) = panels(panel_height_inches=1.2 + 0.4 * lines)
    for place, part in enumerate(found.values()):
        ax.plot([part.low, part.high], [place, place], color=CATEGORY_COLOURS[0], lw=2.5)
        ax.plot(part.value, place, "o", color=CATEGORY_COLOURS[0], mec="white", ms=8)
        number = format_estimate(part.value, part.low, part.high)
        ax.text(1.02, place, number, transform=ax.get_yaxis_transform(), va="center", fontsize=9.5)
    ax.axvline(0, color=INK, lw=1.2, zorder=1)
    ax.set_yticks(range(len(found)), list(found))
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.set_xlabel("gain, % of the loss of the reference")
    return Figure(name, title, caption, figure)


def stream_axis(ax: Axes, counts: Sequence[int]) -> None:
    """Marks an axis of ln P with the numbers of streams."""
    ax.set_xticks(np.log(counts), [str(count) for count in counts])
    ax.set_xlabel("streams P, spaced as ln P")


def losses_by_parameters(ax: Axes, own: Grid, line: str = "") -> None:
    """Draws the loss against N by P with 95 % intervals over seeds; `line` joins the points."""
    columns = {P: (own.N_WxP[:, i], own.loss_SxWxP[..., i]) for i, P in enumerate(own.counts)}
    columns[1] = (own.ladder_N_L, own.ladder_SxL)
    for (count, (N_W, loss_SxW)), colour in zip(columns.items(), CATEGORY_COLOURS, strict=False):
        found = [over_seeds(loss_S) for loss_S in loss_SxW.T]
        label = f"{count} stream" + "s" * (count > 1)
        ax.plot(N_W, [part.value for part in found], f"o{line}", lw=1, color=colour, label=label)
        ax.vlines(N_W, [p.low for p in found], [p.high for p in found], color=colour, lw=2)
    if own.control_SxW is not None:
        control = own.N_WxP[:, 0], own.control_SxW.mean(axis=0)
        ax.plot(*control, "x", color=GREY, label="one, with a prefix")
    plots.doublings(ax)
    ax.set(xlabel="parameters N, without the embedding")
    plots.legend(ax)


def if_measurable(measure: Callable[..., T], *arguments) -> T | None:
    """Returns what is measured; None where the study cannot answer, so nothing is drawn."""
    try:
        return measure(*arguments)
    except NotMeasurable:
        return None
