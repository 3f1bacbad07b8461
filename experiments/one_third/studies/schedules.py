"""Warm-up and cosine against a constant rate: is τ, the sum of learning rates, the clock?"""

from __future__ import annotations

from math import exp, inf
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.cells import cells, farthest, over_seeds, seed_mean
from experiments.one_third.drawing import OPTIMIZERS, TAU
from experiments.one_third.expected import PAPER
from experiments.one_third.studies import TEACHER
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "schedule_sgd": Expected(
        "SGD: under warm-up and cosine the loss at equal τ is that of a constant rate (ratio, the "
        "farthest from 1 over τ and rates)",
        f"{PAPER}, App. D.4; SGD and measure by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "schedule_adam": Expected(
        "Adam: the same",
        f"{PAPER}, App. D.4; measure by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "schedule_steps": Expected(
        "Control: at equal steps the same losses differ (ratio, the largest over steps and rates, "
        "of SGD or of Adam, whichever is smaller)",
        f"{PAPER}, App. D.4; control by this lab",
        None,
        (1.1, inf),
        control=True,
    ),
}
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | {
    "train.batch_size": 1024,
    "task.labels": "soft",
    "task.temperature": 6e-3,
    "model.init_scale": 0.0,
    "schedule.warmup": 0.01,
    "schedule.final": 0.1,
}


PARTS = 16  # of the last 1.6 decades of a clock: wider ones would hide what a schedule ends with


def measure(study: Study) -> dict[str, Measured]:
    """Returns the ratio of the losses at equal τ, and at equal steps, where it is farthest off."""
    found, largest = {}, {}
    for name in OPTIMIZERS:
        pairs = schedule_pairs(study.data, name)
        parts = [part for pair in pairs for part in pair.ratios("tau")]
        worst = [(pair.rate, farthest(pair.ratios("tau"), 1.0).value) for pair in pairs]
        found[f"schedule_{name}"] = Measured(
            farthest(parts, 1.0),
            f"means in {PARTS} parts of the last 1.6 decades of τ; farthest off by rate: "
            + ", ".join(f"{ratio:.3f} at {rate:.3g}" for rate, ratio in worst)
            + ("; `cause_schedule_average` checks why" if name == "adam" else ""),
        )
        steps = [part for pair in pairs for part in pair.ratios("step")]
        largest[name] = max(steps, key=lambda part: part.value)
    least = min(largest.values(), key=lambda part: part.value)
    detail = ", ".join(f"{OPTIMIZERS[name]}: {part.value:.3f}" for name, part in largest.items())
    return found | {"schedule_steps": Measured(least, detail)}


