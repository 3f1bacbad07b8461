"""Why growth escapes: powers of the learning rate and of the logit scale, side by side."""

from __future__ import annotations

import numpy as np
import xarray as xr

from experiments.one_third import envelopes, measures
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.expected import THIRD
from experiments.one_third.studies import SGD, TEACHER
from experiments.one_third.studies.ways_out import THEORY
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table


def _scale(power: float, margin: float) -> Expected:
    return Expected(
        f"SGD at rate 10, scale ~ t^{power:g}: the loss of the last weights falls as t^-{power:g}",
        THEORY,
        None,
        (power - margin, power + margin),
    )


SCALES = {"growth_scale_050": 0.5, "growth_scale_075": 0.75, "growth_scale_100": 1.0}
EXPECTED = {
    "growth_radial_flow": Expected(
        "Rates ~ t^p, p from -1/2 to 1/2, first rate 3: the radial loss is the flow's at that τ",
        THEORY,
        1.0,
        (0.9, 1.1),
    ),
    **{name: _scale(power, 0.06) for name, power in SCALES.items()},
    "growth_average": Expected(
        "Without growth of the scale, averaged weights at the best rate and p: t^-2/3",
        THEORY,
        None,
        (2 / 3 - 0.08, 2 / 3 + 0.08),
        in_overview=True,
        group="way out",
        short="best rate and p, average",
    ),
    "growth_too_fast": Expected(
        "Control: scale ~ t^1.5 against ~ t, each at its best rate: ratio of end losses",
        THEORY,
        None,
        (1.0, np.inf),
        control=True,
    ),
}
CLOCK = "step"

PINNED = (
    TEACHER
    | SGD
    | {
        "task.labels": "hard",
        "schedule.name": "power",
        "schedule.offset": 100.0,
        "train.steps": 20_000,
        "train.batch_size": 512,
        "window": (1_000.0, 20_000.0),
    }
)

P, Q = "schedule.power", "schedule.weight_growth"
QUIET, MODERATE = 10**0.5, 10.0  # the ladder's first rate: small noise; and its second
SHOWN = (  # p, q, label
    (0.0, 0.0, "constant"),
    (1 / 3, 0.0, "rate ~ t^1/3"),
    (1.0, 0.0, "rate ~ t"),
    (0.0, 0.5, "scale ~ t^1/2"),
    (0.0, 1.0, "scale ~ t"),
    (0.0, 1.5, "scale ~ t^1.5"),
)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns exponents at fixed rates, the best average, and the radial loss over the flow's."""
    found: dict[str, Measured | Unmeasured] = {"growth_radial_flow": _radial_over_flow(study)}
    for name, power in SCALES.items():
        cell = _members(study, **{Q: power, envelopes.RATE: MODERATE})
        result = envelopes.envelope(cell, LAST + "loss").exponent(study.config.window)
        detail = f"{_seeds_alone(result)}; the ladder's other rates stand in the table"
        found[name] = Measured(result, detail)
    still = _members(study, **{Q: 0.0})
    best = envelopes.envelope(still, AVERAGE + "loss", keys=(P, envelopes.RATE))
    power, rate = best.settings[best.best_R[-1]]
    result = best.exponent(study.config.window)
    detail = f"{_seeds_alone(result)}; at the end the best has p = {power:.2g}, rate {rate:.3g} "
    detail += f"and a loss of {float(best.ends.mean()):.4f}"
    found["growth_average"] = Measured(result, detail)
    fast, linear = (
        envelopes.envelope(_members(study, **{Q: power}), LAST + "loss") for power in (1.5, 1.0)
    )
    ends = [f"{float(e.ends.mean()):.4f}" for e in (fast, linear)]
    found["growth_too_fast"] = Measured(
        envelopes.end_ratio(fast.ends, linear.ends), f"{ends[0]} against {ends[1]} nats"
    )
    return found


def _seeds_alone(result: ExponentInterval) -> str:
    return f"against steps; seeds alone [{result.seed_low:.3f}, {result.seed_high:.3f}]"


def _members(study: Study, **values: float) -> xr.Dataset:
    same = [np.isclose(study.data[key].values, value) for key, value in values.items()]
    return study.data.isel(member=np.logical_and.reduce(same))


def _radial_over_flow(study: Study) -> Measured:
    """The mean over powers, seeds and records; the ends envelop the seeds' intervals of each."""
    low = study.config.window[0]
    powers = sorted({float(p) for p in study.data[P].values if p <= 0.5})
    means, lows, highs, details = [], [], [], []
    for power in powers:
        cell = _members(study, **{P: power, Q: 0.0, envelopes.RATE: QUIET})
        _, flow_SxR = measures.aligned_flows(
            cell, study.config.task.features, study.config.task.classes
        )
        ratio_SxR = measures.curves(cell, LAST + "loss_radial").value_SxR / flow_SxR
        steps_R = cell["step"].values[1:]
        records = [student_interval(r) for r in ratio_SxR[:, steps_R >= low].T]
        means.append(np.mean([record.value for record in records]))
        lows.append(min(record.low for record in records))
        highs.append(max(record.high for record in records))
        details.append(f"p = {power:.2g}: {means[-1]:.3f}")
    seeds = len(np.unique(study.data["seed"]))
    interval = Interval(float(np.mean(means)), min(lows), max(highs), seeds, 0.95)
    return Measured(interval, "; ".join(details))


