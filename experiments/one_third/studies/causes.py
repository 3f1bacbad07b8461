"""One further run for each disagreement with the paper, of the cause that the lab gives for it."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.one_third import measures
from experiments.one_third.cells import cells, difference, exponent, farthest, over_seeds, seed_mean
from experiments.one_third.drawing import OPTIMIZERS, TAU
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import TEACHER
from experiments.one_third.studies.schedules import PARTS, Pair
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

LAB = "a cause named by this lab, and its check"
EXPECTED = {
    "cause_start_exponent": Expected(
        "Starts: at T = 3e-4, where β stays below 0.05 β*, SGD from a misaligned β = 8 falls as "
        "τ^-1/3 in its last decade",
        f"{PAPER}, Fig. 5a, b; {LAB}",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        in_overview=True,
        short="SGD, misaligned start, T = 3e-4",
    ),
    "cause_start_as_zero": Expected(
        "The same, with SGD and with Adam: that exponent is the one of a student of zeros "
        "(difference, the larger)",
        f"{PAPER}, Fig. 5a, b; {LAB}",
        0.0,
        (-0.05, 0.05),
    ),
    "cause_decay_scale": Expected(
        "Decay: AdamW with decay 0.05 at T = 1e-3, 24 time constants long: the logit scale has "
        "stopped growing. Its exponent in the last decade of τ",
        f"{PAPER}, Fig. 5c, d; {LAB}",
        0.0,
        (-0.05, 0.05),
    ),
    "cause_decay_loss": Expected(
        "The same: where the scale has stopped, so has the loss, which is then L(β) and noise, and "
        "no rotation takes it on as τ^-1/3. Its exponent in the last decade",
        f"{PAPER}, Fig. 5c, d has 1/3; {LAB}",
        THIRD,
        (-0.05, 0.05),
        control=True,
        in_overview=True,
        group="control",
        short="AdamW whose decay has stopped β",
    ),
    "cause_schedule_average": Expected(
        "Schedules: with averaged weights Adam at rate 0.0811 has the same loss with a cosine as "
        "with a constant rate, at equal τ (ratio, the farthest from 1)",
        f"{PAPER}, App. D.4; {LAB}",
        1.0,
        (0.9, 1.1),
    ),
    "cause_schedule_tangential": Expected(
        "The same with the last weights: the tangential part carries the difference between the "
        "two losses at the end of τ (its share)",
        f"split of arXiv 2609.37745; {LAB}",
        None,
        (0.8, 1.2),
    ),
    "cause_spectrum_exponent": Expected(
        "Spectrum: with SGD the exponent in the last decade is that of the aligned flow, for "
        "singular values i^-a, a = 0, 0.5 and 1 (difference, the one farthest from 0)",
        f"{PAPER}, App. D.6; {LAB}",
        0.0,
        (-0.03, 0.03),
    ),
    "cause_spectrum_flow": Expected(
        "The same: the loss is that of the aligned flow of each seed's own teacher, in the last "
        "decade of τ (ratio, the farthest from 1)",
        f"{PAPER}, aligned-student ansatz; {LAB}",
        1.0,
        (0.9, 1.1),
    ),
}
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | {"task.labels": "soft", "average.name": "polynomial", "most_steps": 20_000}

START, DECAY, SPECTRUM = "model.init_scale", "optimizer.weight_decay", "task.spectrum"
KEYS = {"starts": START, "decay": DECAY, "schedule": "schedule.name", "spectrum": SPECTRUM}
TANGENTIAL, AVERAGE = "eval_loss_tangential", "eval_average_loss"
ENDS = (measures.LOSS, TANGENTIAL, AVERAGE, measures.SCALE, "eval_alignment")


def measure(study: Study) -> dict[str, Measured]:
    """Returns what became of every cause; each detail says whether it is confirmed."""
    return _starts(study) | _decay(study) | _schedule(study) | _spectrum(study)


def _starts(study: Study) -> dict[str, Measured]:
    found = {
        name: [_last_decade(study, data) for data in by(study, "starts", START, name).values()]
        for name in ("sgd", "adam")
    }
    differences = [difference(start, zeros) for zeros, start in found.values()]
    details = [
        f"{name} has {_text(start)} from β = 8 and {_text(zeros)} from 0"
        for name, (zeros, start) in found.items()
    ]
    return {
        "cause_start_exponent": _judged(
            "cause_start_exponent",
            found["sgd"][1],
            "away from β* a misaligned start comes back to the law",
        ),
        "cause_start_as_zero": _judged(
            "cause_start_as_zero",
            farthest(differences, 0.0),
            f"away from β* the start is forgotten; {', '.join(details)}",
        ),
    }


def _decay(study: Study) -> dict[str, Measured]:
    free, decayed = by(study, "decay", DECAY).values()
    growth = _last_decade(study, decayed, measures.SCALE)  # as a fall: its sign is turned
    growth = Interval(-growth.value, -growth.high, -growth.low, growth.seeds, growth.level)
    ends = [_text(_end(data, measures.SCALE)) for data in (decayed, free)]
    return {
        "cause_decay_scale": _judged(
            "cause_decay_scale",
            growth,
            f"at a cold target the decay stops β, at {ends[0]}; without decay it is at {ends[1]}",
        ),
        "cause_decay_loss": _judged(
            "cause_decay_loss",
            _last_decade(study, decayed),
            "a β that has stopped stops the loss; without decay its exponent is "
            + _text(_last_decade(study, free)),
        ),
    }


def _schedule(study: Study) -> dict[str, Measured]:
    last, averaged = pair(study), pair(study, AVERAGE)
    gap_S = _gap(last, measures.LOSS)
    share = student_interval(_gap(last, TANGENTIAL) / gap_S)
    noisy = farthest(last.ratios("tau"), 1.0)
    return {
        "cause_schedule_average": _judged(
            "cause_schedule_average",
            farthest(averaged.ratios("tau"), 1.0),
            "it is the noise that a cosine removes and an average too; with the last weights the "
            f"ratio is {_text(noisy)}",
        ),
        "cause_schedule_tangential": _judged(
            "cause_schedule_tangential",
            share,
            f"the difference of {gap_S.mean():.2g} nats lies in wrong directions",
        ),
    }


def _spectrum(study: Study) -> dict[str, Measured]:
    found = by(study, "spectrum", SPECTRUM)
    exponents = {
        decay: difference(_last_decade(study, data), _last_decade(study, _of_flow(study, data)))
        for decay, data in found.items()
    }
    ratios = {decay: farthest(flow_ratios(study, data), 1.0) for decay, data in found.items()}
    return {
        "cause_spectrum_exponent": _judged(
            "cause_spectrum_exponent",
            farthest(exponents.values(), 0.0),
            "it is Adam, not the spectrum, that leaves the law; " + _by_decay(exponents),
        ),
        "cause_spectrum_flow": _judged(
            "cause_spectrum_flow",
            farthest(ratios.values(), 1.0),
            "SGD follows the flow of each teacher; " + _by_decay(ratios),
        ),
    }


def _judged(claim: str, interval: Interval, cause: str) -> Measured:
    low, high = EXPECTED[claim].range
    verdict = "undecided"
    if low <= interval.low and interval.high <= high:
        verdict = "confirmed"
    elif interval.high < low or interval.low > high:
        verdict = "not confirmed"
    return Measured(interval, f"cause {verdict}: {cause}")


def by(study: Study, way: str, key: str, optimizer: str = "") -> dict[Any, xr.Dataset]:
    """Returns the cells of one check by a value of theirs, the lowest first, on their own steps.

    Raises:
      ValueError: there is none, as the study lacks the check.
    """
    chosen_M = _members(study, way)
    if optimizer:
        chosen_M &= study.data["optimizer.name"].values == optimizer
    if not chosen_M.any():
        raise ValueError(f"it has no runs of {way} {optimizer}".rstrip())
    own = study.data.isel(member=chosen_M).dropna("step", how="all", subset=["tau"])
    return {value: data for (value,), data in cells(own, key)}


def _members(study: Study, way: str) -> np.ndarray:
    return study.data["way"].values == way


def pair(study: Study, name: str = measures.LOSS) -> Pair:
    """Returns the runs with a constant rate and with a cosine, with a metric as their loss."""
    found = by(study, "schedule", "schedule.name")
    constant, cosine = (
        data.assign({measures.LOSS: data[name]}) for data in (found["constant"], found["cosine"])
    )
    return Pair(float(constant["optimizer.learning_rate"][0]), constant, cosine)


def _gap(pair: Pair, name: str) -> np.ndarray:
    """A metric with a constant rate minus that with a cosine, [S].

    Both are means over the last part of τ that `Pair.ratios` has, of the shorter run.
    """
    (tau_SxR, value_SxR), (cosine_tau_SxR, cosine_SxR) = (
        measures.curves(data, name) for data in (pair.constant, pair.cosine)
    )
    tau_R, cosine_tau_R = tau_SxR[0], cosine_tau_SxR[0]
    end = cosine_tau_R[-1]
    late_R = cosine_tau_R >= end * measures.GRID_START ** (1 / PARTS)
    at_SxR = np.stack([np.interp(cosine_tau_R, tau_R, value_R) for value_R in value_SxR])
    return (at_SxR - cosine_SxR)[:, late_R].mean(axis=1)


def flow_ratios(study: Study, data: xr.Dataset) -> list[Interval]:
    """Returns the loss over that of the aligned flow at every record of the last decade of τ."""
    tau_SxR, loss_SxR = measures.curves(data)
    late_R = tau_SxR[0] >= study.config.window[0] * tau_SxR[0, -1]
    return over_seeds((loss_SxR / flow(study, data))[:, late_R])


def _of_flow(study: Study, data: xr.Dataset) -> xr.Dataset:
    """A cell with the loss of the aligned flow in place of the measured one."""
    loss = data[measures.LOSS].transpose("member", "step").copy()
    loss[:, 1:] = flow(study, data)
    return data.assign({measures.LOSS: loss})


def flow(study: Study, data: xr.Dataset) -> np.ndarray:
    """Returns the loss of the aligned flow for the spectral teachers of a cell: [S, R]."""
    task = study.config.task
    return measures.aligned_flows(data, task.features, task.classes, spectral=True)[1]


def _last_decade(study: Study, data: xr.Dataset, name: str = measures.LOSS) -> ExponentInterval:
    end = float(data["tau"].max())
    low, high = study.config.window
    return exponent(data, (low * end, high * end), name)


def _end(data: xr.Dataset, name: str) -> Interval:
    return student_interval(measures.curves(data, name).value_SxR[:, -1])


def _text(interval: Interval) -> str:
    return format_estimate(interval.value, interval.low, interval.high)


def _by_decay(found: Mapping[float, Interval]) -> str:
    return ", ".join(f"{_text(interval)} at a = {decay:g}" for decay, interval in found.items())


def figures(study: Study) -> list[Figure]:
    """Returns one panel per check: starts, decay, schedules and spectra."""
    figure, (starts, decay, schedule, spectrum) = panels(2, 2)
    for colour, name in enumerate(("sgd", "adam")):
        for (scale, data), style in zip(
            by(study, "starts", START, name).items(), ":-", strict=True
        ):
            label = f"{OPTIMIZERS[name]}, from β = {scale / sqrt(3):.0f}"
            _draw(starts, data, measures.LOSS, label, color=f"C{colour}", ls=style)
    starts.set(ylabel="KL, nats", title="starts, T = 3e-4")
    for colour, (value, data) in enumerate(by(study, "decay", DECAY).items()):
        for name, label, style in ((measures.LOSS, "KL, nats", "-"), (measures.SCALE, "β", "--")):
            _draw(decay, data, name, f"{label}, decay {value:g}", color=f"C{colour}", ls=style)
    decay.set(title="AdamW, T = 1e-3")
    for name, label, colour in (
        (measures.LOSS, "last weights", "C0"),
        (AVERAGE, "averaged weights", "C1"),
    ):
        both = pair(study, name)
        _draw(schedule, both.constant, measures.LOSS, f"{label}, constant", color=colour)
        _draw(schedule, both.cosine, measures.LOSS, f"{label}, cosine", color=colour, ls=":")
    schedule.set(ylabel="KL, nats", title="schedules, Adam, T = 6e-3")
    for colour, (value, data) in enumerate(by(study, "spectrum", SPECTRUM).items()):
        _draw(spectrum, data, measures.LOSS, f"i^-{value:g}, SGD", color=f"C{colour}")
        tau_R, flow_R = measures.curves(data).tau_SxR[0], flow(study, data).mean(axis=0)
        spectrum.plot(tau_R, flow_R, color=f"C{colour}", ls=":", lw=1)
    spectrum.set(ylabel="KL, nats", title="spectra, T = 1e-3; dotted: the aligned flow")
    seeds = len(np.unique(study.data["seed"]))
    for ax in (starts, decay, schedule, spectrum):
        ax.set(xscale="log", yscale="log", xlabel=TAU)
        plots.legend(ax)
    caption = (
        f"One further run for each disagreement with the paper, means of {seeds} seeds. Claims are "
        "measured in the last decade of each cell's τ; the ratio of the schedules in 16 parts of "
        "the last 1.6 decades."
    )
    return [Figure("causes", "Disagreements with the paper, and their causes", caption, figure)]


def _draw(ax: Axes, data: xr.Dataset, name: str, label: str, **style) -> None:
    ax.plot(measures.curves(data).tau_SxR[0], seed_mean(data, name), label=label, **style)


def tables(study: Study) -> list[Table]:
    """Returns every cell: its exponent in the last decade of τ, and what it ended with."""
    rows = []
    for way, key in KEYS.items():
        for optimizer in sorted(
            set(study.data["optimizer.name"].values[_members(study, way)].tolist())
        ):
            for value, data in by(study, way, key, optimizer).items():
                found = _last_decade(study, data)
                ends = [_end(data, name).value for name in ENDS]
                named = [way, optimizer, f"{key} = {value if way == 'schedule' else f'{value:g}'}"]
                rows.append([*named, found.value, found.low, found.high, *ends])
    header = ["check", "optimiser", "cell", "exponent", "low", "high", "end loss, nats"]
    header += ["its tangential part", "of averaged weights", "β", "alignment"]
    return [Table("causes: every cell, its last decade and its end", header, rows)]
