"""The ways out: what moves the loss off one third, at equal compute and equal tuning."""

from __future__ import annotations

import numpy as np

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.expected import THIRD
from experiments.one_third.studies import TEACHER
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

THEORY = "docs/ways_out.md, derived in this lab"
FOLLOW_UP = "arXiv 2609.37745, envelope over tuned rates"


def _envelope(
    name: str, weights: str, published: float | None, centre: float, margin: float, source: str
) -> Expected:
    kind = {"last": "its last weights", "average": "its averaged weights"}[weights]
    return Expected(
        f"{name}, tuned at every horizon on a ladder of rates: the loss of {kind} falls with the "
        f"steps t as t^-{centre:.2f}",
        source,
        published,
        (centre - margin, centre + margin),
        in_overview=True,
        group="way out",
        short=f"{name}, {weights}",
    )


# Claim id -> the way, which of its weights, and what is expected of its envelope.
ENVELOPES = {
    "way_sgd": ("sgd", LAST, _envelope("SGD", "last", 0.341, THIRD, 0.06, FOLLOW_UP)),
    "way_momentum": ("momentum", LAST, _envelope("Momentum", "last", None, THIRD, 0.06, THEORY)),
    "way_normalized": (
        "normalized",
        LAST,
        _envelope("Normalised gradient", "last", None, THIRD, 0.06, THEORY),
    ),
    "way_sign": ("sign", LAST, _envelope("Sign descent", "last", 0.315, 0.315, 0.06, FOLLOW_UP)),
    "way_adam": ("adam", LAST, _envelope("Adam", "last", 0.341, THIRD, 0.06, FOLLOW_UP)),
    "way_muon": ("muon", LAST, _envelope("Muon", "last", 0.332, THIRD, 0.06, FOLLOW_UP)),
    "way_growing_rate": (
        "growing_rate",
        LAST,
        _envelope("SGD, rate ~ t^1/3", "last", None, THIRD, 0.07, THEORY),
    ),
    "way_learned_scale": (
        "learned_scale",
        LAST,
        _envelope("SGD, learned scale", "last", None, THIRD, 0.1, THEORY),
    ),
    "way_sgd_average": ("sgd", AVERAGE, _envelope("SGD", "average", None, 2 / 3, 0.08, THEORY)),
    "way_growing_rate_average": (
        "growing_rate",
        AVERAGE,
        _envelope("SGD, rate ~ t^1/3", "average", None, 2 / 3, 0.08, THEORY),
    ),
    "way_decaying_rate": (
        "decaying_rate",
        LAST,
        _envelope("SGD, rate ~ t^-1/2", "last", None, 0.5, 0.08, THEORY),
    ),
    "way_decaying_rate_fast": (
        "decaying_rate_fast",
        LAST,
        _envelope("SGD, rate ~ t^-3/4", "last", None, 0.75, 0.1, THEORY),
    ),
    "way_growing_scale_half": (
        "growing_scale_half",
        LAST,
        _envelope("SGD, scale ~ t^1/2", "last", None, 0.5, 0.08, THEORY),
    ),
    "way_growing_scale": (
        "growing_scale",
        LAST,
        _envelope("SGD, scale ~ t", "last", None, 1.0, 0.1, THEORY),
    ),
}

EXPECTED = {name: expected for name, (_, _, expected) in ENVELOPES.items()} | {
    "way_decaying_rate_error": Expected(
        "SGD, rate ~ t^-1/2, tuned for it: its share of wrong answers falls as t^-1/2",
        "arXiv 2605.22341: schedules bring the error to -1/2",
        0.5,
        (0.42, 0.58),
        in_overview=True,
        group="way out",
        short="SGD, rate ~ t^-1/2, error",
    ),
    "way_average_gain": Expected(
        "Averaged weights over last weights of SGD, each at its best rate: ratio of end losses",
        THEORY,
        None,
        (0.0, 0.5),
    ),
    "way_growing_scale_gain": Expected(
        "A scale ~ t over a constant one, SGD at its best rates, last weights: ratio of end losses",
        THEORY,
        None,
        (0.0, 0.25),
    ),
    "way_too_fast": Expected(
        "Control: a scale ~ t^1.5 outruns the directions: end loss over that of a scale ~ t",
        THEORY,
        None,
        (1.0, np.inf),
        control=True,
    ),
    "way_decay_at_the_end": Expected(
        "A rate that decays to 0 over the last half does what averaging does: ratio of end losses",
        THEORY,
        None,
        (2 / 3, 3 / 2),
    ),
}
CLOCK = "step"