def figures(study: Study) -> list[Figure]:
    """Returns the exponent against the powers, and the parts of the loss."""
    figure, axes = panels(2, 2)
    for ax, key, other in ((axes[0], P, Q), (axes[1], Q, P)):
        cells = _members(study, **{other: 0.0})
        for weights, colour, marker in ((LAST, "C0", "o"), (AVERAGE, "C1", "s")):
            for rate in np.unique(cells[envelopes.RATE]):
                rows = _members_of(cells, envelopes.RATE, rate)
                powers = np.unique(rows[key])
                slopes = [
                    _slope(_members_of(rows, key, power), weights, study.config.window)
                    for power in powers
                ]
                shade = 0.35 + 0.65 * np.log10(rate) / 2
                ax.plot(powers, slopes, marker=marker, ms=4, lw=1, color=colour, alpha=shade)
        ax.axhline(THIRD, color="grey", ls=":", lw=1)
        ax.set_ylabel("exponent, against steps")
    for label, colour, marker in (("last weights", "C0", "o"), ("averaged", "C1", "s")):
        axes[0].plot([], [], marker=marker, color=colour, label=label)
    p = np.linspace(-0.5, 1, 20)
    axes[0].plot(p, (1 + p) / 3, "k--", lw=1, label="the flow: (1+p)/3")
    axes[0].axhline(2 / 3, color="black", ls=":", lw=1, label="2/3")
    axes[0].set(xlabel="power p of the rate", ylim=(-0.5, 1.2))
    q = np.linspace(1 / 3, 1, 20)
    axes[1].plot(q, q, "k--", lw=1, label="theory: q, up to 1")
    axes[1].set(xlabel="power q of the logit scale", ylim=(-0.5, 1.2))
    for ax, name, title in (
        (axes[2], "loss_radial", "radial part: right, but not sharp enough"),
        (axes[3], "error", "wrong answers: the angle, at any scale"),
    ):
        for power, growth, label in SHOWN:
            cell = _members(study, **{P: power, Q: growth, envelopes.RATE: MODERATE})
            for weights, style in ((LAST, "-"), (AVERAGE, "--")):
                value_R = measures.curves(cell, weights + name).value_SxR.mean(axis=0)
                colour = f"C{SHOWN.index((power, growth, label))}"
                text = label if weights == LAST else ""
                ax.plot(cell["step"].values[1:], value_R, style, color=colour, label=text)
        unit = "share" if name == "error" else "nats"
        ax.set(xscale="log", yscale="log", xlabel="steps", ylabel=unit, title=title)
    for ax in axes:
        plots.legend(ax)
    caption = (
        "SGD on hard labels. Above: exponents in the window of steps "
        f"{study.config.window[0]:g} to {study.config.window[1]:g} for every rate of the ladder "
        "(darker is higher), against the power of the rate (left) and of the logit scale (right). "
        f"Below, at rate {MODERATE:g}: what each bottleneck holds, last weights solid and averaged "
        "weights dashed."
    )
    return [Figure("growth", "Why growth escapes one third", caption, figure)]


def _members_of(data: xr.Dataset, key: str, value: float) -> xr.Dataset:
    return data.isel(member=np.isclose(data[key].values, value))


def _slope(data: xr.Dataset, weights: str, window: tuple[float, float]) -> float:
    curve_R = measures.curves(data, weights + "loss").value_SxR.mean(axis=0)
    if not np.isfinite(curve_R).all():  # a member diverged
        return np.nan
    return -measures.slope(data["step"].values[1:].astype(float), curve_R, window)


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    rows = []
    cells = sorted(
        set(zip(*(study.data[key].values.tolist() for key in (Q, P, envelopes.RATE)), strict=True))
    )
    for growth, power, rate in cells:
        cell = _members(study, **{Q: growth, P: power, envelopes.RATE: rate})
        row = [growth, power, rate]
        for weights in (LAST, AVERAGE):
            end = {
                name: float(measures.curves(cell, weights + name).value_SxR[:, -1].mean())
                for name in ("loss", "loss_radial", "error")
            }
            row += [_slope(cell, weights, study.config.window), *end.values()]
        rows.append([*row, int((cell["diverged_step"].isel(step=-1) >= 0).sum())])
    header = ["q", "p", "first rate"]
    for weights in ("last", "average"):
        header += [f"{weights}: exponent", "end loss", "radial", "wrong answers"]
    caption = "growth: every cell, mean over seeds; exponents against steps"
    return [Table(caption, [*header, "diverged"], rows)]
