"""Control: is a flat target, which has no best class, learned exponentially and not as a power law?

Prediction: at temperature 1 (β* = 0.58, far below c0 = 3.1) the loss of SGD falls exponentially, at
rate 2/n per τ with n = 128 classes: 0.015625 (arXiv 2602.03685, high-temperature regime).
Time: 5 seeds x 1000 steps; 10 seconds on two CPU cores.

python scripts/sweep.py --config=configs/one_third/flat.py --workdir=runs/flat
"""

from functools import cache, partial
from math import inf

import numpy as np

from experiments.one_third import measures, teacher
from experiments.one_third.words import PAPER, TAU
from jaxlab.analysis import theory
from jaxlab.analysis.estimate import Estimate
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.power_law import fit_exponential, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}
WINDOW = (50.0, 600.0)  # τ: after the first e-fold, before float32 ends the fall
HALVES = (50.0, 325.0), (325.0, 600.0)


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.temperature = 1.0
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 1.0
    config.train.steps = 1000
    config.records.every_steps = 10
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


@cache
def rates(study: Study, window: tuple[float, float] = WINDOW) -> np.ndarray:
    """Returns the rate per τ at which each seed's loss falls in a window: [S]."""
    pairs = zip(*measures.curves(study.data), strict=True)
    return np.array([fit_exponential(*pair, window=window).rate for pair in pairs])


def rate_in_any_half(study: Study) -> Estimate:
    """Measures the rate; its interval covers the seeds in the window and in each of its halves."""
    parts = [over_seeds(rates(study, window)) for window in (WINDOW, *HALVES)]
    return Estimate(
        value=parts[0].value,
        low=min(part.low for part in parts),
        high=max(part.high for part in parts),
        seeds=parts[0].seeds,
        covers="95 % over seeds, in the window and in each of its halves",
        detail=f"{parts[1].value:.5f} in the first half, {parts[2].value:.5f} in the second",
    )


def rate_over_theory(study: Study) -> Estimate:
    """Measures the rate over that of the aligned flow for the teacher of each seed."""
    tau_SxR = measures.curves(study.data).tau_SxR
    pairs = zip(tau_SxR, measures.aligned_theory(study)[1], strict=True)
    flow_S = np.array([fit_exponential(*pair, window=WINDOW).rate for pair in pairs])
    return over_seeds(rates(study) / flow_S, "the flow slows down as the run does")


def straightness(study: Study) -> Estimate:
    """Measures R² of a straight line through the logarithm of the loss against τ."""
    pairs = list(zip(*measures.curves(study.data), strict=True))
    power = max(fit_power_law(*pair, window=WINDOW).r_squared for pair in pairs)
    found_S = np.array([fit_exponential(*pair, window=WINDOW).r_squared for pair in pairs])
    return over_seeds(found_S, f"the best power law reaches {power:.3f}")


RATE = theory.exponential_rate(classes=128)
control = partial(Claim, kind=Kind.CONTROL)
CLAIMS = (
    control(
        "flat_rate",
        "On a flat target (temperature 1) the loss of SGD falls exponentially, at rate "
        "2/n = 0.015625 per τ for n = 128 classes, over τ in [50, 600]",
        expected=(0.97 * RATE, 1.03 * RATE),
        published=RATE,
        measure=lambda study: over_seeds(rates(study)),
        source=f"{PAPER}, high-temperature regime",
    ),
    control(
        "flat_rate_any_half",
        "On the flat target the rate is the same in each half of that window",
        expected=(0.97 * RATE, 1.03 * RATE),
        published=RATE,
        measure=rate_in_any_half,
        source=f"{PAPER}, high-temperature regime; halves by this lab",
    ),
    control(
        "flat_theory",
        "On the flat target the rate is that of the aligned flow (gradient flow of a student that "
        "has the teacher's directions), without any fitted constant (ratio of rates)",
        expected=(0.97, 1.03),
        published=1.0,
        measure=rate_over_theory,
        source=f"{PAPER}, aligned-student ansatz at finite β*; sampling by this lab",
    ),
    control(
        "flat_is_exponential",
        "On the flat target a straight line through the logarithm of the loss against τ has R² of "
        "at least 0.999",
        expected=(0.999, inf),
        measure=straightness,
        source=f"{PAPER}, high-temperature regime",
    ),
)


def semilogarithmic_loss(study: Study) -> Figure:
    """Returns the loss on a logarithmic axis, with an exponential and a power law."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    mean_R = loss_SxR.mean(axis=0)
    exponential = fit_exponential(tau_SxR[0], mean_R, window=WINDOW)
    power = fit_power_law(tau_SxR[0], mean_R, window=WINDOW)
    figure, (ax,) = panels()
    ax.plot(tau_SxR[0], loss_SxR.T, lw=1, color="C0", label=["seeds", *[""] * (len(loss_SxR) - 1)])
    ax.axvspan(*WINDOW, color="grey", alpha=0.08, lw=0)
    flow_R = measures.aligned_theory(study)[1].mean(axis=0)
    ax.plot(tau_SxR[0], flow_R, color="black", lw=1, ls=":", label="aligned flow")
    tau = np.linspace(*WINDOW, 200)
    label = f"exponential, rate {exponential.rate:.5f} (2/n = {RATE:.5f})"
    ax.plot(tau, exponential.predict(tau), "k--", label=label)
    ax.plot(tau, power.predict(tau), color="C1", label=f"power law, R² {power.r_squared:.3f}")
    ax.set(yscale="log", xlabel=TAU, ylabel="KL on fresh batches, nats")
    plots.legend(ax)
    caption = (
        "The control: at temperature 1 the target is flat. Semilogarithmic; the fits in the shaded "
        "window are to the mean of the seeds. The aligned flow is that of their own teachers."
    )
    return Figure("flat", "Control: a flat target is learned exponentially", caption, figure)


FIGURES = (semilogarithmic_loss,)
