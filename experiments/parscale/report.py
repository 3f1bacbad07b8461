"""The ParScale experiment's part of a report: its answer, claims, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.parscale.studies import PARTS
from jaxlab.analysis.study import Study
from jaxlab.report.page import Section
from jaxlab.report.parts import answer, overview

TITLE = "Do P parallel streams act like more parameters?"

# The answer: claims and what is said of their numbers.
SENTENCES = (
    ("widths_multiplier_2", "Two streams are worth {} times their own parameters (published 1.25)"),
    ("widths_multiplier_4", "Four are worth {} times theirs (published 1.50)"),
    ("widths_multiplier_8", "Eight are worth {} times theirs (published 1.76)"),
    ("widths_gain_4", "Four take {} per cent off the loss of one (published 2.8)"),
    ("widths_beyond_4", "Against one of as many parameters they take {} per cent off"),
    ("widths_lone", "The control, one stream with a prefix, takes {} per cent"),
    ("controls_over_prefix", "At one width four streams take {} per cent off that control"),
    ("controls_over_wider", "Against as many parameters in a wider decoder they gain {} per cent"),
    ("controls_tokens", "Their training compute, spent on tokens, takes {} per cent off theirs"),
    ("two_stage_gain_4", "Switched on in a trained decoder, four streams gain {} per cent"),
    ("frozen_gain", "Around a frozen decoder the most streams gain {} per cent over one"),
    ("memory_ratio_4", "Four are worth {} times as much in reasoning as in memory"),
)

# What the reader of that many claims should know.
CAVEATS = (
    "Intervals are of 95 % each, not corrected for the number of claims: one in twenty misses what "
    "it measures. All text studies are of one corpus, with decoders that two million bytes fill; "
    "not shown is what pilots found before, that with up to a million bytes at width 16 streams "
    "gain nothing."
)

# The groups of `Expected.group`, in the order of the overview.
HEADINGS = {"law": "Streams", "control": "Controls", "stages": "Trained decoders"}


def section(studies: Mapping[str, Study]) -> Section:
    """Returns what the page says of these studies."""
    claims = PARTS.claims(studies)
    figures, tables = PARTS.drawn(studies)
    gains = overview(
        claims,
        PARTS.expected(studies),
        HEADINGS,
        name="parscale_overview",
        title="What streams gain, and what else does",
        caption="What each change takes off the loss, paired by seed, with 95 % intervals, against "
        "the range that was expected beforehand. Sentences and sources stand in the table below.",
        reference=0.0,
        reference_label="no difference",
        quantity="gain, % of the loss",
    )
    summary = f"{answer(claims, SENTENCES)} {CAVEATS}"
    return Section(TITLE, summary, gains, claims, figures, tables)
