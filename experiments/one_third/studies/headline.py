"""The paper's teaser: Adam at one rate and temperature, over τ in [4, 162]."""

from __future__ import annotations

from experiments.one_third import measures
from experiments.one_third.drawing import OPTIMIZERS, TAU, fit_line, local_panel, window_table
from experiments.one_third.expected import PAPER
from experiments.one_third.studies import ADAM, TEACHER
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "headline": Expected(
        "Adam at rate 0.0811 and T = 1e-3: the loss falls as τ^-0.337 over τ in [4, 162]",
        f"{PAPER}, Fig. 1 (README of its code)",
        0.337,
        (0.322, 0.352),
        in_overview=True,
        short="Adam, the published cell",
    ),
    "headline_any_window": Expected(
        "The same cell: the exponent is 0.337 in every part of that window that keeps half of it",
        f"{PAPER}, Fig. 1; windows by this lab",
        0.337,
        (0.322, 0.352),
        in_overview=True,
        short="the same, in any window",
    ),
}

PINNED = (
    TEACHER
    | ADAM
    | {"task.temperature": 1e-3, "model.init_scale": 0.0, "window": (4.0, 162.0)}
    | {"optimizer.learning_rate": measures.HEADLINE_RATE, "train.steps": 2000}
)


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent in the published window, and over all windows."""
    found = measures.exponent(study)
    seeds = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
    detail = f"means of the windows: {found.window_low:.3f} to {found.window_high:.3f}"
    return {
        "headline": Measured(seeds, "interval over seeds, in the published window"),
        "headline_any_window": Measured(found, detail),
    }


def figures(study: Study) -> list[Figure]:
    """Returns the loss with its fit, and the local exponents."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    figure, (left, right) = panels(1, 2)
    name = study.config.optimizer.name
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["seeds"] * len(loss_SxR))
    left.set(xlabel=TAU, ylabel="KL on fresh batches, nats")
    without = fit_line(left, study) + local_panel(right, study, label="loss")
    caption = (
        f"{OPTIMIZERS.get(name, name)} at rate {study.config.optimizer.learning_rate:.4g}, "
        f"temperature {study.config.task.temperature:g}, {len(loss_SxR)} seeds. "
        "Left: the fit in the published window (shaded), with the interval over seeds and windows. "
        f"Right: the exponent in quarter-decades.{without}"
    )
    return [Figure("headline", "The headline: loss against τ", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponent in every window."""
    return [window_table(study)]
