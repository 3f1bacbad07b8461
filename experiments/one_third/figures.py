"""The figures and tables of the one-third experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.one_third import measures
from jaxlab.analysis.local_exponent import local_exponents
from jaxlab.analysis.power_law import fit_exponential, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import finite_temperature_exponent
from jaxlab.report import plots
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

THIRD = 1 / 3
TAU = "τ, the sum of learning rates"
MIN_RECORDS = 15  # in a window, so that its parts can be fitted too
TRUST_U = 0.3  # beyond, the closed finite-temperature form is off by more than 5 %


def figures(studies: Mapping[str, Study]) -> list[Figure]:
    """Returns the figures of the studies at hand; draw inside `house_style()`."""
    makers: dict[str, Callable[[Study], list[Figure]]] = {
        "headline": _headline,
        "adam_grid": _adam_grid,
        "hard_labels": _hard_labels,
        "flat": _flat,
        "text": _text,
    }
    return [
        figure
        for name, maker in makers.items()
        if name in studies and _can_be_fitted(studies[name])
        for figure in maker(studies[name])
    ]


def tables(studies: Mapping[str, Study]) -> list[Table]:
    """Returns the numbers behind the figures: every cell and every window."""
    found = []
    for name in ("headline", "hard_labels", "text"):
        if name in studies and _can_be_fitted(studies[name]):
            found.append(_window_table(studies[name]))
    if "adam_grid" in studies and _can_be_fitted(studies["adam_grid"]):
        found.append(_grid_table(studies["adam_grid"]))
    return found


def _can_be_fitted(study: Study) -> bool:
    """Whether all members have what their fits need: enough records in the window, all above 0."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    if study.name == "adam_grid":  # each cell is fitted over most of its own τ, and may have none
        return loss_SxR.shape[1] >= MIN_RECORDS
    low, high = study.config.window
    inside_SxR = (tau_SxR >= low) & (tau_SxR <= high)
    enough = inside_SxR.sum(axis=1).min() >= MIN_RECORDS
    return bool(enough and np.isfinite(loss_SxR).all() and (loss_SxR[inside_SxR] > 0).all())


def _headline(study: Study) -> list[Figure]:
    tau_SxR, loss_SxR = measures.curves(study.data)
    found = measures.exponent(study)
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["seeds"] * len(loss_SxR))
    _fit_line(left, tau_SxR[0], loss_SxR.mean(axis=0), study.config.window, found)
    left.set(xlabel=TAU, ylabel="KL on fresh batches, nats")
    _local_panel(right, study, measures.LOSS, "loss")
    caption = (
        f"Adam at rate {study.config.optimizer.learning_rate:.4f}, temperature "
        f"{study.config.task.temperature:g}, {found.seeds} seeds. Left: the fit in the published "
        "window (shaded), with the interval over seeds and windows. Right: the exponent in "
        "quarter-decades."
    )
    return [Figure("headline", "The headline: loss against τ", caption, figure)]


def _hard_labels(study: Study) -> list[Figure]:
    tau_SxR, loss_SxR = measures.curves(study.data)
    scale_SxR = measures.curves(study.data, "eval_logit_std").value_SxR
    beta_SxR, theory_SxR = measures.aligned_theory(study)
    tau_R = tau_SxR[0]
    figure, axes = panels(2, 2)
    for ax, measured_SxR, flow_SxR, name in (
        (axes[0], loss_SxR, theory_SxR, measures.LOSS),
        (axes[1], scale_SxR, beta_SxR, "eval_logit_std"),
    ):
        plots.loglog_curves(ax, tau_SxR, measured_SxR, labels=["seeds"] * len(measured_SxR))
        ax.plot(tau_R, flow_SxR.mean(axis=0), color="black", lw=1, ls=":", label="aligned flow")
        found = measures.exponent(study, name)
        _fit_line(ax, tau_R, measured_SxR.mean(axis=0), study.config.window, found)
        ax.set_xlabel(TAU)
    axes[0].set_ylabel("cross-entropy, nats")
    axes[1].set_ylabel("logit scale β")
    for ax, name, flow_SxR, label in (
        (axes[2], measures.LOSS, theory_SxR, "loss"),
        (axes[3], "eval_logit_std", 1 / beta_SxR, "logit scale"),
    ):
        _local_panel(ax, study, name, label)
        late_R = tau_R >= tau_R[-1] / 1e3
        local = local_exponents(tau_R[late_R], flow_SxR.mean(axis=0)[late_R], per_decade=4)
        ax.plot(local.centre, local.exponent, color="black", lw=1, ls="--", label="aligned flow")
        plots.legend(ax)
    caption = (
        f"SGD at rate {study.config.optimizer.learning_rate:g} on hard labels, {len(loss_SxR)} "
        "seeds, each with its own teacher. The dotted line is the aligned flow of the theory for "
        "those teachers, on the same τ, without any fitted constant. Below: local exponents."
    )
    return [Figure("hard_labels", "SGD on hard labels, with the theory over it", caption, figure)]


