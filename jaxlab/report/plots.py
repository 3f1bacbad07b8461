"""Plots: pieces that draw on given axes, so that an experiment composes its figures from them.

Every piece draws inside `jaxlab.report.figures.house_style()` and leaves titles and axis labels to
its caller. A label that begins with `_` names a series in the downloaded data, not in the legend.
Shapes: M members, R records, S seeds, W windows, X and Y swept values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxlab.report import legends
from jaxlab.report.claims import format_estimate, format_number, format_range
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, INK, swept

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def loglog_curves(
    ax: Axes,
    time: ArrayLike,
    loss_MxR: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    values: ArrayLike | None = None,
    value_label: str = "",
    log_values: bool = True,
) -> None:
    """Draws the loss of M members on logarithmic axes; a cross marks where a member diverged.

    Args:
      ax: where to draw.
      time: the clock, of shape [R] or [M, R].
      loss_MxR: losses; points that a logarithm cannot show are left out.
      labels: M categories. Equal labels share a colour and an entry of the legend (seeds do).
      values: M numbers, shown by colour with a colour bar. Give `labels` or `values`.
      value_label: name of the swept value, beside the colour bar.
      log_values: whether the colours go by the logarithm of `values`.

    Raises:
      ValueError: shapes that do not fit, both or neither of `labels` and `values`, more labels than
        there are colours, or values that the scale cannot show.
    """
    loss_MxR = np.asarray(loss_MxR, dtype=float)
    if loss_MxR.ndim != 2:
        raise ValueError(f"losses must have shape [members, records], got {loss_MxR.shape}")
    time_MxR = np.broadcast_to(np.asarray(time, dtype=float), loss_MxR.shape)
    if (labels is None) == (values is None):
        raise ValueError("loglog_curves colours curves by labels or by values: give one of them")
    if values is not None:
        colours, names = _value_colours(ax, values, value_label, log_values), [""] * len(loss_MxR)
    else:
        colours, names = _label_colours(labels or ())
    if len(colours) != len(loss_MxR):
        raise ValueError(f"{len(loss_MxR)} curves, but {len(colours)} labels or values")

    ax.set(xscale="log", yscale="log")
    raster = loss_MxR.size > 40_000  # as vectors they would weigh megabytes in the report
    for time_R, loss_R, colour, name in zip(time_MxR, loss_MxR, colours, names, strict=True):
        finite_R = np.isfinite(loss_R) & np.isfinite(time_R)
        shown_R = finite_R & (loss_R > 0) & (time_R > 0)
        ax.plot(
            time_R[shown_R], loss_R[shown_R], color=colour, label=name or None, rasterized=raster
        )
        if shown_R.any() and not finite_R[-1]:
            end = time_R[shown_R][-1], loss_R[shown_R][-1]
            ax.plot(*end, "X", color=INK, mec="white", markersize=9, zorder=6)
    legend(ax)


def power_law_line(
    ax: Axes,
    exponent: float,
    amplitude: float,
    window: tuple[float, float],
    *,
    floor: float = 0.0,
    interval: tuple[float, float] | None = None,
    name: str = "",
) -> None:
    """Draws amplitude · t^-exponent + floor over the fit's window, which is shaded.

    The legend gives the slope, -exponent, with its interval.
    """
    low, high = interval or (np.nan, np.nan)
    label = f"{name}: " if name else ""
    label += f"slope {format_estimate(-exponent, -high, -low)}"
    if floor:
        label += f"\nabove a floor of {format_number(floor)}"
    time = np.geomspace(*window, 200)
    ax.axvspan(*window, color=GREY, alpha=0.08, linewidth=0, zorder=0)
    loss = amplitude * time**-exponent + floor
    ax.plot(time, loss, color="black", linestyle=(0, (4, 1.5)), linewidth=2, zorder=5, label=label)
    legend(ax)


def reference_slope(ax: Axes, exponent: float, through: tuple[float, float], *, label: str) -> None:
    """Draws a thin guide t^-exponent through (t, L); it leaves the limits of the axes alone."""
    from matplotlib.lines import Line2D

    time = through[0] * np.array([1e-9, 1e9])
    loss = through[1] * (time / through[0]) ** -exponent
    # add_artist, unlike plot, leaves the limits to the data.
    ax.add_artist(Line2D(time, loss, color=GREY, linewidth=1, linestyle=":", label=label))
    legend(ax)


def heatmap(
    ax: Axes,
    values_YxX: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    lows_YxX: ArrayLike | None = None,
    highs_YxX: ArrayLike | None = None,
    centre: float | None = None,
    band: tuple[float, float] | None = None,
    value_label: str = "exponent",
) -> None:
    """Draws a map with the number and the half width of its interval in every cell.

    A cell without a finite value (its members diverged) is hatched and crossed. With `centre` the
    colours diverge from it; with `band` the cells whose interval lies within it have a bold frame.

    Args:
      ax: where to draw.
      values_YxX: one value a cell; row 0 is at the bottom.
      x: the X swept values along the columns, and `y` the Y along the rows.
      y: see `x`.
      lows_YxX: lower ends of the intervals.
      highs_YxX: upper ends of the intervals.
      centre: the value to compare with.
      band: (low, high), the values that count as equal to it.
      value_label: what the colours show.

    Raises:
      ValueError: shapes that do not fit.
    """
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.patches import Rectangle

    values_YxX, x_X, y_Y = (np.asarray(array, dtype=float) for array in (values_YxX, x, y))
    missing_YxX = np.full(values_YxX.shape, np.nan)
    lows_YxX = missing_YxX if lows_YxX is None else np.asarray(lows_YxX, dtype=float)
    highs_YxX = missing_YxX if highs_YxX is None else np.asarray(highs_YxX, dtype=float)
    expected_shape = (y_Y.size, x_X.size)
    if not values_YxX.shape == lows_YxX.shape == highs_YxX.shape == expected_shape:
        raise ValueError(f"a heatmap of {values_YxX.shape} cells, but (y, x) are {expected_shape}")

    norm, extend = _map_norm(values_YxX, centre)
    colours = matplotlib.colormaps["viridis" if centre is None else "RdBu_r"]
    shown = np.ma.masked_invalid(values_YxX)
    ax.imshow(shown, norm=norm, cmap=colours, origin="lower", aspect="auto")
    for (row, column), value in np.ndenumerate(values_YxX):
        low, high = lows_YxX[row, column], highs_YxX[row, column]
        corner = (column - 0.5, row - 0.5)
        if not np.isfinite(value):
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", linewidth=0))
            ax.text(column, row, "×", ha="center", va="center", fontsize=14, weight="bold")
            continue
        text = format_number(value, 3)
        if np.isfinite(high - low):
            text += f"\n±{format_number(float(high - low) / 2, 3)}"
        dark = np.dot(colours(norm(value))[:3], (0.299, 0.587, 0.114)) < 0.5
        ax.text(
            *(column, row, text), ha="center", va="center", fontsize=9, color="w" if dark else INK
        )
        if band is not None and band[0] <= low and high <= band[1]:
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=2.2))
    ax.set_xticks(range(x_X.size), [f"{value:.2g}" for value in x_X])
    ax.set_yticks(range(y_Y.size), [f"{value:.2g}" for value in y_Y])
    ax.grid(False)
    mappable = ScalarMappable(norm, colours)
    _root(ax).colorbar(mappable, ax=ax, label=value_label, extend=extend, pad=0.015, aspect=30)


def interval_plot(
    ax: Axes,
    x: ArrayLike,
    values: ArrayLike,
    lows: ArrayLike,
    highs: ArrayLike,
    *,
    expected: tuple[float, float] | None = None,
    label: str | None = None,
) -> None:
    """Draws values against a swept one, with their intervals and the expected band.

    A value without a finite interval is drawn hollow; where there is no value, a cross stands on
    the lower edge. All arrays have shape [X]. Give the band with one series only.
    """
    from matplotlib.patches import Rectangle

    x_X, values_X, lows_X, highs_X = (
        np.asarray(array, dtype=float) for array in (x, values, lows, highs)
    )
    if expected is not None:
        low, high = np.clip(expected, -1e9, 1e9)  # an open end runs off the axes
        band = Rectangle((0, low), 1, high - low, transform=ax.get_yaxis_transform())
        band.set(facecolor=CATEGORY_COLOURS[2], alpha=0.16, zorder=0)
        band.set_label(f"expected {format_range(expected)}")
        ax.add_artist(band)
        ax.update_datalim([(x_X[0], end) for end in expected if np.isfinite(end)], updatex=False)
    absent_X = ~np.isfinite(values_X)
    bounded_X = np.isfinite(lows_X) & np.isfinite(highs_X) & ~absent_X
    hollow_X = ~bounded_X & ~absent_X
    name = f"_{label or 'values'}"
    (line,) = ax.plot(x_X, values_X, linewidth=0.8, alpha=0.5, label=name)
    style = {"color": line.get_color(), "linestyle": "none"}
    bars = x_X[bounded_X], lows_X[bounded_X], highs_X[bounded_X]
    ax.vlines(*bars, color=line.get_color(), lw=2, label=f"{name}, interval")
    ax.plot(x_X[bounded_X], values_X[bounded_X], "o", markersize=6, label=label, **style)
    ax.plot(
        x_X[hollow_X],
        values_X[hollow_X],
        "o",
        mfc="white",
        ms=6,
        label=f"{name}, without interval",
        **style,
    )
    edge_X, edge = np.zeros(x_X.shape), ax.get_xaxis_transform()
    absent = x_X[absent_X], edge_X[absent_X]
    (crosses,) = ax.plot(*absent, marker="X", transform=edge, clip_on=False, ms=8, **style)
    crosses.set_in_layout(False)  # unclipped and empty it would squeeze the axes
    ax.autoscale_view()
    legend(ax)


def local_exponent_plot(
    ax: Axes,
    centre_W: ArrayLike,
    exponent_SxW: ArrayLike,
    *,
    label: str | None = None,
    reference: float | None = None,
    reference_label: str = "",
) -> None:
    """Draws the local exponent of S seeds against the centres of its W windows: mean and range."""
    exponent_SxW = np.ma.masked_invalid(np.atleast_2d(np.asarray(exponent_SxW, dtype=float)))
    mean_W, low_W, high_W = (
        np.ma.filled(reduce(exponent_SxW, axis=0), np.nan)
        for reduce in (np.ma.mean, np.min, np.max)
    )
    ax.set_xscale("log")
    (line,) = ax.plot(centre_W, mean_W, "o-", markersize=4, label=label)
    band = {"color": line.get_color(), "alpha": 0.2, "lw": 0, "label": f"_{label or 'mean'}, range"}
    ax.fill_between(np.asarray(centre_W), low_W, high_W, **band)
    if reference is not None:
        known = reference_label in ax.get_legend_handles_labels()[1]  # by an earlier series
        label = "" if known else reference_label
        ax.axhline(reference, color=GREY, linewidth=1, linestyle=":", label=label)
    legend(ax)


def _label_colours(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """One colour a label; only the first curve of a label is named, so the legend has it once."""
    categories = list(dict.fromkeys(labels))
    if len(categories) > len(CATEGORY_COLOURS):
        raise ValueError(
            f"{len(categories)} labels, but only {len(CATEGORY_COLOURS)} distinct colours: "
            "colour the curves by values"
        )
    colours = [CATEGORY_COLOURS[categories.index(label)] for label in labels]
    names = [label if label not in labels[:i] else "" for i, label in enumerate(labels)]
    return colours, names


def _value_colours(ax: Axes, values: ArrayLike, value_label: str, log_values: bool) -> list:
    """One colour a value, and the colour bar that explains them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    values_M = np.asarray(values, dtype=float)
    low, high = values_M.min(), values_M.max()
    if not np.isfinite(low + high) or (log_values and low <= 0):
        scale = "logarithmic" if log_values else "linear"
        raise ValueError(
            f"{value_label or 'values'}: {low:g} to {high:g} has no {scale} colour scale"
        )
    norm = LogNorm(low, high) if log_values else Normalize(low, high)
    mappable = ScalarMappable(norm, swept())
    _root(ax).colorbar(mappable, ax=ax, label=value_label, pad=0.015, aspect=30)
    return [swept()(norm(value)) for value in values_M]


