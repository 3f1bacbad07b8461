"""Starts that are large and misaligned: do they come back to the law of a student of zeros?"""

from __future__ import annotations

from functools import cache
from math import inf
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.cells import cells, difference, exponent, farthest, seed_mean
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import ADAM, TEACHER
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "start_alignment": Expected(
        "Adam from an independent teacher at scales up to that of the target, each at its best "
        "rate: the student realigns. Its alignment at the end, the smallest over scales",
        f"{PAPER}, Fig. 5a, b",
        None,
        (0.95, inf),
    ),
    "start_exponent": Expected(
        "The same runs: the loss falls as τ^-1/3 in their last decade, from every scale (the one "
        "farthest from it)",
        f"{PAPER}, Fig. 5a, b; window by this lab",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="Adam, misaligned starts",
    ),
    "start_as_zero": Expected(
        "The same runs: that exponent is the one of a student of zeros at the same rate "
        "(difference, the largest over scales)",
        f"{PAPER}, Fig. 5a, b; comparison by this lab",
        0.0,
        (-0.05, 0.05),
    ),
}

SCALE, RATE = "model.init_scale", "optimizer.learning_rate"
ENDS = (measures.LOSS, "eval_alignment", measures.SCALE)
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | ADAM | {"task.labels": "soft", "task.temperature": 6e-3}


def measure(study: Study) -> dict[str, Measured]:
    """Returns the alignment and the exponent of misaligned starts, each at its best rate."""
    zero, *starts = best_starts(study)
    if zero.scale or not starts:
        raise ValueError("it needs a start of zeros, and others")
    alignment = min((start.alignment for start in starts), key=lambda part: part.value)
    exponents = [start.exponent.value for start in starts]
    differences = [difference(start.exponent, start.exponent_of_zeros) for start in starts]
    names = ", ".join(f"{start.rate:.3g}" for start in starts)
    return {
        "start_alignment": Measured(alignment, f"best rates {names}"),
        "start_exponent": Measured(
            farthest((start.exponent for start in starts), THIRD),
            f"{min(exponents):.3f} to {max(exponents):.3f} over {len(starts)} scales; a student of "
            f"zeros has {zero.exponent.value:.3f}; `cause_start_exponent` checks why",
        ),
        "start_as_zero": Measured(
            farthest(differences, 0.0),
            "end loss over that of zeros at the same rate, by scale: "
            + ", ".join(f"{start.end_over_zeros:.2f}" for start in starts),
        ),
    }


class Start(NamedTuple):
    """The seeds that start at one scale, at the rate with the lowest mean loss at the end."""

    scale: float
    rate: float
    data: xr.Dataset
    alignment: Interval  # at the end, over seeds
    exponent: ExponentInterval  # in the last decade of τ
    exponent_of_zeros: ExponentInterval  # of the lowest scale, at the same rate
    end_over_zeros: float  # the mean loss at the end over that of the lowest scale, likewise


@cache
def best_starts(study: Study) -> list[Start]:
    """Returns the best cell of every scale; ValueError where all rates of one diverged."""
    found = dict(cells(study.data, SCALE, RATE))
    lowest = min(scale for scale, _ in found)
    starts = []
    for scale in sorted({scale for scale, _ in found}):
        ends = {
            rate: float(seed_mean(data, measures.LOSS)[-1])
            for (own, rate), data in found.items()
            if own == scale
        }
        finite = {rate: end for rate, end in ends.items() if np.isfinite(end)}
        if not finite:
            raise ValueError(f"every rate diverged from initial scale {scale:.4g}")
        rate = min(finite, key=lambda rate: finite[rate])
        data, zeros = found[scale, rate], found[lowest, rate]
        starts.append(
            Start(
                scale,
                rate,
                data,
                student_interval(measures.curves(data, "eval_alignment").value_SxR[:, -1]),
                _last_decade(data),
                _last_decade(zeros),
                finite[rate] / float(seed_mean(zeros, measures.LOSS)[-1]),
            )
        )
    return starts


def _last_decade(data: xr.Dataset) -> ExponentInterval:
    end = float(data["tau"].max())
    return exponent(data, (end / 10, end))


def figures(study: Study) -> list[Figure]:
    """Returns loss, alignment and scale of every start at its best rate, and the exponents."""
    starts = best_starts(study)
    target = float(measures.beta_star(study.config.task.temperature))
    shares = [start.scale * study.config.task.temperature for start in starts]
    figure, axes = panels(2, 2)
    for ax, name, label in (
        (axes[0], measures.LOSS, "KL on fresh batches, nats"),
        (axes[1], "eval_alignment", "alignment: cosine with the teacher"),
        (axes[2], measures.SCALE, "logit scale β"),
    ):
        plots.loglog_curves(
            ax,
            np.stack([measures.curves(start.data).tau_SxR[0] for start in starts]),
            np.stack([seed_mean(start.data, name) for start in starts]),
            values=shares,
            value_label="initial scale over the target's",
            log_values=False,
        )
        ax.set(xlabel=TAU, ylabel=label)
    axes[1].set(yscale="linear")
    axes[2].axhline(target, color="grey", ls=":", lw=1, label="β*")
    plots.legend(axes[2])
    for label, name, aside in (
        ("this start", "exponent", -0.01),
        ("zeros, same rate", "exponent_of_zeros", 0.01),
    ):
        found = [getattr(start, name) for start in starts]
        ends = zip(*((e.value, e.low, e.high) for e in found), strict=True)
        plots.interval_plot(axes[3], np.add(shares, aside), *ends, label=label)
    axes[3].axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    axes[3].set(xlabel="initial scale over the target's", ylabel="exponent, last decade of τ")
    axes[3].legend(loc="upper left")
    caption = (
        f"Adam at temperature {study.config.task.temperature:g}, students that start as another "
        f"teacher, each scale at its best rate, means of {starts[0].exponent.seeds} seeds. "
        "Exponents are those of the last decade of τ, with intervals over seeds and windows; a "
        "start that realigned late has its fall in that decade."
    )
    return [Figure("initial_scale", "Large and misaligned starts", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns what became of every start at every rate."""
    rows = []
    for (scale, rate), data in cells(study.data, SCALE, RATE):
        ends = [float(seed_mean(data, name)[-1]) for name in ENDS]
        try:
            found = _last_decade(data)
            rows.append([scale, rate, found.value, found.low, found.high, *ends])
        except ValueError:  # a seed diverged
            rows.append([scale, rate, None, None, None, *ends])
    header = ["initial scale", "rate", "exponent of the last decade", "low", "high"]
    header += ["end loss, nats", "alignment at the end", "β at the end"]
    return [Table("initial_scale: every start and rate, mean over seeds", header, rows)]
