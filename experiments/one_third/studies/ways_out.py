"""The ways out: what moves the loss off one third, at equal compute and equal tuning."""

from __future__ import annotations

import numpy as np

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.expected import THIRD, Expected, Measured, Unmeasured
from experiments.one_third.studies import TEACHER
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

THEORY = "docs/ways_out.md, derived in this lab"
FOLLOW_UP = "arXiv 2609.37745, envelope over tuned rates"


def _envelope(
    name: str, weights: str, published: float | None, centre: float, margin: float, source: str
) -> Expected:
    kind = {"last": "its last weights", "average": "its averaged weights"}[weights]
    return Expected(
        f"{name}, tuned at every horizon: the loss of {kind} falls with the steps as t^-{centre:.2f}",
        source,
        published,
        (centre - margin, centre + margin),
        exponent=True,
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
        exponent=True,
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
        "Control: a scale ~ t^1.5 is more than the directions follow: end loss over that of ~ t",
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

PINNED = TEACHER | {
    "task.labels": "hard",
    "train.steps": 10_000,
    "train.batch_size": 512,
    "window": (300.0, 10_000.0),
}
