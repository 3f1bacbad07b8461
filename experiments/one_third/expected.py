"""The claims of the one-third experiment before their measurement: sentences and expected ranges.

EXPECTED is not adjusted to the outcome of the committed study, which ran on seeds that no pilot had
used. What that is worth, claim by claim: pilots on other seeds had been seen when the ranges were
written. Two claims, `flat_theory` and `adam_spread`, were written while the study ran, and joined
the file after most of its runs had ended: take them as found in pilots and repeated on new seeds.

Where a published number belongs to one fit window there are two claims: one in that window, and one
that must hold in every window of the family that `jaxlab.analysis.interval` fixes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from experiments.one_third.measures import HEADLINE_RATE
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.theory import exponential_rate

PAPER = "arXiv 2602.03685"
THIRD = 1 / 3
FLAT_RATE = exponential_rate(classes=128)


@dataclass(frozen=True)
class Expected:
    """A claim before its measurement; see `jaxlab.report.claims.Claim`.

    Attributes:
      claim: the sentence.
      source: where it is published.
      published: the published value, None where the source gives no number.
      range: (low, high), stated beforehand.
      control: whether it is of a thing that must not obey the law.
      exponent: whether its value is an exponent to set beside 1/3 in the overview.
      group: where the overview shows it: "law", "control" or "way out".
      short: its name there; without one, its id.
    """

    claim: str
    source: str
    published: float | None
    range: tuple[float, float]
    control: bool = False
    exponent: bool = False
    group: str = "law"
    short: str = ""


@dataclass(frozen=True)
class Measured:
    """What a study says of a claim: a value with its interval, and a remark for the reader."""

    interval: Interval
    detail: str = ""


@dataclass(frozen=True)
class Unmeasured:
    """Why a study that can answer other claims cannot answer this one."""

    reason: str


EXPECTED = {
    "headline": Expected(
        "Adam at rate 0.0811 and T = 1e-3: the loss falls as τ^-0.337 over τ in [4, 162]",
        f"{PAPER}, Fig. 1 (README of its code)",
        0.337,
        (0.322, 0.352),
    ),
    "headline_any_window": Expected(
        "The same cell: the exponent is 0.337 in every part of that window that keeps half of it",
        f"{PAPER}, Fig. 1; windows by this lab",
        0.337,
        (0.322, 0.352),
    ),
    "hard_labels_loss": Expected(
        "SGD on hard labels: the loss falls as τ^-1/3 once it has settled",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.34",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
    ),
    "hard_labels_scale": Expected(
        "The same runs: the logit scale grows as τ^1/3",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.33",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
    ),
    "hard_labels_theory_loss": Expected(
        "The same runs: the loss is that of the aligned flow, which has no fitted constant (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "hard_labels_theory_scale": Expected(
        "The same runs: the logit scale is that of the aligned flow (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "flat_rate": Expected(
        "Control: on a flat target (T = 1) the loss falls exponentially, at rate 2/n per τ",
        f"{PAPER}, high-temperature regime",
        FLAT_RATE,
        (0.97 * FLAT_RATE, 1.03 * FLAT_RATE),
        control=True,
    ),
    "flat_rate_any_half": Expected(
        "Control: the same rate in each half of the window",
        f"{PAPER}, high-temperature regime; halves by this lab",
        FLAT_RATE,
        (0.97 * FLAT_RATE, 1.03 * FLAT_RATE),
        control=True,
    ),
    "flat_theory": Expected(
        "Control: its rate is that of the aligned flow for its own teachers, no fit (ratio)",
        f"{PAPER}, aligned-student ansatz at finite β*; sampling by this lab",
        1.0,
        (0.97, 1.03),
        control=True,
    ),
    "flat_is_exponential": Expected(
        "Control: R² of a straight line through log loss against τ",
        f"{PAPER}, high-temperature regime",
        None,
        (0.999, inf),
        control=True,
    ),
    "adam_spread": Expected(
        "Adam has no exponent of its own: at T = 1e-3 it spans more than 0.1 over learning rates",
        "arXiv 2609.37745 (Adam has no single exponent); grid of arXiv 2602.03685, Fig. 1",
        None,
        (0.1, inf),
    ),
    "rate_lowest": Expected(
        "Control: Adam at the lowest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "rate_highest": Expected(
        "Control: Adam at the highest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "temperature_scan": Expected(
        "At the headline's rate a warmer teacher has a larger exponent: T = 0.0072 minus T = 1e-3",
        f"{PAPER}, finite β*: (1/3)(1+u)/(1-u)",
        None,
        (0.0, inf),
    ),
    "text_exponent": Expected(
        "Real text: the loss falls to a floor as τ^-1/3, with the exponent free",
        f"{PAPER}, Fig. 6: 0.341, 0.367, 0.337, 0.307 for Pythia",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
    ),
    "static_gradient": Expected(
        "Static theory at β* = 100: slope of ln(-dL/dβ) against ln β",
        f"{PAPER}, Fig. 3",
        -2.261,
        (-2.30, -2.22),
    ),
    "static_loss": Expected(
        "Static theory at β* = 100: slope of ln L against ln β",
        f"{PAPER}, Fig. 3",
        -1.151,
        (-1.23, -1.07),
    ),
}


TEACHER = {"task.name": "teacher", "task.features": 32, "task.classes": 128}
ADAM = {"optimizer.name": "adam", "train.batch_size": 1024, "schedule.name": "constant"}
SGD = {"optimizer.name": "sgd", "train.batch_size": 1024, "schedule.name": "constant"}

# What a study must be for its claims to speak of it; a difference leaves them unmeasured.
PINNED = {
    "headline": TEACHER
    | ADAM
    | {"task.temperature": 1e-3, "model.init_scale": 0.0, "window": (4.0, 162.0)}
    | {"optimizer.learning_rate": HEADLINE_RATE, "train.steps": 2000},
    "hard_labels": TEACHER | SGD | {"task.labels": "hard", "window": (1e4, 2e5)},
    "flat": TEACHER | SGD | {"task.temperature": 1.0, "window": (50.0, 600.0)},
    "adam_grid": TEACHER | ADAM | {"task.labels": "soft", "train.steps": 2000},
    "text": {"task.name": "text", "schedule.name": "constant"},
}


CLAIMS_OF = {
    "headline": ("headline", "headline_any_window"),
    "hard_labels": (
        "hard_labels_loss",
        "hard_labels_scale",
        "hard_labels_theory_loss",
        "hard_labels_theory_scale",
    ),
    "flat": ("flat_rate", "flat_rate_any_half", "flat_theory", "flat_is_exponential"),
    "adam_grid": ("rate_lowest", "rate_highest", "temperature_scan", "adam_spread"),
    "text": ("text_exponent",),
}
