"""Do the radial and the tangential part of the loss fall as a follow-up says, with SGD and Adam?

Prediction: from step 1000 on, SGD at rate 20, batch 256 has exponents .34 (loss), .35 (radial), .33
(tangential), .33 (norm); Adam at rate 0.07, batch 64 has .48 (radial), .08 (tangential), .44
(norm): it has no exponent of its own (arXiv 2609.37745). One-hot labels. Exponents are against τ.
Time: both optimizers x 5 seeds x 20 000 steps; 40 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/channels.py --workdir=runs/channels
"""

from math import inf

import numpy as np

from experiments.one_third import measures, teacher
from experiments.one_third.words import TAU
from jaxlab.analysis.cells import cell
from jaxlab.analysis.estimate import Estimate
from jaxlab.analysis.estimators import exponent, over_seeds
from jaxlab.analysis.interval import exponent_interval
from jaxlab.analysis.power_law import fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, format_number
from jaxlab.report.figures import Figure, panels

CELLS = {"sgd": (20.0, 256), "adam": (0.07, 64)}  # learning rate, batch size
NAMES = {"sgd": "SGD at rate 20, batch 256", "adam": "Adam at rate 0.07, batch 64"}
FROM_STEP = 1000  # fits begin there, as published
WINDOWS = {name: (FROM_STEP * rate, inf) for name, (rate, _) in CELLS.items()}  # τ
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.train.steps = 20_000
    config.records.every_steps = 2_000
    config.records.per_decade = 25
    config.eval.channels = True
    config.eval.batches = 64
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds both optimizers, each with all seeds."""
    for name, (learning_rate, batch_size) in CELLS.items():
        for seed in range(config.seeds):
            add(
                **{
                    "optimizer.name": name,
                    "optimizer.learning_rate": learning_rate,
                    "train.batch_size": batch_size,
                    "seed": config.first_seed + seed,
                }
            )


FOLLOW_UP = "arXiv 2609.37745"
METRICS = {
    "loss": "eval_loss",
    "radial": "eval_loss_radial",
    "tangential": "eval_loss_tangential",
    "norm": "param_norm",
}
SENTENCES = {
    "loss": "the loss falls",
    "radial": "the radial part of the loss (the scale is not sharp enough) falls",
    "tangential": "the tangential part of the loss (wrong directions) falls",
    "norm": "the norm of the weights grows",
}
PUBLISHED = {  # exponents against τ from step 1000 on, all as positive numbers
    "sgd": {"loss": 0.34, "radial": 0.35, "tangential": 0.33, "norm": 0.33},
    "adam": {"radial": 0.48, "tangential": 0.08, "norm": 0.44},
}


def _claim(optimizer: str, part: str, value: float) -> Claim:
    rising = part == "norm"
    return Claim(
        f"channels_{optimizer}_{part}",
        f"{NAMES[optimizer]}, one-hot labels: from step {FROM_STEP} on {SENTENCES[part]} as "
        f"τ^{'' if rising else '-'}{value:.2f}",
        expected=(value - 0.04, value + 0.04),
        published=value,
        measure=exponent(
            {"optimizer.name": optimizer},
            metric=METRICS[part],
            window=WINDOWS[optimizer],
            rising=rising,
            seeds_only=True,
        ),
        source=FOLLOW_UP,
        heading="The law",
        label=f"{NAMES[optimizer].split()[0]}, one-hot labels: {part}",
    )


def _relation(optimizer: str) -> Claim:
    def measure(study: Study) -> Estimate:
        members = cell(study.data, {"optimizer.name": optimizer})
        radial, tangential = (
            exponent_interval(*measures.curves(members, METRICS[part]), window=WINDOWS[optimizer])
            for part in ("radial", "tangential")
        )
        sum_WxS = [
            2 * np.array(r.exponents) + np.array(t.exponents)
            for r, t in zip(radial.windows, tangential.windows, strict=True)
        ]
        low, high = min(map(np.mean, sum_WxS)), max(map(np.mean, sum_WxS))
        return over_seeds(
            sum_WxS[0], f"in this window; means of the windows: {low:.3f} to {high:.3f}"
        )

    return Claim(
        f"channels_{optimizer}_relation",
        f"{NAMES[optimizer]}: twice the exponent of the radial part plus that of the tangential "
        "part is 1",
        expected=(0.97, 1.07),
        published=1.0,
        measure=measure,
        source=f"{FOLLOW_UP}, radial flow slowed by the tangential part",
    )


CLAIMS = tuple(
    claim
    for optimizer, exponents in PUBLISHED.items()
    for claim in (
        *(_claim(optimizer, part, value) for part, value in exponents.items()),
        _relation(optimizer),
    )
)


def parts_of_the_loss(study: Study) -> Figure:
    """Returns the parts of the loss and the norm of the weights, a panel for each optimizer."""
    figure, axes = panels(1, 2)
    for ax, optimizer in zip(axes, CELLS, strict=True):
        members = cell(study.data, {"optimizer.name": optimizer})
        for number, (part, metric) in enumerate(METRICS.items()):
            tau_SxR, value_SxR = measures.curves(members, metric)
            mean_R, window = value_SxR.mean(axis=0), WINDOWS[optimizer]
            found = exponent_interval(tau_SxR, value_SxR, window=window)
            label = f"{part}: slope {format_number(-found.value, 3)}"
            ax.plot(tau_SxR[0], mean_R, color=f"C{number}", label=label)
            fit = fit_power_law(tau_SxR[0], mean_R, window=window)
            ax.plot(fit.window, fit.predict(np.array(fit.window)), "k", ls=(0, (4, 1.5)), lw=1)
        ax.set(xscale="log", yscale="log", xlabel=TAU, ylabel="nats (norm: of the weights)")
        ax.set_title(NAMES[optimizer])
        plots.legend(ax)
    caption = (
        "One-hot labels, means over seeds. Radial: the loss of the student's projection on the "
        "teacher's direction; tangential: the rest. Dashed: fits from step "
        f"{FROM_STEP} on; the claims have their intervals."
    )
    return Figure("channels", "Two channels of the loss: SGD and Adam", caption, figure)


FIGURES = (parts_of_the_loss,)
