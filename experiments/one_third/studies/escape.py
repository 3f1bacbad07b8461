"""The escape, measured closely: loss ~ t^-q for a logit scale ~ t^q."""

from __future__ import annotations

import numpy as np

from experiments.one_third import measures
from experiments.one_third.envelopes import end_ratio
from experiments.one_third.expected import THIRD
from experiments.one_third.studies import SGD, TEACHER
from experiments.one_third.studies.ways_out import THEORY
from jaxlab.analysis.interval import ExponentInterval, exponent_interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

P, Q = "schedule.power", "schedule.weight_growth"
CLOCK = "step"
ALONE = (1.0, 0.5)  # p, q: the rate makes up for what growing weights take from it
POWERS = {  # claim id -> growth of the scale, exponent of the theory, margin
    "escape_000": (0.0, THIRD, 0.03),
    "escape_050": (0.5, 0.5, 0.06),
    "escape_075": (0.75, 0.75, 0.06),
    "escape_100": (1.0, 1.0, 0.06),
}


def _exponent_claim(growth: float, exponent: float, margin: float) -> Expected:
    kind = f"scaled as t^{growth:g}" if growth else "left alone"
    return Expected(
        f"SGD on hard labels, logit scale {kind}: the loss falls with the steps t "
        f"as t^-{exponent:.3g}",
        f"{THEORY}; found with three seeds in `growth`, repeated on new ones",
        None,
        (exponent - margin, exponent + margin),
        in_overview=True,
        group="way out",
        short=f"scale ~ t^{growth:g}, closely",
    )


EXPECTED = {name: _exponent_claim(*power) for name, power in POWERS.items()} | {
    "escape_gain": Expected(
        "The same at the end: loss with a scale ~ t over that with a scale left alone (ratio)",
        f"{THEORY}; found with three seeds in `growth`, repeated on new ones",
        None,
        (0.0, 0.1),
    ),
    "escape_too_fast": Expected(
        "Control: at the same rate a scale ~ t^1.5 ends above a scale ~ t (ratio of losses)",
        f"{THEORY}; found with three seeds in `growth`, repeated on new ones",
        None,
        (1.0, np.inf),
        control=True,
    ),
    "escape_scale_alone": Expected(
        "Control: a scale ~ t^1/2 whose own rate does not fall (rate ~ t beside it) ends above a "
        "scale left alone, as the noise takes what it gains (ratio of losses)",
        f"{THEORY}; pilots of `growth` with other powers pointed there",
        None,
        (1.0, np.inf),
        control=True,
    ),
}

PINNED = (
    TEACHER
    | SGD
    | {"task.labels": "hard", "optimizer.learning_rate": 10.0, "train.batch_size": 512}
    | {"schedule.name": "power", "schedule.offset": 100.0}
    | {"train.steps": 20_000, "window": (1_000.0, 20_000.0)}
)


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent of every growth, and what growth is worth at the end."""
    found = {}
    for name, (growth, _, _) in POWERS.items():
        result = _exponent(study, growth)
        detail = f"against steps; seeds alone [{result.seed_low:.3f}, {result.seed_high:.3f}]"
        found[name] = Measured(result, detail)
    ends = {growth: _losses(study, growth)[:, -1] for growth in (0.0, 1.0, 1.5)}
    alone_S = _losses(study, ALONE[1], power=ALONE[0])[:, -1]
    nats = {growth: f"{end_S.mean():.4f}" for growth, end_S in ends.items()}
    found["escape_gain"] = Measured(
        end_ratio(ends[1.0], ends[0.0]), f"{nats[1.0]} against {nats[0.0]} nats"
    )
    found["escape_too_fast"] = Measured(
        end_ratio(ends[1.5], ends[1.0]), f"{nats[1.5]} against {nats[1.0]} nats"
    )
    found["escape_scale_alone"] = Measured(
        end_ratio(alone_S, ends[0.0]), f"{alone_S.mean():.4f} against {nats[0.0]} nats"
    )
    return found


def _losses(
    study: Study, growth: float, name: str = measures.LOSS, power: float = 0.0
) -> np.ndarray:
    values = ((P, power), (Q, growth))
    same_M = [np.isclose(study.data[key].values, value) for key, value in values]
    cell = study.data.isel(member=np.logical_and(*same_M)).sortby("seed")
    return measures.curves(cell, name).value_SxR


def _exponent(study: Study, growth: float, power: float = 0.0) -> ExponentInterval:
    loss_SxR = _losses(study, growth, power=power)
    steps_SxR = np.broadcast_to(study.data["step"].values[1:], loss_SxR.shape)
    return exponent_interval(steps_SxR, loss_SxR, window=study.config.window)


def figures(study: Study) -> list[Figure]:
    """Returns the loss and its radial part against steps, for every growth."""
    figure, axes = panels(1, 2)
    steps_R = study.data["step"].values[1:]
    for ax, name, title in (
        (axes[0], measures.LOSS, "loss"),
        (axes[1], "eval_loss_radial", "its radial part: what the scale costs"),
    ):
        for number, (power, growth) in enumerate(_cells(study)):
            label = f"scale ~ t^{growth:g}" if growth else "scale left alone"
            label += f", rate ~ t^{power:g}" if power else ""
            for seed, loss_R in enumerate(_losses(study, growth, name, power)):
                text = "" if seed else label
                ax.plot(steps_R, loss_R, lw=1, color=f"C{number}", label=text)
        ax.set(xscale="log", yscale="log", xlabel="steps", ylabel="nats", title=title)
    plots.legend(axes[1])
    axes[0].axvspan(*study.config.window, color="grey", alpha=0.08, lw=0)
    slopes = ", ".join(
        f"{_exponent(study, growth).value:.3f} at q = {growth:g}"
        for power, growth in _cells(study)
        if not power
    )
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"SGD on hard labels at rate {study.config.optimizer.learning_rate:g}, {seeds} seeds; "
        f"weights scaled by (1 + t/100)^q. Exponents in the shaded window: {slopes}."
    )
    return [Figure("escape", "A logit scale that grows as t^q: loss ~ t^-q", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every growth: exponent, end loss and its parts."""
    rows = []
    for power, growth in _cells(study):
        found = _exponent(study, growth, power)
        end = student_interval(_losses(study, growth, power=power)[:, -1])
        radial, error = (
            float(_losses(study, growth, name, power)[:, -1].mean())
            for name in ("eval_loss_radial", "eval_error")
        )
        interval = format_estimate(end.value, end.low, end.high)
        rows.append([growth, power, found.value, found.low, found.high, interval, radial, error])
    header = ["q", "p", "exponent", "low", "high", "end loss over seeds", "radial part"]
    header += ["wrong answers"]
    return [Table("escape: every growth of the logit scale, against steps", header, rows)]


def _cells(study: Study) -> list[tuple[float, float]]:
    pairs = zip(study.data[P].values.tolist(), study.data[Q].values.tolist(), strict=True)
    return list(dict.fromkeys(pairs))
