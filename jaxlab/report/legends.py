"""Legends stand above their axes, below the title: none covers data, and none squeezes the axes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

GAP_POINTS = 5  # between a legend and the axes or the title beside it
FONT_POINTS = 10
LETTER_POINTS = 0.55 * FONT_POINTS  # mean width
HANDLE_POINTS = 28  # width of what stands before an entry


def arrange(figure: Figure) -> None:
    """Moves the legend of every axes above it, in as many columns as fit; the figure grows by it.

    Called once, when everything is drawn: how wide an entry is shows only then.
    """
    for ax in figure.axes:
        if (legend := ax.get_legend()) is not None:
            legend.set_in_layout(False)  # where it is now, a long entry would squeeze the axes
    figure.draw_without_rendering()
    grown: dict[int, float] = {}  # row of panels -> inches
    for ax in figure.axes:
        if (legend := ax.get_legend()) is None:
            continue
        inches = _move_above(ax, legend)
        place = ax.get_subplotspec()
        row = place.rowspan.start if place is not None else 0
        grown[row] = max(grown.get(row, 0.0), inches)
    figure.set_figheight(figure.get_figheight() + sum(grown.values()))


def of_figure(figure: Figure, handles: Sequence[Any], labels: Sequence[str], where: str) -> None:
    """Adds one legend for a whole figure, outside its axes, in as many columns as fit.

    Args:
      figure: where to add it.
      handles: what the entries show, and `labels` what they are called.
      labels: see `handles`.
      where: as "outside lower center".
    """
    width = figure.get_window_extent().width
    for columns in range(len(labels), 0, -1):
        options = {"loc": where, "ncols": columns, "fontsize": FONT_POINTS, "frameon": False}
        legend = figure.legend(list(handles), list(labels), **options)
        if legend.get_window_extent().width <= width or columns == 1:
            return
        legend.remove()


def _move_above(ax: Axes, legend: Legend) -> float:
    """Moves a legend above its axes, and the title above the legend; returns inches of height."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # it was found through its figure
    width = ax.get_window_extent().width
    handles, labels = _entries(ax, legend)
    letters = max(12, int((width * 72 / figure.dpi - HANDLE_POINTS) / LETTER_POINTS))
    options: dict[str, Any] = {
        "title": legend.get_title().get_text() or None,
        "loc": "lower left",
        "bbox_to_anchor": (0.0, 1.0),
        "borderaxespad": GAP_POINTS / FONT_POINTS,
        "borderpad": 0.0,
        "columnspacing": 1.4,
        "handlelength": 1.6,
        "frameon": False,
        "fontsize": FONT_POINTS,
    }
    labels = [_wrapped(label, letters) for label in labels]
    for columns in range(len(labels), 0, -1):
        legend = ax.legend(handles, labels, ncols=columns, **options)
        extent = legend.get_window_extent()
        if extent.width <= width or columns == 1:
            break
    # The title makes the layout leave room for both; a wide entry must not squeeze the axes.
    legend.set_in_layout(False)
    inches = legend.get_window_extent().height / figure.dpi
    title = ax.get_title(loc="left") or ax.get_title() or " "
    ax.set_title("", loc="center")
    ax.set_title(title, loc="left", pad=72 * inches + 2 * GAP_POINTS)
    return inches


def _entries(ax: Axes, legend: Legend) -> tuple[list[Any], list[str]]:
    labels = [text.get_text() for text in legend.get_texts()]
    handles, own = ax.get_legend_handles_labels()
    return (handles, labels) if own == labels else (list(legend.legend_handles), labels)


def _wrapped(label: str, letters: int) -> str:
    return "\n".join(line for part in label.splitlines() for line in textwrap.wrap(part, letters))
