"""Control: a finite set that can be separated has no near-ties left, and no one third."""

from __future__ import annotations

from experiments.one_third import measures
from experiments.one_third.drawing import TAU, fit_line
from experiments.one_third.studies import SGD
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

NORM = "param_norm"

SOURCE = "arXiv 1710.10345: loss ~ 1/τ and norm ~ ln τ"

EXPECTED = {
    "separable_loss": Expected(
        "Control: 64 examples of 16 classes, all in every step: the loss falls as 1/τ",
        SOURCE,
        1.0,
        (0.96, 1.02),
        control=True,
        in_overview=True,
        group="control",
        short="separable set",
    ),
    "separable_norm": Expected(
        "Control: the same runs: the norm of the weights has no power, d ln|W| / d ln τ sinks "
        "below 0.15 in the last decade",
        SOURCE,
        None,
        (0.0, 0.15),
        control=True,
    ),
}

PINNED = (SGD | {"train.batch_size": 64}) | {
    "task.name": "teacher",
    "task.labels": "hard",
    "task.classes": 16,
    "task.examples": 64,
    "window": (1e3, 1e5),
}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent of the loss, and that of the norm in the last decade."""
    tau_SxR, norm_SxR = measures.curves(study.data, NORM)
    slopes = {}
    for window in (_first_decade(study), _last_decade(study)):
        pairs = zip(tau_SxR, norm_SxR, strict=True)
        slopes[window] = student_interval([measures.slope(*pair, window) for pair in pairs])
    first, last = slopes.values()
    detail = f"interval over seeds; {first.value:.3f} in the decade before"
    return {
        "separable_loss": Measured(measures.exponent(study)),
        "separable_norm": Measured(last, detail),
    }


def _first_decade(study: Study) -> tuple[float, float]:
    return study.config.window[0], study.config.window[1] / 10


def _last_decade(study: Study) -> tuple[float, float]:
    return study.config.window[1] / 10, study.config.window[1]


def figures(study: Study) -> list[Figure]:
    """Returns the loss with its fit, and the norm on a linear axis."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    norm_SxR = measures.curves(study.data, NORM).value_SxR
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["seeds"] * len(loss_SxR))
    left.set(xlabel=TAU, ylabel="cross-entropy of the 64 examples, nats")
    without = fit_line(left, study)
    plots.loglog_curves(right, tau_SxR, norm_SxR, labels=["seeds"] * len(norm_SxR))
    right.set(xlabel=TAU, ylabel="norm of the weights", yscale="linear")
    caption = (
        "Full-batch gradient descent on 64 examples that can be separated. Left: the loss, with "
        "its interval over seeds and windows. Right: the norm, on a linear axis, where a "
        f"logarithm is straight.{without}"
    )
    title = "Control: a separable set has no one third"
    return [Figure("separable", title, caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns none: the claims hold all numbers."""
    return []
