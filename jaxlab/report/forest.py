"""The forest plot: many results about one quantity on one axis, with the law that they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxlab.report import legends
from jaxlab.report.claims import Result, Verdict
from jaxlab.report.figures import CATEGORY_COLOURS, INK, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Shape and colour both tell the verdict; the colours are those of the page.
STYLES = {
    Verdict.SUPPORTED: ("o", "#00694b"),
    Verdict.NOT_SUPPORTED: ("X", "#a63200"),
    Verdict.UNDECIDED: ("D", "#8a5c00"),
}
ROW_INCHES = 0.3


def forest(
    groups: Mapping[str, Sequence[tuple[str, Result]]],
    *,
    reference: float,
    reference_label: str,
    quantity: str,
) -> Figure:
    """Draws a row for every result: estimate, interval, expected range and published value.

    What was not measured has no row. The axis shows every estimate and published value but the
    farthest outliers; what leaves it ends in an arrow, and its numbers stand at the right.

    Args:
      groups: heading to (name of the row, result), from top to bottom.
      reference: the value of the law, as a line through all rows.
      reference_label: its name in the legend.
      quantity: what the claims measure, below the axis.
    """
    rows = _rows(groups)
    measured = [result for _, result in rows if result is not None]
    # Besides the rows there are the axis below and the legend above.
    figure, (ax,) = panels(panel_height_inches=ROW_INCHES * max(len(rows), 2) + 1.3)
    ax.set_xlim(*_limits(measured, reference))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.axvline(reference, color=INK, lw=1.2, zorder=1)
    for place, (_, result) in enumerate(rows):
        if result is not None:
            _draw(ax, place, result)
    if not rows:
        ax.text(0.5, 0.5, "nothing was measured", transform=ax.transAxes, ha="center")
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    for (_, result), tick in zip(rows, ax.get_yticklabels(), strict=True):
        tick.set(color=INK, fontweight="bold" if result is None else "normal")
    ax.tick_params(axis="y", length=0, pad=9)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(quantity)
    _legend(figure, measured, reference_label)
    return figure


def _rows(groups: Mapping[str, Sequence[tuple[str, Result]]]) -> list[tuple[str, Result | None]]:
    """Returns headings, which have no result, each followed by its results that were measured."""
    rows: list[tuple[str, Result | None]] = []
    for heading, own in groups.items():
        if measured := [(name, result) for name, result in own if result.is_measured]:
            rows += [(heading, None), *measured]
    return rows


def _limits(results: Sequence[Result], reference: float) -> tuple[float, float]:
    numbers = [reference]
    for result in results:
        assert result.estimate is not None  # it was measured
        numbers.append(result.estimate.value)
        if result.claim.published is not None:
            numbers.append(result.claim.published)
    # One wild row must not press the others into a line.
    distance = np.abs(np.array(numbers) - reference)
    wild = distance > 3 * np.quantile(distance, 0.9)
    shown = np.array(numbers)[~wild] if len(results) > 10 else np.array(numbers)
    margin = 0.12 * float(np.ptp(shown)) + 0.05
    return float(shown.min()) - margin, float(shown.max()) + margin


def _draw(ax: Axes, place: int, result: Result) -> None:
    from matplotlib.patches import Rectangle

    claim, estimate = result.claim, result.estimate
    assert estimate is not None  # it was measured
    left, right = ax.get_xlim()
    marker, colour = STYLES[result.verdict]
    low, high = np.clip(claim.expected, left, right)
    band = Rectangle((low, place - 0.36), high - low, 0.72)
    band.set(color=CATEGORY_COLOURS[2], alpha=0.2, lw=0)
    ax.add_patch(band)
    if claim.published is not None:
        style = {"color": INK, "lw": 1.5, "ls": (0, (2, 1)), "label": "_published"}
        ax.plot([claim.published] * 2, [place - 0.4, place + 0.4], **style)
    ends = np.clip((estimate.low, estimate.high), left, right)
    bar = {"color": colour, "lw": 2.5, "solid_capstyle": "butt", "label": "_interval, as shown"}
    ax.plot(ends, [place] * 2, **bar)
    for end, seen, arrow in ((estimate.low, ends[0], "<"), (estimate.high, ends[1], ">")):
        if end != seen:
            ax.plot(seen, place, marker=arrow, color=colour, ms=7, clip_on=False)
    if left <= estimate.value <= right:
        size = 11 if marker == "X" else 8  # a cross of the same size looks smaller
        point = {"mfc": colour, "mec": "white", "ms": size, "label": "_measured"}
        ax.plot(estimate.value, place, marker=marker, zorder=4, **point)
    at_right = {"transform": ax.get_yaxis_transform(), "va": "center", "size": 9.5}
    ax.text(1.02, place, result.number, color=colour, **at_right)


def _legend(figure: Figure, results: Sequence[Result], reference_label: str) -> None:
    """Names what the rows show, above them: verdicts that occur, range, published, the law."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: dict[str, Line2D | Patch] = {}
    for verdict, (marker, colour) in STYLES.items():
        if any(result.verdict is verdict for result in results):
            entries[verdict.value] = Line2D([], [], marker=marker, color=colour, lw=2)
    entries["expected"] = Patch(color=CATEGORY_COLOURS[2], alpha=0.2, lw=0)
    if any(result.claim.published is not None for result in results):
        entries["published"] = Line2D([], [], color=INK, lw=1.5, ls=(0, (2, 1)))
    entries[reference_label] = Line2D([], [], color=INK, lw=1.2)
    legends.of_figure(figure, list(entries.values()), list(entries), "outside upper left")
