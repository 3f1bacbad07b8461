"""The one-third experiment's part of a report: its answer, claims, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.one_third.expected import THIRD
from experiments.one_third.studies import PARTS
from jaxlab.analysis.study import Study
from jaxlab.report.page import Section
from jaxlab.report.parts import answer, overview

TITLE = "Does softmax with cross-entropy learn peaked distributions as τ^(-1/3)?"

# The answer: claims and what is said of their numbers.
SENTENCES = (
    ("hard_labels_loss", "SGD on hard labels, where the theory is clean, has exponent {}"),
    ("hard_labels_theory_loss", "Its loss over that of the theory, with nothing fitted, is {}"),
    ("headline", "The published cell (Adam) has {}"),
    ("adam_spread", "Over Adam's learning rates the exponent spans {}"),
    ("flat_rate", "The control with a flat target falls exponentially, at rate {} per τ"),
    ("text_exponent", "On real text the free exponent is {} over seeds and windows"),
    ("way_sgd", "Tuned at every horizon, the last weights of SGD stay at {}"),
    ("escape_100", "What escapes it: weights that also grow as the step, exponent {}"),
    ("escape_gain", "There, at one rate and equal cost, their loss is {} of SGD's"),
)

# The groups of `Expected.group`, in the order of the overview.
HEADINGS = {"law": "The law", "control": "Controls", "way out": "Ways out"}


def section(studies: Mapping[str, Study]) -> Section:
    """Returns what the page says of these studies."""
    claims = PARTS.claims(studies)
    figures, tables = PARTS.drawn(studies)
    exponents = overview(
        claims,
        PARTS.expected(studies),
        HEADINGS,
        name="one_third_overview",
        title="Where one third holds, and what escapes it",
        caption="Every measured exponent with its interval, against the range that was expected "
        "beforehand. Sentences, windows and sources stand in the table below.",
        reference=THIRD,
        reference_label="1/3",
        quantity="exponent",
    )
    return Section(TITLE, answer(claims, SENTENCES), exponents, claims, figures, tables)
