"""Does the density of near-ties between the best two classes set the exponent?

Prediction: two classes whose margins d have a density ~ d^ν learn as τ^-((ν+1)/(ν+3)): 1/3, 1/2,
3/5 for ν = 0, 1, 2, with a logit scale ~ τ^(1/(ν+3)). A hard gap must not give 1/3: without margins
below 0.25 the loss goes as 1/τ, the classical separable result (derived in this lab; arXiv
2609.37745 has the same). SGD; the exact flow lies over the curves without a fitted constant.
Time: 4 cells x 5 seeds x 30 000 steps, 60 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/margins.py --workdir=runs/margins
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from experiments.one_third import margin, measures
from experiments.one_third.cells import worst
from experiments.one_third.words import TAU, THIRD
from jaxlab.analysis import estimators
from jaxlab.analysis.cells import cell
from jaxlab.analysis.estimate import SEEDS_AND_STEPS, Estimate, NotMeasurable
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import margin_flow
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind, format_estimate
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}
CELLS = {  # density ν, gap -> name
    (0.0, 0.0): "density ~ 1",
    (1.0, 0.0): "density ~ d",
    (2.0, 0.0): "density ~ d²",
    (0.0, 0.25): "gap 0.25",
}
WINDOW = (3e3, 3e5)  # τ


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = margin.config()
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 10.0
    config.train.steps = 30_000
    config.records.every_steps = 3_000
    config.records.per_decade = 25
    config.eval.batches = 64
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds three densities and a gap, each with all seeds."""
    for density, gap in CELLS:
        for seed in range(config.seeds):
            add(**{"task.density": density, "task.gap": gap, "seed": config.first_seed + seed})


LOSS, SCALE, ERROR = measures.LOSS, "eval_logit_scale", "eval_error"


def curves(study: Study, density: float, gap: float, metric: str) -> measures.Curves:
    """Returns a metric of a cell after the start."""
    return measures.curves(cell(study.data, {"task.density": density, "task.gap": gap}), metric)


@cache
def flow(study: Study, density: float, gap: float, metric: str) -> np.ndarray:
    """Returns the logit scale or loss of a cell's exact flow at its logging steps: [R]."""
    tau_R = curves(study, density, gap, LOSS).tau_SxR[0]
    # The logits of both classes move, so their difference moves twice: c = 2.
    beta_R, loss_R, _ = margin_flow(tau_R, density, gap, c=2.0)
    return beta_R if metric == SCALE else loss_R


def flow_exponent(study: Study, density: float, gap: float, metric: str) -> float:
    """Returns the exponent of the exact flow in the window, positive for the logit scale too."""
    tau_R = curves(study, density, gap, LOSS).tau_SxR[0]
    return abs(measures.slope(tau_R, flow(study, density, gap, metric), WINDOW))


def exponent(density: float, gap: float = 0.0, metric: str = LOSS) -> Callable[[Study], Estimate]:
    """Measures the exponent of a cell, positive for the logit scale too."""
    values = {"task.density": density, "task.gap": gap}
    own = estimators.exponent(values, metric=metric, window=WINDOW, rising=metric == SCALE)

    def measure(study: Study) -> Estimate:
        exact = flow_exponent(study, density, gap, metric)
        return own(study).noting(f"the exact flow has {exact:.4f} in this window")

    return measure


def loss_over_flow(study: Study) -> Estimate:
    """Measures the loss over that of the exact flow, of the density where it is farthest from 1."""
    found = []
    for density, gap in CELLS:
        if gap:
            continue
        tau_SxR, loss_SxR = curves(study, density, gap, LOSS)
        inside_R = (tau_SxR[0] >= WINDOW[0]) & (tau_SxR[0] <= WINDOW[1])
        flow_R = flow(study, density, gap, LOSS)[inside_R]
        found.append(estimators.ratio_to_theory(loss_SxR[:, inside_R], flow_R))
    shown = ", ".join(format_estimate(part.value, part.low, part.high) for part in found)
    detail = f"means over the window: {shown} for ν = 0, 1, 2"
    return worst(found, 1.0, covers=f"{SEEDS_AND_STEPS}, for every density", detail=detail)


