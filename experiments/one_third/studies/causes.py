"""What configs/one_third/causes.py measures: a function per claim, and their figure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.one_third import measures
from experiments.one_third.cells import cells, difference, last_decade, seed_mean, worst
from experiments.one_third.schedule_pairs import Pair, pairs
from experiments.one_third.words import OPTIMIZERS, TAU
from jaxlab.analysis.cells import select
from jaxlab.analysis.estimate import (
    SEEDS,
    SEEDS_AND_STEPS,
    SEEDS_AND_WINDOWS,
    Estimate,
    NotMeasurable,
    of_exponent,
    of_interval,
)
from jaxlab.analysis.estimators import over_seeds, ratio_to_theory
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# The conditions, by what sets them apart.
STARTS, DECAY = {"task.temperature": 3e-4}, {"optimizer.name": "adamw"}
SCHEDULE, SPECTRUM = {"task.temperature": 6e-3}, {"task.weights": "spectral"}
TANGENTIAL, AVERAGE = "eval_loss_tangential", "eval_average_loss"


def start_exponent(study: Study) -> Estimate:
    """Measures the exponent of SGD from β = 8 in the last decade of τ."""
    return of_exponent(last_decade(starts(study, "sgd")[1]))


def start_as_zero(study: Study) -> Estimate:
    """Measures the exponent from β = 8 minus that from 0, of the optimizer farther from 0."""
    found, details = [], []
    for name, label in OPTIMIZERS.items():
        zeros, start = (last_decade(data) for data in starts(study, name))
        found.append(difference(start, zeros))
        details.append(f"{label} has {_text(start)} from β = 8 and {_text(zeros)} from 0")
    covers = f"{SEEDS_AND_WINDOWS}, of both optimizers"
    return worst(found, 0.0, covers=covers, detail="; ".join(details))


def decay_scale(study: Study) -> Estimate:
    """Measures the growth exponent of the logit scale with decay."""
    free, decayed = by(study, DECAY, "optimizer.weight_decay").values()
    fall = last_decade(decayed, measures.SCALE)
    growth = Interval(-fall.value, -fall.high, -fall.low, fall.seeds, fall.level)
    ends = [_text(over_seeds(_end(data, measures.SCALE))) for data in (decayed, free)]
    detail = f"decay stops β at {ends[0]}; without decay it is at {ends[1]}"
    return of_interval(growth, covers=SEEDS_AND_WINDOWS, detail=detail)


def decay_loss(study: Study) -> Estimate:
    """Measures the exponent of the loss with decay."""
    free, decayed = by(study, DECAY, "optimizer.weight_decay").values()
    detail = f"without decay the exponent is {_text(last_decade(free))}"
    return of_exponent(last_decade(decayed), detail=detail)


def schedule_average(study: Study) -> Estimate:
    """Measures the averaged iterate's loss with a cosine over that with a constant rate."""
    pair, covers = schedules(study), f"{SEEDS}, in every part of τ"
    final = worst(pair.ratios("tau"), 1.0, covers=covers)
    detail = f"without averaging, where a cosine alone removes noise, the ratio is {_text(final)}"
    return worst(pair.ratios("tau", AVERAGE), 1.0, covers=covers, detail=detail)


def schedule_tangential(study: Study) -> Estimate:
    """Measures the tangential part's share of the difference between the two final losses."""
    pair = schedules(study)
    gap_S = pair.late_gap(measures.LOSS)
    detail = f"of a difference of {gap_S.mean():.2g} nats"
    return over_seeds(pair.late_gap(TANGENTIAL) / gap_S, detail)


def spectrum_exponent(study: Study) -> Estimate:
    """Measures the exponent minus that of the aligned flow, of the spectrum farthest from 0."""
    found = {}
    for decay, data in by(study, SPECTRUM, "task.spectrum").items():
        loss = data[measures.LOSS].transpose("member", "step").copy()
        loss[:, 1:] = flow(study, data)
        of_flow = last_decade(data.assign({measures.LOSS: loss}))
        found[decay] = difference(last_decade(data), of_flow)
    covers = f"{SEEDS_AND_WINDOWS}, at every a"
    return worst(found.values(), 0.0, covers=covers, detail=_by_decay(found))


def spectrum_flow(study: Study) -> Estimate:
    """Measures the loss over that of the aligned flow, of the spectrum farthest from 1."""
    found = {}
    for decay, data in by(study, SPECTRUM, "task.spectrum").items():
        tau_SxR, loss_SxR = measures.curves(data)
        late_R = tau_SxR[0] >= 0.1 * tau_SxR[0, -1]
        found[decay] = ratio_to_theory(loss_SxR[:, late_R], flow(study, data)[:, late_R])
    covers = f"{SEEDS_AND_STEPS}, at every a"
    detail = f"means over the last decade of τ: {_by_decay(found)}"
    return worst(found.values(), 1.0, covers=covers, detail=detail)


