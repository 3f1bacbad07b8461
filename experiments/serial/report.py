"""The serial-depth experiment's part of a report: its answer, claims, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.serial.studies import PARTS
from jaxlab.analysis.study import Study
from jaxlab.report.page import Section, Table
from jaxlab.report.parts import answer

TITLE = "Does serial depth buy what no width and no vote can?"

# The answer: claims and what is said of their numbers.
SENTENCES = (
    ("light_cone_slope", "A step of Rule 110 costs {} layers"),
    ("light_cone_width", "eight times the width moves accuracy by {} at most"),
)

# What the numbers cannot say, beside what they can.
LIMITS = (
    (
        "the paper",
        "It proves and cites, and has no experiment: no number here is the paper's own, and every "
        "expected range is this lab's.",
    ),
    (
        "light cones",
        "A circuit that reads its neighbours cannot see further than its depth: a threshold at T "
        "layers is then one of sight, and the easy Rule 90 has it as well. It shows that width "
        "does not replace depth, and nothing of a complexity class.",
    ),
    (
        "learning",
        "A model that fails has not learned; whether it could hold the answer is another question. "
        "Only an exact ceiling, or a truth table fitted whole, separates the two.",
    ),
    (
        "size",
        "Classes such as TC0 speak of all lengths, and of the worst case, where these are few "
        "lengths and random rows.",
    ),
    (
        "diffusion",
        "The theorem wants exact scores of one continuous token from a backbone of constant depth; "
        "masked diffusion is not covered by it, and not tested here.",
    ),
)


def section(studies: Mapping[str, Study]) -> Section:
    """Returns what the page says of these studies."""
    claims = PARTS.claims(studies)
    figures, tables = PARTS.drawn(studies)
    limits = Table("What these numbers cannot say", ["of", "limit"], [list(row) for row in LIMITS])
    return Section(TITLE, answer(claims, SENTENCES), claims, figures, [limits, *tables])
