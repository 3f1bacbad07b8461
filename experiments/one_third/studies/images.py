"""Real images: does the training loss of a small network obey the law?"""

from __future__ import annotations

import numpy as np

from experiments.one_third import measures
from experiments.one_third.drawing import TAU, fit_line, local_panel, window_table
from experiments.one_third.expected import PAPER, THIRD
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

TEST_LOSS = "eval_test_loss"

EXPECTED = {
    "images_loss": Expected(
        "Real images (Fashion-MNIST), a network of ten hidden units: training loss falls as τ^-1/3",
        f"{PAPER}, App. D.8: 0.35 for MNIST, reported second hand",
        0.35,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="real images",
    ),
    "images_scale": Expected(
        "The same runs: the logit scale grows as τ^1/3",
        f"{PAPER}, section 3; that it holds here is this lab's extrapolation",
        None,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="real images: logit scale",
    ),
    "images_test": Expected(
        "The loss on test images falls more slowly: training minus test exponent",
        "control by this lab: the law is of the loss that is minimised",
        None,
        (0.0, np.inf),
        group="control",
    ),
}

PINNED = {
    "task.name": "images",
    "task.dataset": "fashion_mnist",
    "model.hidden": 10,
    "optimizer.name": "adam",
    "optimizer.learning_rate": 1e-3,
    "schedule.name": "constant",
}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponents of loss and logit scale, and how much slower the test loss falls."""
    loss = measures.exponent(study)
    test = measures.exponent(study, TEST_LOSS)
    above = measures.exponent(study, floor=True)
    windows = zip(loss.windows, test.windows, strict=True)
    slower = [
        student_interval(np.subtract(own.exponents, other.exponents)) for own, other in windows
    ]
    ends = min(part.low for part in slower), max(part.high for part in slower)
    floor = f"above a free floor it is {above.value:.3f} [{above.low:.3f}, {above.high:.3f}]"
    return {
        "images_loss": Measured(loss, f"straight in log-log, as the law says; {floor}"),
        "images_scale": Measured(measures.exponent(study, measures.SCALE)),
        "images_test": Measured(
            Interval(slower[0].value, *ends, loss.seeds, loss.level),
            f"test exponent {test.value:.3f} [{test.low:.3f}, {test.high:.3f}]; paired by seed and "
            "window",
        ),
    }


def figures(study: Study) -> list[Figure]:
    """Returns training and test loss, the logit scale, and local exponents."""
    tau_SxR, loss_SxR = measures.curves(study.data)
    test_SxR = measures.curves(study.data, TEST_LOSS).value_SxR
    scale_SxR = measures.curves(study.data, measures.SCALE).value_SxR
    seeds = len(loss_SxR)
    figure, axes = panels(2, 2)
    plots.loglog_curves(
        axes[0],
        np.concatenate([tau_SxR, tau_SxR]),
        np.concatenate([loss_SxR, test_SxR]),
        labels=["training images"] * seeds + ["test images"] * seeds,
    )
    without = fit_line(axes[0], study)
    axes[0].set(xlabel=TAU, ylabel="cross-entropy, nats")
    plots.loglog_curves(axes[1], tau_SxR, scale_SxR, labels=["seeds"] * seeds)
    fit_line(axes[1], study, measures.SCALE)
    axes[1].set(xlabel=TAU, ylabel="logit scale β")
    left_out = local_panel(axes[2], study)
    local_panel(axes[3], study, measures.SCALE, "logit scale")
    train = study.runs[0].environment["data"]["train"]
    caption = (
        f"{train['dataset']}, batches of {study.config.train.batch_size} of {train['examples']} "
        f"images, {seeds} seeds. Every loss is by the statistics of its own batch, as batch norm "
        "has them in training. Below: the exponents of training loss and logit scale in "
        f"quarter-decades.{without}{left_out}"
    )
    return [Figure("images", "Real images: training and test loss", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponent in every window, and what the network reaches at the end."""
    end = study.data.isel(step=-1)
    names = {
        "eval_loss": "training loss, nats",
        TEST_LOSS: "test loss, nats",
        "eval_error": "training error",
        "eval_test_error": "test error",
        measures.SCALE: "logit scale",
    }
    ends_S = [
        [str(int(seed)), *(float(end[name].values[place]) for name in names)]
        for place, seed in enumerate(end["seed"].values)
    ]
    return [
        window_table(study),
        Table("images: at the end of the run", ["seed", *names.values()], ends_S),
    ]
