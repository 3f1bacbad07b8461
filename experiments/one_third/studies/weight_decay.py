"""AdamW: with weight decay the scale stops growing, and the loss is said to go on as τ^-1/3."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf, sqrt

import numpy as np

from experiments.one_third import measures
from experiments.one_third.cells import cells, seed_mean
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import TEACHER
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "decay_scale": Expected(
        "AdamW with decay 0.05 at T = 0.05, at the rate with the lowest end loss: the logit scale "
        "has stopped growing. Its exponent in the last half decade of τ",
        f"{PAPER}, Fig. 5c, d; window by this lab",
        0.0,
        (-0.05, 0.05),
    ),
    "decay_scale_without": Expected(
        "Control: at the same rate without decay it grows faster (difference of these exponents)",
        f"{PAPER}, Fig. 5c, d; control by this lab",
        None,
        (0.0, inf),
        control=True,
    ),
    "decay_loss": Expected(
        "With decay, at that rate: the loss still falls as τ^-1/3",
        f"{PAPER}, Fig. 5c, d; β* = 11.5 lies outside the regime β << β* of its own theory",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="AdamW with decay, T = 0.05",
    ),
}
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | {
    "optimizer.name": "adamw",
    "schedule.name": "constant",
    "train.batch_size": 2048,
    "train.steps": 2000,
    "task.labels": "soft",
    "task.temperature": 0.05,
    "model.init_scale": 0.0,
}

DECAY, RATE = "optimizer.weight_decay", "optimizer.learning_rate"


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the growth of the scale with and without decay, and the exponent of the loss."""
    halves = by_decay(study)
    if len(halves) != 2 or min(halves) != 0:
        raise ValueError(f"it needs runs with one decay and without, not {list(halves)}")
    without, decayed = halves[min(halves)], halves[max(halves)]
    row = measures.grid(decayed).isel(temperature=0)
    if not np.isfinite(row["exponent"]).any():
        raise ValueError("no rate has an exponent with decay")
    losses = np.where(np.isfinite(row["exponent"].values), row["end_loss"].values, np.inf)
    cell = row.isel(learning_rate=int(np.argmin(losses)))
    rate = float(cell["learning_rate"])
    found = measures.cell_exponent(decayed, cell)
    growth_S, free_S = (_growth(half, rate) for half in (decayed, without))
    scales = f"β {float(cell['end_beta']):.2f} of β* = {_target(study):.2f}"
    return {
        "decay_scale": Measured(student_interval(growth_S), f"rate {rate:.4g}, {scales}"),
        "decay_scale_without": Measured(
            student_interval(free_S - growth_S), f"without decay {free_S.mean():.3f}"
        ),
        "decay_loss": Measured(
            found,
            f"rate {rate:.4g}; from {np.nanmax(row['exponent']):.2f} to "
            f"{np.nanmin(row['exponent']):.2f} over rates; for τ/τ_end in [0.025, 1]; "
            "`cause_decay_loss` checks why",
        ),
    }


@cache
def by_decay(study: Study) -> dict[float, Study]:
    """Returns the study's parts by weight decay, the lowest first."""
    return {decay: replace(study, data=data) for (decay,), data in cells(study.data, DECAY)}


def _growth(half: Study, rate: float) -> np.ndarray:
    """The exponent of the logit scale in the last half decade of τ, [S]."""
    ((_, data),) = [cell for cell in cells(half.data, RATE) if np.isclose(cell.values[0], rate)]
    tau_SxR, beta_SxR = measures.curves(data, measures.SCALE)
    end = float(tau_SxR[0, -1])
    window = (end / sqrt(10), end)
    return np.array(
        [
            measures.slope(tau_R, beta_R, window)
            for tau_R, beta_R in zip(tau_SxR, beta_SxR, strict=True)
        ]
    )


def _target(study: Study) -> float:
    return float(measures.beta_star(study.config.task.temperature))


def figures(study: Study) -> list[Figure]:
    """Returns loss and scale at every rate with and without decay, and their exponents."""
    halves = by_decay(study)
    figure, axes = panels(3, 2)
    for column, (decay, half) in enumerate(sorted(halves.items(), reverse=True)):
        found = cells(half.data, RATE)
        for ax, name, label in (
            (axes[column], measures.LOSS, "KL on fresh batches, nats"),
            (axes[2 + column], measures.SCALE, "logit scale β"),
        ):
            plots.loglog_curves(
                ax,
                np.stack([measures.curves(data).tau_SxR[0] for _, data in found]),
                np.stack([seed_mean(data, name) for _, data in found]),
                values=[rate for (rate,), _ in found],
                value_label="learning rate",
            )
            ax.set(xlabel=TAU, ylabel=label, title=f"weight decay {decay:g}")
        axes[2 + column].axhline(_target(study), color="grey", ls=":", lw=1, label="β*")
        plots.legend(axes[2 + column])
        row = measures.grid(half).isel(temperature=0)
        label = f"decay {decay:g}"
        rates = row["learning_rate"]
        plots.interval_plot(axes[4], rates, row["exponent"], row["low"], row["high"], label=label)
        colour = axes[4].lines[-1].get_color()  # of this series
        axes[5].loglog(rates, row["end_loss"], "o-", color=colour, label=label)
    for ax, label in ((axes[4], "exponent of the loss"), (axes[5], "end loss, nats")):
        ax.set(xscale="log", xlabel="learning rate", ylabel=label)
    axes[4].axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    axes[4].set_ylim(-0.6, 1.6)
    plots.legend(axes[4])
    plots.legend(axes[5])
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"AdamW, temperature {study.config.task.temperature:g} (β* = {_target(study):.1f}), means "
        f"of {seeds} seeds; with decay on the left, without on the right. Below: the exponent for "
        "τ/τ_end in [0.025, 1] with intervals over seeds and windows, and the loss at the end. "
        "Exponents beyond the axes are in the table. Without decay the theory does not expect 1/3 "
        "here: β is too close to β*."
    )
    return [Figure("weight_decay", "Weight decay", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every rate with and without decay."""
    rows = []
    for decay, half in by_decay(study).items():
        row = measures.grid(half).isel(temperature=0)
        for rate in row["learning_rate"].values.tolist():
            cell = row.sel(learning_rate=rate)
            numbers = [float(cell[name]) for name in ("exponent", "low", "high")]
            growth = _growth(half, rate).mean() if np.isfinite(numbers[0]) else None
            ends = [float(cell["end_loss"]), growth, float(cell["end_beta"])]
            rows.append([decay, rate, *numbers, *ends, str(cell["note"].item())])
    header = ["decay", "rate", "exponent", "low", "high", "end loss, nats"]
    header += ["exponent of β, last half decade", "β at the end", "note"]
    return [Table("weight_decay: every rate, mean over seeds", header, rows)]