class Pair(NamedTuple):
    """The same seeds at the same highest rate, with both schedules."""

    rate: float
    constant: xr.Dataset
    cosine: xr.Dataset

    def ratios(self, clock: str) -> list[Interval]:
        """Returns the loss with the cosine over that without, in each part of a clock.

        Args:
          clock: "tau" or "step".

        Raises:
          ValueError: a seed diverged.
        """
        log_ratio_SxR, clock_R = self.log_ratio(clock)
        edges = np.geomspace(measures.GRID_START * clock_R[-1], clock_R[-1], PARTS + 1)
        part_R = np.minimum(np.searchsorted(edges, clock_R, side="right"), PARTS)
        if not set(range(1, PARTS + 1)) <= set(part_R):
            raise ValueError(f"there are too few records for {PARTS} parts of the clock")
        means = [log_ratio_SxR[:, part_R == part].mean(axis=1) for part in range(1, PARTS + 1)]
        return [
            Interval(exp(log.value), exp(log.low), exp(log.high), log.seeds, log.level)
            for log in over_seeds(np.transpose(means))
        ]

    def log_ratio(self, clock: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns ln of the ratio, [S, R], and the clock of its records, [R]."""
        clocks = [_clock(data, clock) for data in (self.constant, self.cosine)]
        constant_SxR, cosine_SxR = (
            np.log(measures.curves(data).value_SxR) for data in (self.constant, self.cosine)
        )
        if not np.isfinite([constant_SxR, cosine_SxR]).all():
            raise ValueError(f"a seed diverged at rate {self.rate:.4g}")
        log_R, log_constant_R = np.log(clocks[1]), np.log(clocks[0])
        expected_SxR = [np.interp(log_R, log_constant_R, y_R) for y_R in constant_SxR]
        return cosine_SxR - expected_SxR, clocks[1]


def schedule_pairs(data: xr.Dataset, optimizer: str) -> list[Pair]:
    """Returns the pairs of schedules of an optimiser, by rate; ValueError where one is missing."""
    own = data.isel(member=(data["optimizer.name"] == optimizer).values)
    found = dict(cells(own, "optimizer.learning_rate", "schedule.name"))
    rates = sorted({rate for rate, _ in found})
    if not rates or {(rate, name) for rate in rates for name in ("constant", "cosine")} - set(
        found
    ):
        raise ValueError(f"it needs {optimizer} with a constant rate and with a cosine")
    return [Pair(rate, found[rate, "constant"], found[rate, "cosine"]) for rate in rates]


def _clock(data: xr.Dataset, clock: str) -> np.ndarray:
    later = data.isel(step=slice(1, None))
    return later["tau"].values[0] if clock == "tau" else later["step"].values


def figures(study: Study) -> list[Figure]:
    """Returns the losses on τ, and their ratio on both clocks, for both optimisers."""
    figure, axes = panels(2, 2)
    for column, (name, title) in enumerate(OPTIMIZERS.items()):
        losses, ratios = axes[column], axes[2 + column]
        for colour, pair in enumerate(schedule_pairs(study.data, name)):
            style = {"color": f"C{colour}", "lw": 1.5}
            for data, line, label in (
                (pair.constant, "-", f"rate {pair.rate:.3g}, constant"),
                (pair.cosine, ":", None if colour else "the same, cosine"),
            ):
                loss_R = seed_mean(data, measures.LOSS)
                losses.loglog(_clock(data, "tau"), loss_R, ls=line, label=label, **style)
            for clock, line, label in (
                ("tau", "-", f"rate {pair.rate:.3g}, at equal τ"),
                ("step", ":", None if colour else "the same, at equal steps"),
            ):
                log_ratio_SxR, clock_R = pair.log_ratio(clock)
                late_R = clock_R >= measures.GRID_START * clock_R[-1]
                ratio_R = np.exp(log_ratio_SxR.mean(axis=0))[late_R]
                ratios.semilogx(
                    (clock_R / clock_R[-1])[late_R], ratio_R, ls=line, label=label, **style
                )
        low, high = EXPECTED["schedule_adam"].range
        ratios.axhspan(low, high, color="grey", alpha=0.12, lw=0, label="expected at equal τ")
        losses.set(xlabel=TAU, ylabel="KL, nats", title=title)
        ratios.set(xlabel="clock over its end", ylabel="loss with cosine over constant")
        plots.legend(losses)
        plots.legend(ratios)
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"Temperature {study.config.task.temperature:g}, {study.config.train.steps} steps, means "
        f"of {seeds} seeds. Above: the loss with a constant rate and with 1 % warm-up and a cosine "
        "to 10 %. Below: the ratio of the two at equal τ, and at equal steps (the control)."
    )
    return [Figure("schedules", "Schedules: τ as the clock", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the largest departures at every rate."""
    rows = []
    for name, title in OPTIMIZERS.items():
        for pair in schedule_pairs(study.data, name):
            ends = [float(_clock(data, "tau")[-1]) for data in (pair.constant, pair.cosine)]
            on_tau, on_steps = (farthest(pair.ratios(clock), 1.0) for clock in ("tau", "step"))
            rows.append(
                [title, pair.rate, *ends]
                + [end for r in (on_tau, on_steps) for end in (r.value, r.low, r.high)]
            )
    header = ["optimiser", "rate", "last τ, constant", "last τ, cosine"]
    header += [
        f"{name} at equal {clock}" for clock in ("τ", "steps") for name in ("ratio", "low", "high")
    ]
    return [Table("schedules: the ratio farthest from 1, cosine over constant", header, rows)]