def _map_norm(values_YxX: np.ndarray, centre: float | None) -> tuple[Normalize, str]:
    """The colour scale of a map, and the ends at which it is open."""
    from matplotlib.colors import CenteredNorm, Normalize

    finite = values_YxX[np.isfinite(values_YxX)]
    if not finite.size:
        return Normalize(0.0, 1.0), "neither"
    if centre is None:
        return Normalize(finite.min(), finite.max()), "neither"
    # One wild cell must not bleach the rest, so the scale spans nine cells in ten.
    distance = np.abs(finite - centre)
    half_range = float(np.quantile(distance, 0.9)) or 1.0
    return CenteredNorm(centre, half_range), "both" if distance.max() > half_range else "neither"


def _root(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that were removed from their figure"
    return figure


def legend(ax: Axes) -> None:
    """Shows or refreshes the legend, once there is something to name; see `legends.arrange`."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend().set_in_layout(False)  # `arrange` makes room for it


def shared_legend(axes: Sequence[Axes]) -> None:
    """Shows one legend for the panels of a figure, below them, with each label once."""
    handles = [ax.get_legend_handles_labels() for ax in axes]
    named = {label: handle for own in handles for handle, label in zip(*own, strict=True)}
    legends.of_figure(_root(axes[0]), list(named.values()), list(named), "outside lower center")


def doublings(ax: Axes) -> None:
    """Makes the x axis one of doublings, with plain numbers: 16 rather than 2^4."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")


def whole_numbers(ax: Axes) -> None:
    """Marks the x axis at whole numbers alone, as of layers and steps."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
