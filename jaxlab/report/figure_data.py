"""The numbers behind a figure: what its lines, points, bars and maps show, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlab.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

HEADER = ("panel", "series", "x", "y", "value")
MOST_ROWS = 5000

Points = np.ndarray  # [P, 2], or [P, 3] with the value of a map


def figure_data(figure: Figure) -> Table:
    """Returns what a figure shows, row by row: panel, series, x, y, and the value of a map.

    Series are called as in the legend. An interval or a band is a series of its own, the points of
    its outline. Above `MOST_ROWS` rows every series is thinned evenly, and the caption says so.
    """
    series = [
        (ax, _panel(ax, number), name, points)
        for number, ax in enumerate(figure.axes, 1)
        if ax.get_label() != "<colorbar>"
        for name, points in _series(ax)
        if len(points)
    ]
    total = sum(len(points) for *_, points in series)
    every = -(-total // MOST_ROWS) if total else 1
    rows = []
    for ax, panel, name, points in series:
        x_names, y_names = _tick_names(ax.xaxis), _tick_names(ax.yaxis)
        for x, y, *value in points[::every].tolist():
            place = x_names.get(x, x), y_names.get(y, y)
            rows.append([panel, name, *place, value[0] if value else None])
    caption = "the data of the figure" + f", every {every}th point" * (every > 1)
    return Table(caption, HEADER, rows)


def _panel(ax: Axes, number: int) -> str:
    title = (ax.get_title(loc="left") or ax.get_title()).strip()
    return title or ax.get_ylabel() or f"panel {number}"


def _series(ax: Axes) -> Iterator[tuple[str, Points]]:
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection
    from matplotlib.container import BarContainer

    for i, line in enumerate(ax.lines, 1):
        if all(line.get_transform().contains_branch_seperately(ax.transData)):
            yield _name(line, i), _finite(line.get_xydata())
    for i, drawn in enumerate(ax.collections, 1):
        name = _name(drawn, i)
        if isinstance(drawn, PathCollection):
            yield name, _finite(drawn.get_offsets())
        elif isinstance(drawn, LineCollection | PolyCollection):
            outlines = [np.asarray(path.vertices) for path in drawn.get_paths()]
            yield name, _finite(np.concatenate(outlines)) if outlines else np.empty((0, 2))
    for i, bars in enumerate(ax.containers, 1):
        if isinstance(bars, BarContainer):
            ends = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in bars.patches]
            yield _name(bars, i), _finite(np.array(ends))
    for i, image in enumerate(ax.images, 1):
        yield _name(image, i), _cells(image)


def _cells(image: Any) -> Points:
    values_YxX = np.ma.filled(np.ma.asarray(image.get_array()).astype(float), np.nan)
    if values_YxX.ndim != 2:
        return np.empty((0, 3))
    y, x = np.indices(values_YxX.shape)
    return np.stack([x.ravel(), y.ravel(), values_YxX.ravel()], axis=1)


def _finite(points: Any) -> Points:
    points = np.ma.filled(np.ma.asarray(points, dtype=float), np.nan)
    return points[np.isfinite(points).all(axis=1)]


def _name(artist: Any, number: int) -> str:
    label = str(artist.get_label() or "").removeprefix("_")
    return f"series {number}" if re.fullmatch(r"(child|container)?\d*", label) else label


def _tick_names(axis: Axis) -> dict[float, str]:
    """Returns the names of an axis's places where they were given, as the cells of a map are."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    if not (isinstance(locator, FixedLocator) and isinstance(formatter, FuncFormatter)):
        return {}
    places = np.asarray(locator.tick_values(0, 1), dtype=float).tolist()
    return dict(zip(places, formatter.format_ticks(places), strict=True))
