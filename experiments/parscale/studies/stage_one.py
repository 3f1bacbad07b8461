"""The first stage: plain decoders, which the second stage and the frozen one start from."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.parscale.cells import ends
from experiments.parscale.expected import PAPER
from experiments.parscale.studies import RATE, TEXT
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "stage_one_loss": Expected(
        "The first stage learns the text: its final loss as a part of that of a uniform guess",
        f"{PAPER}, Sec. 4: the first of two stages; range by this lab",
        None,
        (-inf, 0.5),
    ),
}
PINNED = TEXT | RATE | {"train.steps": 4000, "streams.count": 1, "streams.lone": False}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the final loss over ln V."""
    loss_S = ends(study)["eval_loss"].values
    guess = np.log(study.config.task.vocabulary)
    detail = f"{loss_S.mean():.4f} of {guess:.4f} nats per token"
    return {"stage_one_loss": Measured(student_interval(loss_S / guess), detail)}


def figures(study: Study) -> list[Figure]:
    """Returns the loss of every seed."""
    figure, (ax,) = panels()
    data = study.data
    loss_SxR = data["eval_loss"].values
    plots.loglog_curves(ax, data["step"].values, loss_SxR, labels=["seeds"] * len(loss_SxR))
    ax.set(xlabel="steps", ylabel="validation loss, nats per token")
    caption = f"Plain decoders of {len(loss_SxR)} seeds: where the second stage begins."
    return [Figure("stage_one", "The first stage", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns nothing: the claim says it."""
    return []
