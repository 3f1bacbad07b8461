"""Once weight decay stops the logit scale, does the loss still fall as τ^(-1/3)? (Fig. 5c, d)

Prediction: the logit scale stops growing, yet the loss goes on as τ^(-1/3), by rotation of the
weights (arXiv 2602.03685, Fig. 5c, d: no numbers published).
AdamW with decay 0.05 at temperature 0.05 (β* = 11.5), batch 2048, learning rates 10^-3 to 1, and
the same without decay. β* lies outside the regime β << β* of the paper's own theory. The exponent
at the best rate is one point of a continuum: the table of cells has it at every rate.
Time: 2 decays x 13 rates x 5 seeds x 2000 steps, 3 minutes on two CPU cores. The paper: one seed.

python scripts/sweep.py --config=configs/one_third/weight_decay.py --workdir=runs/weight_decay
"""

from dataclasses import replace
from functools import cache
from math import inf, sqrt

import numpy as np

from experiments.one_third import measures, teacher
from experiments.one_third.cells import cells, seed_mean
from experiments.one_third.words import PAPER, TAU, THIRD
from jaxlab.analysis.estimate import Estimate, NotMeasurable, of_exponent
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "rates": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.temperature = 0.05
    config.optimizer.name = "adamw"
    config.train.steps = 2000
    config.train.batch_size = 2048
    config.records.every_steps = 20
    config.eval.channels = True
    config.rates = 13
    config.decays = (0.05, 0.0)  # without decay: the control
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds learning rates with and without decay, each with all seeds."""
    for decay in config.decays:
        for learning_rate in np.logspace(-3, 0, config.rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "optimizer.weight_decay": decay,
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )


@cache
def by_decay(study: Study) -> dict[float, Study]:
    """Returns the study's halves by weight decay, that without decay first."""
    found = cells(study.data, "optimizer.weight_decay")
    halves = {decay: replace(study, data=data) for (decay,), data in found}
    if len(halves) != 2 or min(halves) != 0:
        raise NotMeasurable(f"it needs runs with one decay and without, not {list(halves)}")
    return halves


@cache
def best_rate(study: Study) -> float:
    """Returns the rate with the lowest end loss with decay, of those that have an exponent."""
    row = measures.grid(by_decay(study)[max(by_decay(study))]).isel(temperature=0)
    losses = np.where(np.isfinite(row["exponent"].values), row["end_loss"].values, np.inf)
    if not np.isfinite(losses).any():
        raise NotMeasurable("no rate has an exponent with decay")
    return float(row["learning_rate"][int(np.argmin(losses))])


def scale_growth(half: Study, rate: float) -> np.ndarray:
    """Returns the exponent of the logit scale in the last half decade of τ, of each seed: [S]."""
    found = {own: data for (own,), data in cells(half.data, "optimizer.learning_rate")}
    tau_SxR, beta_SxR = measures.curves(found[rate], measures.SCALE)
    end = float(tau_SxR[0, -1])
    window = (end / sqrt(10), end)
    pairs = zip(tau_SxR, beta_SxR, strict=True)
    return np.array([measures.slope(tau_R, beta_R, window) for tau_R, beta_R in pairs])


def growth_with_decay(study: Study) -> Estimate:
    """Measures the exponent of the logit scale with decay at the best rate."""
    rate, (_, decayed) = best_rate(study), by_decay(study).values()
    cell = measures.grid(decayed).isel(temperature=0).sel(learning_rate=rate)
    target = float(measures.beta_star(study.config.task.temperature))
    detail = f"rate {rate:.4g}, β {float(cell['end_beta']):.2f} of β* = {target:.2f}"
    return over_seeds(scale_growth(decayed, rate), detail)


def growth_that_decay_takes(study: Study) -> Estimate:
    """Measures the exponent of the logit scale without decay minus that with it, same rate."""
    rate = best_rate(study)
    free_S, decayed_S = (scale_growth(half, rate) for half in by_decay(study).values())
    return over_seeds(free_S - decayed_S, f"without decay {free_S.mean():.3f}")


