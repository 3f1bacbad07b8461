"""What the report of every study shows, whoever wrote it: its loss curves and all of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from jaxlab import config as configs
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.estimators import LOSS, curves
from jaxlab.analysis.interval import exponent_interval, student_interval
from jaxlab.analysis.power_law import fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_number
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

LAST_PART = 30.0  # cells are fitted over the last factor of 30 of their τ
MOST_CURVES = 60  # cells that one figure can show
CELL = "cell, as in the table"


def cells_of(study: Study) -> dict[str, xr.Dataset]:
    """Returns the members of every cell, which differ in their seeds alone, by its name.

    The name has the swept values, as "learning_rate=0.1, temperature=0.001".
    """
    swept = swept_keys(study)
    names = [
        ", ".join(f"{key.rpartition('.')[2]}={_text(value)}" for key, value in row.items())
        for row in _rows(study.data, swept)
    ]
    found = {}
    for name in dict.fromkeys(names):
        chosen_M = [own == name for own in names]
        found[name or "all members"] = study.data.isel(member=chosen_M).sortby("seed")
    return found


def swept_keys(study: Study) -> list[str]:
    """Returns the keys whose values differ between members, but for the seed."""
    known = {key for run in study.runs for member in run.members for key in member}
    known |= {key for key, _ in configs.leaves(study.config)}
    return [
        key
        for key in sorted(known & set(study.data.coords) - {"seed"})
        if len(np.unique(study.data[key].values)) > 1
    ]


def curves_figure(study: Study) -> Figure:
    """Returns the loss of every cell against τ, means over seeds; a single cell has a fit.

    Where every cell was evaluated once, at its end, the losses of its seeds are shown instead.
    """
    cells = cells_of(study)
    shown = dict(list(cells.items())[:MOST_CURVES])
    figure, (ax,) = panels()
    ax.set_ylabel("loss on fresh batches, nats")
    seeds = len(np.unique(study.data["seed"]))
    losses = {name: curves(members, LOSS) for name, members in shown.items()}
    if max(np.isfinite(loss_SxR).any(axis=0).sum() for _, loss_SxR in losses.values()) == 1:
        _draw_last_losses(ax, [loss_SxR[:, -1] for _, loss_SxR in losses.values()])
        shows = f"one point for each of {seeds} seeds. The table of cells has their names."
    else:
        _draw_curves(ax, losses)
        shows = (
            f"means of {seeds} seeds. A curve ends with a cross where a member of its cell "
            "diverged. The table of cells has the exponents."
        )
    caption = f"Loss of {len(shown)} of {len(cells)} cells on the evaluation batches, {shows}"
    return Figure(f"{study.name}_curves", f"{study.name}: loss of every cell", caption, figure)


def _draw_curves(ax: Axes, losses: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    times_CxR = np.stack([time_SxR[0] for time_SxR, _ in losses.values()])
    losses_CxR = np.stack([loss_SxR.mean(axis=0) for _, loss_SxR in losses.values()])
    if len(losses) > len(CATEGORY_COLOURS):
        number_C = np.arange(1.0, len(losses) + 1)
        plots.loglog_curves(
            ax, times_CxR, losses_CxR, values=number_C, value_label=CELL, log_values=False
        )
    else:
        plots.loglog_curves(ax, times_CxR, losses_CxR, labels=list(losses))
    if len(losses) == 1:
        _fit(ax, times_CxR[0], losses_CxR[0])
    ax.set_xlabel("τ, the sum of the learning rates")


def _draw_last_losses(ax: Axes, losses: list[np.ndarray]) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, loss_S in enumerate(losses, start=1):
        ax.plot(np.full(len(loss_S), number), loss_S, ".", color=CATEGORY_COLOURS[0])
    ax.set_xlim(0.5, len(losses) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=CELL, yscale="log")


def cells_table(study: Study) -> Table:
    """Returns every cell: its last loss, its other last metrics, and the exponent of its loss."""
    metrics = [
        name
        for name in study.data.data_vars
        if str(name).startswith("eval_") and "collisions" not in str(name)
    ][:8]
    header = ["cell", "seeds", "diverged", "exponent", "low", "high"]
    header += [f"{name}".removeprefix("eval_") for name in metrics]
    rows = [[name, *_cell_row(members, metrics)] for name, members in cells_of(study).items()]
    caption = (
        f"{study.name}: every cell at its last evaluation, means over seeds. Exponents are of the "
        f"loss against τ over the last factor of {LAST_PART:g} of τ, with the interval over seeds "
        "and fit windows"
    )
    return Table(caption, header, rows)


def _cell_row(members: xr.Dataset, metrics: list) -> list[float | str | None]:
    diverged_M = (members["diverged_step"] >= 0).any("step").values
    row: list[float | str | None] = [len(np.unique(members["seed"])), int(diverged_M.sum())]
    time_SxR, loss_SxR = curves(members, LOSS)
    try:
        kept = np.isfinite(loss_SxR).all(axis=0)
        end = float(time_SxR[0, kept][-1]) if kept.any() else np.nan
        found = exponent_interval(
            time_SxR[:, kept], loss_SxR[:, kept], window=(end / LAST_PART, end)
        )
        row += [found.value, found.low, found.high]
    except NotMeasurable:
        row += [None, None, None]
    return row + [_last_mean(members[name].transpose("member", "step").values) for name in metrics]


def _last_mean(value_SxR: np.ndarray) -> float | None:
    recorded_R = np.isfinite(value_SxR).any(axis=0)
    if not recorded_R.any():
        return None
    last_S = value_SxR[:, np.flatnonzero(recorded_R)[-1]]
    return student_interval(last_S).value if np.isfinite(last_S).all() else None


def _fit(ax: Axes, time_R: np.ndarray, loss_R: np.ndarray) -> None:
    try:
        fit = fit_power_law(time_R, loss_R, window=(time_R[-1] / LAST_PART, time_R[-1]))
    except NotMeasurable:
        return
    plots.power_law_line(ax, fit.exponent, fit.amplitude, fit.window)


def _rows(data: xr.Dataset, keys: list[str]) -> list[Mapping[str, object]]:
    columns = [data[key].values.tolist() for key in keys]
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)] or [
        {} for _ in range(data.sizes["member"])
    ]


def _text(value: object) -> str:
    return format_number(value) if isinstance(value, float) else str(value)
