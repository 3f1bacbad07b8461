"""Does a finite set that can be separated lose the exponent 1/3, having no near-ties left?

Prediction: yes. The loss falls as 1/τ and the norm of the weights grows only as ln τ, the classical
result for separable data (arXiv 1710.10345). A control: 64 examples of 16 classes, all of them in
every step of gradient descent.
Time: 5 seeds x 100 000 steps, 20 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/separable.py --workdir=runs/separable
"""

from experiments.one_third import figures, measures, teacher
from experiments.one_third.words import TAU
from jaxlab.analysis.estimate import Estimate
from jaxlab.analysis.estimators import exponent
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20},
}
WINDOW = (1e3, 1e5)  # τ
FIRST_DECADE, LAST_DECADE = (1e3, 1e4), (1e4, 1e5)
NORM = "param_norm"


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.task.classes = 16
    config.task.examples = 64
    config.train.batch_size = 64
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 1.0
    config.train.steps = 100_000
    config.records.every_steps = 10_000
    config.records.per_decade = 25
    config.eval.batches = 1  # all examples
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


def norm_growth(study: Study) -> Estimate:
    """Measures d ln|W| / d ln τ in the last decade of τ."""
    first, last = (
        exponent(metric=NORM, window=window, rising=True, seeds_only=True)(study)
        for window in (FIRST_DECADE, LAST_DECADE)
    )
    return last.noting(f"{first.value:.3f} in the decade before")


def figure_of_loss_and_norm(study: Study) -> Figure:
    """Returns the loss with its fit, and the norm on a linear axis."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    norm_SxR = measures.curves(study.data, NORM).value_SxR
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["seeds"] * len(loss_SxR))
    left.set(xlabel=TAU, ylabel="cross-entropy of the 64 examples, nats")
    without = figures.fit_line(left, study, WINDOW)
    plots.loglog_curves(right, tau_SxR, norm_SxR, labels=["seeds"] * len(norm_SxR))
    right.set(xlabel=TAU, ylabel="norm of the weights", yscale="linear")
    caption = (
        "Full-batch gradient descent on 64 examples that can be separated. Left: the loss, with "
        "its interval over seeds and fit windows. Right: the norm, on a linear axis, where a "
        f"logarithm is straight.{without}"
    )
    title = "Control: a separable set has no one third"
    return Figure("separable", title, caption, figure)


SOURCE = "arXiv 1710.10345: loss ~ 1/τ and norm ~ ln τ"
CLAIMS = (
    Claim(
        "separable_loss",
        "Control: 64 examples of 16 classes, all in every step: the loss falls as 1/τ",
        expected=(0.96, 1.02),
        published=1.0,
        measure=exponent(window=WINDOW),
        source=SOURCE,
        kind=Kind.CONTROL,
        heading="Controls",
        label="separable set",
    ),
    Claim(
        "separable_norm",
        "Control: the norm of the same weights follows no power of τ: d ln|W| / d ln τ sinks below "
        "0.15 in the last decade",
        expected=(0.0, 0.15),
        measure=norm_growth,
        source=SOURCE,
        kind=Kind.CONTROL,
    ),
)
FIGURES = (figure_of_loss_and_norm,)