def figure_of_densities(study: Study) -> Figure:
    """Returns loss and logit scale of the four cells, with the exact flow over them."""
    figure, axes = panels(1, 2)
    names = (LOSS, "cross-entropy, nats"), (SCALE, "logit scale β")
    for ax, (metric, label) in zip(axes, names, strict=True):
        ax.axvspan(*WINDOW, color="grey", alpha=0.08, lw=0)
        for (values, name), colour in zip(CELLS.items(), CATEGORY_COLOURS, strict=False):
            tau_SxR, value_SxR = curves(study, *values, metric)
            ax.plot(tau_SxR[0], value_SxR.mean(axis=0), color=colour, label=name)
            ax.plot(tau_SxR[0], flow(study, *values, metric), color="black", ls=":", lw=1.3)
        ax.lines[-1].set_label("exact flow")
        ax.set(xscale="log", yscale="log", xlabel=TAU, ylabel=label)
        plots.legend(ax)
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"SGD on two classes whose margins d have a given density, means of {seeds} seeds. Dotted: "
        "the exact flow of the scale, without a fitted constant. The table has the exponents in "
        "the shaded window, and those of the error where the evaluation saw an error at every "
        "logging step."
    )
    return Figure("margins", "The density of near-ties sets the exponent", caption, figure)


def exponent_table(study: Study) -> Table:
    """Returns the exponents of loss, logit scale and error, with the exact flow's."""
    rows: list[list[float | str | None]] = []
    for values in CELLS:
        for name, metric in (("loss", LOSS), ("logit scale", SCALE), ("error", ERROR)):
            exact = None if metric == ERROR else flow_exponent(study, *values, metric)
            try:
                found = exponent(*values, metric)(study)
                numbers = [found.value, found.low, found.high, exact, ""]
            except NotMeasurable as error:  # an error of 0 has no logarithm
                numbers = [None, None, None, exact, str(error)]
            rows.append([*values, name, *numbers])
    header = ["density ν", "gap", "of", "exponent", "low", "high", "exact flow", "note"]
    return Table("margins: exponents over seeds and fit windows", header, rows)


SOURCE = "two-class flow by this lab; arXiv 2609.37745 has the same"
CLAIMS = (
    Claim(
        "margins_0_loss",
        "Two classes, margins of constant density at 0: the loss falls as τ^-1/3",
        expected=(THIRD - 0.02, THIRD + 0.02),
        published=THIRD,
        measure=exponent(0.0),
        source=SOURCE,
        heading="The law",
        label="margin density ~ 1",
    ),
    Claim(
        "margins_0_scale",
        "Two classes, margins of constant density at 0: the logit scale grows as τ^1/3",
        expected=(THIRD - 0.02, THIRD + 0.02),
        published=THIRD,
        measure=exponent(0.0, metric=SCALE),
        source=SOURCE,
    ),
    Claim(
        "margins_1_loss",
        "Control: with a margin density ~ d the loss falls as τ^-1/2, not as τ^-1/3",
        expected=(0.48, 0.54),
        published=1 / 2,
        measure=exponent(1.0),
        source=SOURCE,
        kind=Kind.CONTROL,
        heading="Controls",
        label="margin density ~ d",
    ),
    Claim(
        "margins_1_scale",
        "Control: with a margin density ~ d the logit scale grows as τ^1/4",
        expected=(0.245, 0.275),
        published=1 / 4,
        measure=exponent(1.0, metric=SCALE),
        source=SOURCE,
        kind=Kind.CONTROL,
    ),
    Claim(
        "margins_2_loss",
        "Control: with a margin density ~ d² the loss falls as τ^-3/5, not as τ^-1/3",
        expected=(0.57, 0.63),
        published=3 / 5,
        measure=exponent(2.0),
        source=SOURCE,
        kind=Kind.CONTROL,
        heading="Controls",
        label="margin density ~ d²",
    ),
    Claim(
        "margins_2_scale",
        "Control: with a margin density ~ d² the logit scale grows as τ^1/5",
        expected=(0.185, 0.215),
        published=1 / 5,
        measure=exponent(2.0, metric=SCALE),
        source=SOURCE,
        kind=Kind.CONTROL,
    ),
    Claim(
        "margins_gap",
        "Control: without margins below 0.25 the loss falls nearly as 1/τ (faster than τ^-0.8)",
        expected=(0.8, 1.05),
        published=1.0,
        measure=exponent(0.0, gap=0.25),
        source=f"arXiv 1710.10345, separable data; {SOURCE}",
        kind=Kind.CONTROL,
        heading="Controls",
        label="margins above a gap",
    ),
    Claim(
        "margins_flow",
        "The three densities: the loss is that of the exact flow, which has no fitted constant "
        "(ratio, of the density where it is farthest from 1)",
        expected=(0.9, 1.1),
        published=1.0,
        measure=loss_over_flow,
        source="quadrature by this lab",
    ),
)
FIGURES = (figure_of_densities,)
TABLES = (exponent_table,)