PINNED = TEACHER | {
    "task.labels": "hard",
    "train.steps": 10_000,
    "train.batch_size": 512,
    "schedule.offset": 100.0,
    "rates": 5,
    "window": (300.0, 10_000.0),
}

# Which part of the theory explains a way: shown in the table.
WHY = {
    "sgd": "scale and noise both hold it",
    "momentum": "SGD at ten times the rate",
    "normalized": "a rate that grows as gradients vanish: noise holds it",
    "sign": "its averages stop too: more than noise holds it; not explained here",
    "adam": "steps that hardly vanish: noise holds it",
    "muon": "steps that do not vanish: noise holds it",
    "growing_rate": "frees the scale; the average must free the noise",
    "growing_rate_half": "frees the scale; the average must free the noise",
    "decaying_rate": "the first steps set the scale, the decay frees the noise",
    "decaying_rate_fast": "the first steps set the scale, the decay frees the noise",
    "decay_at_the_end": "the decay frees the noise at the last moment",
    "growing_scale_half": "sets the scale, and with the rate below it the noise",
    "growing_scale": "sets the scale, and with the rate below it the noise",
    "growing_scale_too_fast": "in the end the scale outruns the directions",
    "learned_scale": "what the scale gains the noise takes",
    "ema": "SGD; the average forgets at a fixed rate, and frees less noise",
    "polyak": "SGD; the plain mean remembers the start",
    "smoothed": "a finite best scale",
    "focal": "pushes wrong answers harder, right ones less: the same near-ties",
    "brier": "its gradient vanishes on confident mistakes",
    "squared": "no softmax: the answer is linear regression, whose argmax is not the teacher's",
    "z_loss": "holds the logits' norm, hence the scale",
}
HORIZON_BOUND = ("decay_at_the_end",)  # its records before the last are no ends of shorter runs


def _names(study: Study) -> list[str]:
    """The ways that ran, in the order of WHY."""
    return [name for name in WHY if name in study.data["way"].values]


def way(study: Study, name: str, weights: str, metric: str = "loss") -> envelopes.Envelope:
    """Returns the envelope of a way's members; see `experiments.one_third.envelopes`."""
    members = study.data.isel(member=study.data["way"].values == name)
    return envelopes.envelope(members, weights + metric)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the envelopes' exponents and the gains at equal cost."""
    found: dict[str, Measured | Unmeasured] = {}
    for claim, (name, weights, _) in ENVELOPES.items():
        try:
            found[claim] = _exponent(way(study, name, weights), study)
        except ValueError as error:  # the members of this way diverged: the others stand
            found[claim] = Unmeasured(str(error))
    error = way(study, "decaying_rate", LAST, "error")
    found["way_decaying_rate_error"] = _exponent(error, study)
    ratios = {
        "way_average_gain": (way(study, "sgd", AVERAGE), way(study, "sgd", LAST)),
        "way_growing_scale_gain": (way(study, "growing_scale", LAST), way(study, "sgd", LAST)),
        "way_too_fast": (
            way(study, "growing_scale_too_fast", LAST),
            way(study, "growing_scale", LAST),
        ),
        "way_decay_at_the_end": (
            way(study, "decay_at_the_end", LAST),
            way(study, "sgd", AVERAGE),
        ),
    }
    for claim, (numerator, denominator) in ratios.items():
        ends = [f"{float(e.ends.mean()):.4f}" for e in (numerator, denominator)]
        ratio = envelopes.end_ratio(numerator.ends, denominator.ends)
        found[claim] = Measured(ratio, f"{ends[0]} against {ends[1]} nats, paired by seed")
    return found


def _exponent(envelope: envelopes.Envelope, study: Study) -> Measured | Unmeasured:
    try:
        result = envelope.exponent(study.config.window)
    except ValueError as error:  # an error that falls to 0 on the evaluation's inputs
        return Unmeasured(str(error))
    detail = (
        f"against steps; seeds alone [{result.seed_low:.3f}, {result.seed_high:.3f}]; "
        f"end value {float(envelope.ends.mean()):.4f}"
    )
    return Measured(result, detail + envelope.edge_note(study.config.window))