def loss_exponent(study: Study) -> Estimate:
    """Measures the exponent of the loss with decay at the best rate."""
    rate, (_, decayed) = best_rate(study), by_decay(study).values()
    row = measures.grid(decayed).isel(temperature=0)
    detail = (
        f"rate {rate:.4g}, one point of a continuum from {np.nanmax(row['exponent']):.2f} to "
        f"{np.nanmin(row['exponent']):.2f} over rates; for τ/τ_end in [0.025, 1]; "
        "`cause_decay_loss` checks why"
    )
    cell = row.sel(learning_rate=rate)
    return of_exponent(measures.cell_exponent(decayed, cell), detail=detail)


def figure_of_decay(study: Study) -> Figure:
    """Returns the scale at every rate with and without decay, and the exponents of both."""
    target = float(measures.beta_star(study.config.task.temperature))
    figure, axes = panels(2, 2)
    for ax, (decay, half) in zip(axes, sorted(by_decay(study).items(), reverse=True), strict=False):
        label, found = f"decay {decay:g}", cells(half.data, "optimizer.learning_rate")
        tau_UxR = np.stack([measures.curves(data).tau_SxR[0] for _, data in found])
        beta_UxR = np.stack([seed_mean(data, measures.SCALE) for _, data in found])
        rates = [rate for (rate,), _ in found]
        plots.loglog_curves(ax, tau_UxR, beta_UxR, values=rates, value_label="learning rate")
        ax.axhline(target, color="grey", ls=":", lw=1, label="β* of the teacher")
        ax.set(xlabel=TAU, ylabel="logit scale β", title=label)
        plots.legend(ax)
        row = measures.grid(half).isel(temperature=0)
        plots.interval_plot(axes[2], rates, row["exponent"], row["low"], row["high"], label=label)
        growth_Ux3 = np.full((len(rates), 3), np.nan)
        for place in np.flatnonzero(np.isfinite(row["exponent"].values)):
            own = over_seeds(scale_growth(half, rates[place]))
            growth_Ux3[place] = own.value, own.low, own.high
        plots.interval_plot(axes[3], rates, *growth_Ux3.T, label=label)
    for ax, label in ((axes[2], "exponent of the loss"), (axes[3], "growth exponent of β")):
        ax.set(xscale="log", xlabel="learning rate", ylabel=label)
        plots.legend(ax)
    axes[2].axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    axes[2].set_ylim(-0.6, 1.6)
    plots.legend(axes[2])
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"AdamW, temperature {study.config.task.temperature:g} (β* = {target:.1f}), means of "
        f"{seeds} seeds. Below left: the exponent of the loss for τ/τ_end in [0.025, 1] with "
        "intervals over seeds and fit windows; those beyond the axes are in the table of cells. "
        "Below right: that of the logit scale in the last half decade of τ, intervals over seeds. "
        "Without decay the theory does not expect 1/3 here: β is too close to β*."
    )
    return Figure("weight_decay", "Weight decay", caption, figure)


CLAIMS = (
    Claim(
        "decay_scale",
        "AdamW with decay 0.05 at T = 0.05, at the rate with the lowest end loss: the logit scale "
        "has stopped growing. Its growth exponent in the last half decade of τ",
        expected=(-0.05, 0.05),
        published=0.0,
        measure=growth_with_decay,
        source=f"{PAPER}, Fig. 5c, d; window by this lab",
    ),
    Claim(
        "decay_scale_without",
        "Control: without decay, at the rate at which decay 0.05 has the lowest end loss, the "
        "logit scale grows faster (its growth exponent in the last half decade of τ minus that "
        "with decay)",
        expected=(0.0, inf),
        measure=growth_that_decay_takes,
        source=f"{PAPER}, Fig. 5c, d; control by this lab",
        kind=Kind.CONTROL,
    ),
    Claim(
        "decay_loss",
        "AdamW with decay 0.05 at T = 0.05, at the rate with the lowest end loss: the loss still "
        "falls as τ^-1/3",
        expected=(THIRD - 0.05, THIRD + 0.05),
        published=THIRD,
        measure=loss_exponent,
        source=f"{PAPER}, Fig. 5c, d; β* = 11.5 lies outside the regime β << β* of its own theory",
        heading="The law",
        label="AdamW with decay, T = 0.05",
    ),
)
FIGURES = (figure_of_decay,)
