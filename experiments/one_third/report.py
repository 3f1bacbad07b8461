"""The one-third experiment's part of a report: its answer, claims, figures and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from experiments.one_third.claims import claims, expected
from experiments.one_third.expected import THIRD, Expected
from experiments.one_third.studies import NAMES, WITHOUT_RUNS, part
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim, Verdict, format_estimate
from jaxlab.report.figures import Figure
from jaxlab.report.forest import forest
from jaxlab.report.page import Section, Table

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
    found = claims(studies)
    calls = [(part(name), (studies[name],)) for name in NAMES if name in studies]
    calls += [(part(name), ()) for name in WITHOUT_RUNS]
    figures, tables, missing = [], [], []
    for module, study in calls:
        for make, made in ((module.figures, figures), (module.tables, tables)):
            try:
                made += make(*study)
            except ValueError as error:  # such as a diverged member
                missing.append([module.__name__.rpartition(".")[2], make.__name__, str(error)])
    if missing:
        tables.append(Table("What could not be drawn, and why", ["study", "part", "why"], missing))
    first = overview(found, expected(studies))
    return Section(TITLE, answer(found), found, figures, tables, first)


def overview(found: list[Claim], known: Mapping[str, Expected]) -> Figure | None:
    """Returns every claim about an exponent on one axis, or None without any."""
    exponents = [(known[claim.id], claim) for claim in found if known[claim.id].exponent]
    if not exponents:
        return None
    groups = {
        heading: [(e.short or claim.id, claim) for e, claim in exponents if e.group == group]
        for group, heading in HEADINGS.items()
    }
    figure = forest(
        {heading: rows for heading, rows in groups.items() if rows},
        reference=THIRD,
        reference_label="1/3",
        quantity="exponent",
    )
    caption = (
        "Every measured exponent with its interval, against the range that was expected "
        "beforehand. Sentences, windows and sources stand in the table below."
    )
    return Figure("overview", "Where one third holds, and what escapes it", caption, figure)


def answer(found: list[Claim]) -> str:
    """Returns the answer in one paragraph, every number and verdict of it from the claims."""
    by_id = {claim.id: claim for claim in found}
    sentences = []
    for name, text in SENTENCES:
        claim = by_id.get(name)
        if claim is None:
            continue
        number = format_estimate(claim.measured, claim.low, claim.high)
        sentences.append(f"{text.format(number)} ({claim.verdict}).")
    counts = Counter(claim.verdict for claim in found)
    total = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return " ".join([*sentences, f"Of {len(found)} claims: {total}."])
