"""What figures and tables of several studies have in common; draw inside `house_style()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from experiments.one_third import measures
from experiments.one_third.words import OPTIMIZERS, TAU, THIRD
from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.local_exponent import local_exponents
from jaxlab.analysis.power_law import fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import finite_temperature_exponent, one_third_regime
from jaxlab.report import plots
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

TRUST_U = 0.3  # beyond, the closed finite-temperature form is off by more than 5 %


def loss_and_exponents(window: Window) -> Callable[[Study], Figure]:
    """Returns a figure of loss against τ with its fit in a window, and of the local exponents."""

    def figure_of_loss(study: Study) -> Figure:
        tau_SxR, loss_SxR = measures.curves(study.data)
        figure, (left, right) = panels(1, 2)
        name = study.config.optimizer.name
        plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["seeds"] * len(loss_SxR))
        left.set(xlabel=TAU, ylabel="KL on fresh batches, nats")
        without = fit_line(left, study, window) + local_panel(right, study, label="loss")
        caption = (
            f"{OPTIMIZERS.get(name, name)} at rate {study.config.optimizer.learning_rate:.4g}, "
            f"temperature {study.config.task.temperature:g}, {len(loss_SxR)} seeds. Left: the fit "
            "in the shaded window, with the interval over seeds and windows. Right: the exponent "
            f"in quarter-decades.{without}"
        )
        return Figure(study.name, f"{study.name}: loss against τ", caption, figure)

    return figure_of_loss


def fit_line(
    ax: Axes, study: Study, window: Window, name: str = measures.LOSS, floor: bool = False
) -> str:
    """Draws the fit to the mean of the seeds with the claims' interval.

    Where a seed diverged or records are too few nothing is drawn, and what is returned says so,
    for the caption.
    """
    try:
        found = measures.exponent(study, window, name, floor)
    except NotMeasurable as error:
        return f" There is no fit: {error}."
    tau_SxR, value_SxR = measures.curves(study.data, name)
    mean_R = value_SxR.mean(axis=0)
    fit = fit_power_law(tau_SxR[0], mean_R, window=window, floor=floor)
    sign = np.sign(fit.exponent)  # a logit scale rises: its fit has a negative exponent
    ends = sorted((sign * found.low, sign * found.high))
    plots.power_law_line(
        ax,
        fit.exponent,
        fit.amplitude,
        fit.window,
        floor=fit.floor,
        interval=(ends[0], ends[1]),
    )
    return ""


def local_panel(ax: Axes, study: Study, name: str = measures.LOSS, label: str = "loss") -> str:
    """Draws the exponent in quarter-decades: mean and range of the seeds that stayed finite.

    Returns what the caption says of seeds that did not.
    """
    tau_SxR, value_SxR = measures.curves(study.data, name)
    finite_S = np.isfinite(value_SxR).all(axis=1)
    sign = -1 if name == measures.SCALE else 1
    tau_R = tau_SxR[0]
    late_R = tau_R >= max(tau_R[0], tau_R[-1] / 1e3)
    ax.set(xlabel=TAU, ylabel="local exponent")
    try:
        locals_S = [
            local_exponents(tau_R[late_R], value_R[late_R] ** sign, per_decade=4)
            for value_R in value_SxR[finite_S]
        ]
    except NotMeasurable as error:
        return f" There are no local exponents: {error}."
    if locals_S:
        plots.local_exponent_plot(
            ax,
            locals_S[0].centre,
            [local.exponent for local in locals_S],
            label=f"{label}: mean and range of seeds",
            reference=THIRD,
            reference_label="1/3",
        )
    lost = int((~finite_S).sum())
    return f" Local exponents leave out {lost} of {finite_S.size} seeds: diverged." if lost else ""


def window_table(
    window: Window, name: str = measures.LOSS, floor: bool = False
) -> Callable[[Study], Table]:
    """Returns a table of the exponent in every window of the family that begins with `window`."""

    def exponent_by_window(study: Study) -> Table:
        found = measures.exponent(study, window, name, floor)
        rows = [
            [part.window[0], part.window[1], part.mean.value, part.mean.low, part.mean.high]
            for part in found.windows
        ]
        kind = "free exponent above a floor" if floor else "exponent"
        return Table(
            f"{study.name}: {kind} by fit window, {found.seeds} seeds",
            ["from τ", "to τ", "mean", "low", "high"],
            rows,
        )

    return exponent_by_window


def grid_scans(study: Study, rate: float = measures.HEADLINE_RATE) -> Figure:
    """Returns scans of a grid: its lowest temperature, and one learning rate (the nearest)."""
    grid = measures.grid(study)
    rates, temperatures = grid["learning_rate"].values, grid["temperature"].values
    data = study.data.groupby(["task.temperature", "optimizer.learning_rate"])
    data = data.mean("member", skipna=False)  # a cell's curve ends where a member of it diverged
    data = data.rename(measures.GRID_KEYS).isel(step=slice(1, None))
    coldest = data.isel(temperature=0).transpose("learning_rate", "step")
    column = data.sel(learning_rate=rate, method="nearest").transpose("temperature", "step")

    figure, axes = panels(2, 2)
    for ax, curves, values, label, title in (
        (axes[0], coldest, rates, "learning rate", f"temperature {temperatures[0]:g}"),
        (axes[2], column, temperatures, "temperature", f"learning rate {rate:.4g}"),
    ):
        loss = curves[measures.LOSS].values
        plots.loglog_curves(ax, curves["tau"].values, loss, values=values, value_label=label)
        ax.set(xlabel=TAU, ylabel="KL, nats")
        ax.set_title(title)
    row = grid.isel(temperature=0)
    plots.interval_plot(axes[1], rates, row["exponent"], row["low"], row["high"])
    axes[1].axhline(THIRD, color="grey", ls=":", lw=1)
    axes[1].set(xscale="log", xlabel="learning rate", ylabel="exponent")
    _temperature_panel(axes[3], study, grid.sel(learning_rate=rate, method="nearest"))

    optimizer = OPTIMIZERS[study.config.optimizer.name]
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"{optimizer}, means of {seeds} seeds. Above: learning rates at the lowest temperature; "
        f"below: temperatures at rate {rate:.4g}, with the theory's finite-temperature exponent "
        f"where u = β/β* at the middle of the window is below {TRUST_U}"
    )
    if study.config.optimizer.name == "sgd":
        caption += (
            ", and the exponent of the aligned flow for the same teachers in the same window; "
            "neither has a fitted constant"
        )
    caption += ". Intervals cover seeds and windows; the window is τ/τ_end in [0.025, 1]."
    title = f"{optimizer}: scans of learning rate and temperature"
    return Figure(f"{study.name.removesuffix('_grid')}_scans", title, caption, figure)


def _temperature_panel(ax: Axes, study: Study, cells: xr.Dataset) -> None:
    temperatures = cells["temperature"].values
    plots.interval_plot(
        ax, temperatures, cells["exponent"], cells["low"], cells["high"], label="measured"
    )
    u = cells["middle_beta"].values * np.sqrt(3) * temperatures
    trusted = u < TRUST_U
    theory = finite_temperature_exponent(u[trusted])
    ax.plot(temperatures[trusted], theory, "kx", ms=8, label="(1/3)(1+u)/(1-u)")
    if study.config.optimizer.name == "sgd":
        measured = cells.isel(temperature=np.isfinite(cells["exponent"].values))
        flows = [
            measures.flow_exponent(study, measured.sel(temperature=t)).value
            for t in measured["temperature"]
        ]
        ax.plot(measured["temperature"], flows, "k_", ms=12, mew=2, label="aligned flow")
    ax.axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    ax.set(xscale="log", yscale="log", xlabel="temperature", ylabel="exponent")
    plots.legend(ax)


def grid_map(study: Study) -> Figure:
    """Returns the map of a grid's exponents, with the theory's region of validity on it."""
    grid = measures.grid(study)
    rates, temperatures = grid["learning_rate"].values, grid["temperature"].values
    figure, (ax,) = panels(panel_height_inches=5.9)
    plots.heatmap(
        ax,
        grid["exponent"].values,
        rates,
        temperatures,
        lows_YxX=grid["low"].values,
        highs_YxX=grid["high"].values,
        centre=THIRD,
        band=(THIRD - 0.03, THIRD + 0.03),
    )
    ax.set(xlabel="learning rate", ylabel="temperature")
    _regime(ax, grid, study.config.task.classes)
    seeds = len(np.unique(study.data["seed"]))
    inside = int(measures.inside_regime(grid, study.config.task.classes).sum())
    caption = (
        f"All {grid['exponent'].size} cells, {seeds} seeds each: the exponent and half the width "
        "of its interval over seeds and windows. A bold frame: all of it lies within 1/3 ± 0.03. "
        "Hatched cells have no exponent: the table below says why. Lines: where the logit scale β "
        "at the middle of the window is 2 c0 (solid), 0.05 β* (dashed) and 0.3 β* (dotted); the "
        "theory expects 1/3 between the first two. A green dot: β lies between them throughout "
        f"the window ({inside} cells)."
    )
    optimizer = OPTIMIZERS[study.config.optimizer.name]
    title = f"{optimizer}: the exponent over the whole grid"
    return Figure(f"{study.name.removesuffix('_grid')}_map", title, caption, figure)


def _regime(ax: Axes, grid: xr.Dataset, classes: int) -> None:
    """Draws the edges of the regime of 1/3, and a dot in the cells that are inside throughout."""
    u_YxX = grid["middle_beta"].values / measures.beta_star(grid["temperature"].values)[:, None]
    low, _ = one_third_regime(classes)
    for value_YxX, level, style in (
        (grid["middle_beta"].values, low, "solid"),
        (u_YxX, 0.05, "dashed"),
        (u_YxX, TRUST_U, "dotted"),
    ):
        # A level that no cell reaches has no line; a single row or column has no area.
        if min(value_YxX.shape) > 1 and np.nanmin(value_YxX) < level < np.nanmax(value_YxX):
            ax.contour(value_YxX, [level], colors="black", linestyles=style, alpha=0.45, zorder=2)
    row_C, column_C = np.nonzero(measures.inside_regime(grid, classes))
    ax.plot(column_C + 0.38, row_C + 0.34, "o", color="C2", mec="white", ms=7, ls="none")


def grid_table(study: Study) -> Table:
    """Returns every cell of a grid."""
    grid = measures.grid(study)
    names = ("exponent", "low", "high", "seed_low", "seed_high", "end_loss", "middle_beta")
    rows = [
        [
            float(t),
            float(r),
            *(float(grid[name].sel(temperature=t, learning_rate=r)) for name in names),
            str(grid["note"].sel(temperature=t, learning_rate=r).item()),
        ]
        for t in grid["temperature"]
        for r in grid["learning_rate"]
    ]
    header = ["temperature", "learning rate", "exponent", "low", "high", "seeds low", "seeds high"]
    header += ["end loss, nats", "β at the middle", "note"]
    return Table(f"{study.name}: every cell, mean over seeds", header, rows)
