"""Real text: the free exponent of a next-byte model above a floor."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from experiments.one_third import measures
from experiments.one_third.drawing import TAU, fit_line, window_table
from experiments.one_third.expected import PAPER, THIRD
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "text_exponent": Expected(
        "Real text: the loss falls to a floor as τ^-1/3, with the exponent free",
        f"{PAPER}, Fig. 6: 0.341, 0.367, 0.337, 0.307 for Pythia",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="real text, next byte",
    ),
}

PINNED = {"task.name": "text", "schedule.name": "constant"}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent of the training loss above a floor, all three free."""
    found = measures.exponent(study, "loss", floor=True)
    fits = len(found.windows) * found.seeds
    detail = f"{found.suspect_fits} of {fits} fits ended at a bound (floor 0 or exponent)"
    seeds = student_interval(found.windows[0].exponents)
    detail += f"; seeds alone: [{seeds.low:.3f}, {seeds.high:.3f}]; means by window: "
    detail += ", ".join(f"{part.mean.value:.2f}" for part in found.windows)
    return {"text_exponent": Measured(found, detail)}


def figures(study: Study) -> list[Figure]:
    """Returns the loss with its fit, and the exponent in every window."""
    tau_SxR, loss_SxR = measures.curves(study.data, "loss")
    _, fresh_SxR = measures.curves(study.data)
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(left, tau_SxR, loss_SxR, labels=["training"] * len(loss_SxR))
    fresh_R = fresh_SxR.mean(axis=0)
    left.plot(tau_SxR[0], fresh_R, color="C1", lw=1, label="validation files, new batches")
    without = fit_line(left, study, "loss", floor=True)
    left.set(xlabel=TAU, ylabel="nats per byte")
    plots.legend(left)
    if not without:
        _windows(right, study)
    windows = study.runs[0].environment["data"]["train"]["windows"]
    epochs = study.config.train.steps * study.config.train.batch_size / windows
    caption = (
        f"Next byte of the Python standard library, {len(loss_SxR)} seeds, {epochs:.2f} epochs. "
        "The fit is of the training loss, averaged between records; within an epoch no target "
        f"comes twice. Right: the exponent in each window of the family, with seed intervals."
        f"{without}"
    )
    return [Figure("text", "Real text, with its free exponent", caption, figure)]


def _windows(ax: Axes, study: Study) -> None:
    found = measures.exponent(study, "loss", floor=True)
    starts = [f"{low:.2g}-{high:.2g}" for low, high in (w.window for w in found.windows)]
    means = [window.mean for window in found.windows]
    ends = [m.low for m in means], [m.high for m in means]
    place_W = np.arange(len(means))
    plots.interval_plot(ax, place_W, [m.value for m in means], *ends)
    ax.axhline(THIRD, color="grey", ls=":", lw=1)
    ax.set(xlabel="fit window in τ", ylabel="free exponent above a floor", xscale="linear")
    ax.set_xticks(place_W, starts, rotation=30)


def tables(study: Study) -> list[Table]:
    """Returns the exponent in every window."""
    return [window_table(study, "loss", floor=True)]