def _flat(study: Study) -> list[Figure]:
    tau_SxR, loss_SxR = measures.curves(study.data)
    low, high = study.config.window
    mean_R = loss_SxR.mean(axis=0)
    exponential = fit_exponential(tau_SxR[0], mean_R, window=(low, high))
    power = fit_power_law(tau_SxR[0], mean_R, window=(low, high))
    figure, (ax,) = panels()
    for number, loss_R in enumerate(loss_SxR):
        ax.plot(tau_SxR[0], loss_R, lw=1, color="C0", label="" if number else "seeds")
    tau = np.linspace(low, high, 200)
    ax.axvspan(low, high, color="grey", alpha=0.08, lw=0)
    label = f"exponential, rate {exponential.rate:.5f} (2/n = {2 / study.config.task.classes:.5f})"
    ax.plot(tau, exponential.predict(tau), "k--", label=label)
    ax.plot(tau, power.predict(tau), color="C1", label=f"power law, R² {power.r_squared:.3f}")
    flow_R = measures.aligned_theory(study)[1].mean(axis=0)
    ax.plot(tau_SxR[0], flow_R, color="black", lw=1, ls=":", label="aligned flow")
    ax.set(yscale="log", xlabel=TAU, ylabel="KL on fresh batches, nats")
    plots.legend(ax)
    caption = (
        "The control: at temperature 1 the target is flat. Semilogarithmic; the fits in the shaded "
        "window are to the mean of the seeds. The aligned flow is that of their own teachers."
    )
    return [Figure("flat", "Control: a flat target is learned exponentially", caption, figure)]


def _adam_grid(study: Study) -> list[Figure]:
    grid = measures.grid(study)
    rates, temperatures = grid["learning_rate"].values, grid["temperature"].values
    data = study.data.groupby(["task.temperature", "optimizer.learning_rate"])
    data = data.mean("member", skipna=False)  # a cell's curve ends where a member of it diverged
    data = data.rename(
        {"task.temperature": "temperature", "optimizer.learning_rate": "learning_rate"}
    ).isel(step=slice(1, None))

    scans, axes = panels(2, 2)
    coldest = data.isel(temperature=0).transpose("learning_rate", "step")
    plots.loglog_curves(
        axes[0],
        coldest["tau"].values,
        coldest[measures.LOSS].values,
        values=rates,
        value_label="learning rate",
    )
    axes[0].set(xlabel=TAU, ylabel="KL, nats")
    axes[0].set_title(f"temperature {temperatures[0]:g}")
    row = grid.isel(temperature=0)
    plots.interval_plot(axes[1], rates, row["exponent"], row["low"], row["high"])
    axes[1].axhline(THIRD, color="grey", ls=":", lw=1)
    axes[1].set(xscale="log", xlabel="learning rate", ylabel="exponent")

    nearest = {"learning_rate": measures.HEADLINE_RATE, "method": "nearest"}
    column = data.sel(**nearest).transpose("temperature", "step")
    plots.loglog_curves(
        axes[2],
        column["tau"].values,
        column[measures.LOSS].values,
        values=temperatures,
        value_label="temperature",
    )
    axes[2].set(xlabel=TAU, ylabel="KL, nats")
    axes[2].set_title(f"learning rate {float(column['learning_rate']):.4f}")
    cells = grid.sel(**nearest)
    plots.interval_plot(
        axes[3], temperatures, cells["exponent"], cells["low"], cells["high"], label="measured"
    )
    u = cells["middle_beta"].values * np.sqrt(3) * temperatures
    trusted = u < TRUST_U
    theory = finite_temperature_exponent(u[trusted])
    axes[3].plot(temperatures[trusted], theory, "kx", ms=8, label="(1/3)(1+u)/(1-u)")
    axes[3].axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    axes[3].set(xscale="log", yscale="log", xlabel="temperature", ylabel="exponent")
    plots.legend(axes[3])

    map_figure, (ax,) = panels(panel_height_inches=5.6)
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
    seeds = len(np.unique(study.data["seed"]))
    scan_caption = (
        f"Adam, means of {seeds} seeds. Above: learning rates at the lowest temperature; below: "
        "temperatures at the headline's rate, with the theory's finite-temperature exponent where "
        f"u = β/β* at the middle of the window is below {TRUST_U}. Intervals cover seeds and "
        "windows; the window is τ/τ_end in [0.025, 1]."
    )
    map_caption = (
        f"All {grid['exponent'].size} cells, {seeds} seeds each: the exponent and half the width "
        "of its interval over seeds and windows. A bold frame: all of it lies "
        "within 1/3 ± 0.03. "
        "Hatched cells have no exponent: the table below says why."
    )
    return [
        Figure("adam_scans", "Adam: scans of learning rate and temperature", scan_caption, scans),
        Figure("adam_map", "Adam: the exponent over the whole grid", map_caption, map_figure),
    ]