def figures(study: Study) -> list[Figure]:
    """Returns the envelopes against steps, and every way's exponent and end loss."""
    shown = ("sgd", "adam", "muon", "growing_rate", "decaying_rate", "decaying_rate_fast")
    shown += ("growing_scale_half", "growing_scale")
    curves, axes = panels(1, 2, panel_height_inches=5.0)
    for ax, weights, title in zip(axes, (LAST, AVERAGE), ("last", "averaged"), strict=True):
        found = [way(study, name, weights) for name in shown]
        plots.loglog_curves(
            ax,
            found[0].step_R,
            np.stack([envelope.value_SxR.mean(axis=0) for envelope in found]),
            labels=[name.replace("_", " ") for name in shown],
        )
        ax.set(xlabel="steps", ylabel="cross-entropy, nats", title=f"{title} weights")
        ax.set(xlim=(10, study.config.train.steps), ylim=(3e-3, 3))
        start, level = study.config.window[0], found[0].value_SxR.mean(axis=0).max() / 6
        for power in (THIRD, 1.0):
            label = f"slope -{power:.2g}"
            plots.reference_slope(ax, power, (start, level), label=label)
    caption = (
        "Hard labels, equal compute. At every step the lowest loss, as a mean over "
        f"{len(found[0].value_SxR)} seeds, that any rate of a way's ladder has there."
    )
    return [
        Figure("ways_out", "The ways out, tuned at every horizon", caption, curves),
        _dots(study),
    ]


def _dots(study: Study) -> Figure:
    names = _names(study)
    figure, (left, right) = panels(1, 2, panel_height_inches=0.34 * len(names) + 1.2)
    for row, name in enumerate(names):
        for offset, weights, colour in ((-0.15, LAST, "C0"), (0.15, AVERAGE, "C1")):
            envelope = way(study, name, weights)
            ends = envelope.ends
            right.plot(ends, np.full(len(ends), row + offset), "o", ms=4, color=colour)
            result = _exponent(envelope, study)
            if name in HORIZON_BOUND or isinstance(result, Unmeasured):
                continue
            found = result.interval
            left.plot([found.low, found.high], [row + offset] * 2, color=colour, lw=2)
            left.plot(found.value, row + offset, "o", ms=5, color=colour)
    for ax, weights in ((right, "last weights"), (right, "averaged weights")):
        ax.plot([], [], "o", color="C0" if weights.startswith("last") else "C1", label=weights)
    left.axvline(THIRD, color="grey", ls=":", lw=1)
    left.set(xlabel="exponent of the envelope, against steps")
    left.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    right.set_yticks(range(len(names)), [""] * len(names))
    right.set(xscale="log", xlabel=f"loss after {study.config.train.steps} steps, nats")
    for ax in (left, right):
        ax.set_ylim(len(names) - 0.5, -0.5)
    plots.legend(right)
    caption = (
        "Left: exponent of each way's envelope with its interval over seeds and windows; the "
        "dotted line is 1/3. Right: the loss at equal cost, a dot per seed, at the rate that is "
        "best for their mean. A decay at the end has no envelope: it knows its horizon."
    )
    return Figure("ways_out_all", "Every way: exponent, and loss at equal cost", caption, figure)


def tables(study: Study) -> list[Table]:
    """Returns every way with both kinds of weights."""
    plain = way(study, "sgd", LAST).ends.mean()
    rows = []
    for name in _names(study):
        for weights, label in ((LAST, "last"), (AVERAGE, "average")):
            envelope = way(study, name, weights)
            ends_S = envelope.ends
            end = student_interval(ends_S)
            found = _exponent(envelope, study)
            exponent = Interval(np.nan, np.nan, np.nan, 0, 0.95)
            if isinstance(found, Measured) and name not in HORIZON_BOUND:
                exponent = found.interval
            error = way(study, name, weights, "error").ends.mean()
            best = envelope.best_R[-1]
            place = f"{best + 1} of {len(envelope.settings)}"
            rows.append(
                [
                    *(name.replace("_", " "), label),
                    *(exponent.value, exponent.low, exponent.high),
                    *(end.value, end.low, end.high, end.value / plain, float(error)),
                    *(envelope.settings[best][0], place, envelope.diverged),
                    WHY[name],
                ]
            )
    header = ["way", "weights", "exponent", "low", "high", "end loss", "low", "high"]
    header += ["over SGD's", "wrong answers", "best rate at the end", "in its ladder"]
    header += ["diverged", "which part of the theory"]
    caption = "ways_out: equal compute and tuning; exponents of the envelopes against steps"
    return [Table(caption, header, rows)]
