"""The forest plot: many claims about one quantity on one axis, with the law that they speak of."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from jaxlab.report.claims import Claim, Verdict, format_estimate
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, INK, panels

# Shape and colour both tell the verdict; the colours are those of the page.
STYLES = {
    Verdict.HOLDS: ("o", "#00694b"),
    Verdict.FAILS: ("X", "#a63200"),
    Verdict.INCONCLUSIVE: ("D", "#b07800"),
    Verdict.NOT_MEASURED: ("o", GREY),
}
ROW_INCHES = 0.3


def forest(
    groups: Mapping[str, Sequence[tuple[str, Claim]]],
    *,
    reference: float,
    reference_label: str,
    quantity: str,
) -> Figure:
    """Draws a row for every claim: estimate, interval, expected range and published value.

    The axis shows every estimate and published value but the farthest outliers; what leaves it ends
    in an arrow, and its numbers stand at the right.

    Args:
      groups: heading to (name of the row, claim), from top to bottom.
      reference: the value of the law, as a line through all rows.
      reference_label: its name in the legend.
      quantity: what the claims measure, below the axis.
    """
    rows = [row for heading, claims in groups.items() for row in ((heading, None), *claims)]
    # Besides the rows there are the axis below and the legend above.
    figure, (ax,) = panels(panel_height_inches=ROW_INCHES * len(rows) + 1.3)
    numbers = [reference]
    for _, claim in rows:
        if claim is not None:
            numbers += [n for n in (claim.measured, claim.published) if n is not None]
    finite = np.array([number for number in numbers if math.isfinite(number)])
    # One wild row must not press the others into a line.
    distance = np.abs(finite - reference)
    shown = finite[distance <= 3 * np.quantile(distance, 0.9)] if len(rows) > 10 else finite
    margin = 0.12 * float(np.ptp(shown)) + 0.05
    ax.set_xlim(float(shown.min()) - margin, float(shown.max()) + margin)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.axvline(reference, color=INK, lw=1.2, zorder=1)
    for place, (_, claim) in enumerate(rows):
        if claim is not None:
            _row(ax, place, claim)

    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    for (_, claim), tick in zip(rows, ax.get_yticklabels(), strict=True):
        tick.set(color=INK, fontweight="bold" if claim is None else "normal")
    ax.tick_params(axis="y", length=0, pad=9)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(quantity)
    _legend(figure, [claim for _, claim in rows if claim is not None], reference_label)
    return figure


def _row(ax: Axes, place: int, claim: Claim) -> None:
    left, right = ax.get_xlim()
    marker, colour = STYLES[claim.verdict]
    low, high = np.clip(claim.expected, left, right)
    ax.add_patch(
        Rectangle((low, place - 0.36), high - low, 0.72, color=CATEGORY_COLOURS[2], alpha=0.2, lw=0)
    )
    if claim.published is not None:
        ax.plot(
            [claim.published] * 2, [place - 0.4, place + 0.4], color=INK, lw=1.5, ls=(0, (2, 1))
        )
    if claim.verdict is not Verdict.NOT_MEASURED:
        ends = np.clip((claim.low, claim.high), left, right)
        ax.plot(ends, [place] * 2, color=colour, lw=2.5, solid_capstyle="butt")
        for end, seen, arrow in ((claim.low, ends[0], "<"), (claim.high, ends[1], ">")):
            if end != seen:
                ax.plot(seen, place, marker=arrow, color=colour, ms=7, clip_on=False)
    face, edge = ("white", colour) if claim.verdict is Verdict.NOT_MEASURED else (colour, "white")
    if left <= claim.measured <= right:
        size = 11 if marker == "X" else 8  # a cross of the same size looks smaller
        ax.plot(claim.measured, place, marker=marker, mfc=face, mec=edge, ms=size, zorder=4)
    number = format_estimate(claim.measured, claim.low, claim.high)
    if claim.verdict is Verdict.NOT_MEASURED:
        number = f"{number} not measured".removeprefix("– ")
    ax.text(
        1.02, place, number, transform=ax.get_yaxis_transform(), va="center", color=colour, size=9.5
    )


def _legend(figure: Figure, claims: Sequence[Claim], reference_label: str) -> None:
    """Names what the rows show, above them: verdicts that occur, range, published, the law."""
    entries: list[Line2D | Patch] = []
    for verdict, (marker, colour) in STYLES.items():
        if any(claim.verdict is verdict for claim in claims):
            fill = "white" if verdict is Verdict.NOT_MEASURED else colour
            entries.append(
                Line2D([], [], marker=marker, color=colour, mfc=fill, lw=2, label=verdict.value)
            )
    entries.append(Patch(color=CATEGORY_COLOURS[2], alpha=0.2, lw=0, label="expected"))
    if any(claim.published is not None for claim in claims):
        published = Line2D([], [], color=INK, lw=1.5, ls=(0, (2, 1)), label="published")
        entries.append(published)
    entries.append(Line2D([], [], color=INK, lw=1.2, label=reference_label))
    figure.legend(handles=entries, loc="outside upper left", ncols=len(entries), frameon=False)