def _text(study: Study) -> list[Figure]:
    tau_SxR, loss_SxR = measures.curves(study.data, "loss")
    _, fresh_SxR = measures.curves(study.data)
    found = measures.exponent(study, "loss", floor=True)
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["training"] * len(loss_SxR))
    fresh_R = fresh_SxR.mean(axis=0)
    left.plot(tau_SxR[0], fresh_R, color="C1", lw=1, label="validation files, new batches")
    mean_R = loss_SxR.mean(axis=0)
    fit = fit_power_law(tau_SxR[0], mean_R, window=study.config.window, floor=True)
    plots.power_law_line(
        left,
        fit.exponent,
        fit.amplitude,
        fit.window,
        floor=fit.floor,
        interval=(found.low, found.high),
    )
    left.set(xlabel=TAU, ylabel="nats per byte")
    starts = [f"{low:.2g}-{high:.2g}" for low, high in (w.window for w in found.windows)]
    means = [window.mean for window in found.windows]
    ends = [m.low for m in means], [m.high for m in means]
    place_W = np.arange(len(means))
    plots.interval_plot(right, place_W, [m.value for m in means], *ends)
    right.axhline(THIRD, color="grey", ls=":", lw=1)
    right.set(xlabel="fit window in τ", ylabel="free exponent above a floor", xscale="linear")
    right.set_xticks(place_W, starts, rotation=30)
    windows = study.runs[0].environment["data"]["train"]["windows"]
    epochs = study.config.train.steps * study.config.train.batch_size / windows
    caption = (
        f"Next byte of the Python standard library, {len(loss_SxR)} seeds, {epochs:.2f} epochs. "
        "The fit is of the training loss, averaged between records; within an epoch no target "
        "comes twice. Right: the exponent in each window of the family, with seed intervals."
    )
    return [Figure("text", "Real text, with its free exponent", caption, figure)]


def _fit_line(ax, tau_R, mean_R, window, found) -> None:
    fit = fit_power_law(tau_R, mean_R, window=window)
    sign = np.sign(fit.exponent)  # a logit scale rises: its fit has a negative exponent
    ends = sorted((sign * found.low, sign * found.high))
    plots.power_law_line(ax, fit.exponent, fit.amplitude, fit.window, interval=(ends[0], ends[1]))


def _local_panel(ax, study: Study, name: str, label: str) -> None:
    tau_SxR, value_SxR = measures.curves(study.data, name)
    sign = -1 if name == "eval_logit_std" else 1
    tau_R = tau_SxR[0]
    late_R = tau_R >= max(tau_R[0], tau_R[-1] / 1e3)
    locals_S = [
        local_exponents(tau_R[late_R], value_R[late_R] ** sign, per_decade=4)
        for value_R in value_SxR
    ]
    plots.local_exponent_plot(
        ax,
        locals_S[0].centre,
        [local.exponent for local in locals_S],
        label=f"{label}: mean and range of seeds",
        reference=THIRD,
        reference_label="1/3",
    )
    ax.set(xlabel=TAU, ylabel="local exponent")


def _window_table(study: Study) -> Table:
    floor = study.name == "text"
    found = measures.exponent(study, "loss" if floor else measures.LOSS, floor=floor)
    rows = [
        [window.window[0], window.window[1], window.mean.value, window.mean.low, window.mean.high]
        for window in found.windows
    ]
    kind = "free exponent above a floor" if floor else "exponent"
    return Table(
        f"{study.name}: {kind} by fit window, {found.seeds} seeds",
        ["from τ", "to τ", "mean", "low", "high"],
        rows,
    )


def _grid_table(study: Study) -> Table:
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
    return Table("adam_grid: every cell, mean over seeds", header, rows)