def by(study: Study, condition: Mapping[str, Any], key: str) -> dict[Any, xr.Dataset]:
    """Returns the cells of a condition by a value of theirs, the lowest first."""
    chosen = select(study.data, condition)
    if not chosen.sizes["member"]:
        raise NotMeasurable(f"the study has no runs with {dict(condition)}")
    own = chosen.dropna("step", how="all", subset=["tau"])  # other conditions are longer
    return {value: data for (value,), data in cells(own, key)}


def starts(study: Study, optimizer: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Returns the members of an optimizer from zeros, and from β = 8."""
    zeros, start = by(study, STARTS | {"optimizer.name": optimizer}, "model.init_scale").values()
    return zeros, start


def schedules(study: Study) -> Pair:
    """Returns the runs with a constant rate and with a cosine."""
    ((_, data),) = by(study, SCHEDULE, "optimizer.learning_rate").items()
    (pair,) = pairs(data)
    return pair


@cache
def _flow(study: Study, decay: float) -> np.ndarray:
    data, task = by(study, SPECTRUM, "task.spectrum")[decay], study.config.task
    return measures.aligned_flows(data, task.features, task.classes, spectral=True)[1]


def flow(study: Study, data: xr.Dataset) -> np.ndarray:
    """Returns the loss of the aligned flow for the spectral teachers of a cell: [S, R]."""
    return _flow(study, float(data["task.spectrum"][0]))


def _end(data: xr.Dataset, name: str) -> np.ndarray:
    return measures.curves(data, name).value_SxR[:, -1]


def _text(found: Interval | Estimate) -> str:
    return format_estimate(found.value, found.low, found.high)


def _by_decay(found: Mapping[float, Interval | Estimate]) -> str:
    return ", ".join(f"{_text(own)} at a = {decay:g}" for decay, own in found.items())


def figure_of_causes(study: Study) -> Figure:
    """Returns one panel per condition: starts, decay, schedules and spectra."""
    figure, (start_ax, decay_ax, schedule_ax, spectrum_ax) = panels(2, 2)
    for colour, (name, label) in enumerate(OPTIMIZERS.items()):
        for data, style in zip(starts(study, name), (":", "-"), strict=True):
            start = float(data["model.init_scale"][0]) / sqrt(3)
            _draw(start_ax, data, measures.LOSS, f"{label}, from β = {start:.0f}", colour, style)
    start_ax.set(ylabel="KL, nats", title="starts, T = 3e-4")
    found = by(study, DECAY, "optimizer.weight_decay").items()
    for colour, (value, data) in enumerate(found):
        _draw(decay_ax, data, measures.LOSS, f"KL, nats, decay {value:g}", colour)
        _draw(decay_ax, data, measures.SCALE, f"β, decay {value:g}", colour, "--")
    decay_ax.set(title="AdamW, T = 1e-3")
    pair = schedules(study)
    for colour, (name, label) in enumerate(((measures.LOSS, "final"), (AVERAGE, "averaged"))):
        _draw(schedule_ax, pair.constant, name, f"{label} iterate, constant", colour)
        _draw(schedule_ax, pair.cosine, name, f"{label} iterate, cosine", colour, ":")
    schedule_ax.set(ylabel="KL, nats", title="schedules, Adam, T = 6e-3")
    for colour, (value, data) in enumerate(by(study, SPECTRUM, "task.spectrum").items()):
        _draw(spectrum_ax, data, measures.LOSS, f"i^-{value:g}, SGD", colour)
        tau_R, flow_R = measures.curves(data).tau_SxR[0], flow(study, data).mean(axis=0)
        spectrum_ax.plot(tau_R, flow_R, color=CATEGORY_COLOURS[colour], ls=":", lw=1.5)
    spectrum_ax.set(ylabel="KL, nats", title="spectra, T = 1e-3; dotted: the aligned flow")
    for ax in (start_ax, decay_ax, schedule_ax, spectrum_ax):
        ax.set(xscale="log", yscale="log", xlabel=TAU)
        plots.legend(ax)
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"One further run for each disagreement with the paper, means of {seeds} seeds. Claims are "
        "measured in the last decade of each cell's τ; the ratio of the schedules in 16 parts of "
        "the last 1.6 decades."
    )
    return Figure("causes", "Disagreements with the paper, and their causes", caption, figure)


def _draw(ax: Axes, data: xr.Dataset, name: str, label: str, colour: int, style: str = "-") -> None:
    tau_R = measures.curves(data).tau_SxR[0]
    ax.plot(tau_R, seed_mean(data, name), label=label, color=CATEGORY_COLOURS[colour], ls=style)
