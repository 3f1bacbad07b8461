"""What the report of ParScale says beside the claims of its studies."""

from __future__ import annotations

from experiments.parscale.words import CONTROLS, FROM_SCRATCH, FROZEN, SWITCHED_ON
from jaxlab.report.hypothesis import Hypothesis, Results

# Ids of claims, and what is said of their numbers where all of them were measured.
SENTENCES = (
    (
        ("two_stage_over_lone", "two_stage_lone"),
        "Switched on in a trained decoder, four streams gain {} % of the loss over a single stream "
        "with a prefix ({verdict}), which itself gains {} % over one without.",
    ),
    (
        ("widths_gain_4", "widths_of_law_4", "widths_beyond_4"),
        "Trained from scratch, four streams gain {} % over one ({verdict}), {} times what the "
        "published law predicts at these sizes, and {} % over one with as many parameters.",
    ),
    (
        ("controls_tokens",),
        "Their training compute, spent on more tokens for one stream, takes {} % off their loss.",
    ),
)


def answer(results: Results) -> list[str]:
    """Returns one to three sentences from those of the results that were measured."""
    return [
        sentence.format(*(results[id].number for id in ids), verdict=results[ids[0]].verdict)
        for ids, sentence in SENTENCES
        if all(id in results for id in ids)
    ]


HYPOTHESIS = Hypothesis(
    question="Do P parallel streams act like more parameters?",
    answer=answer,
    highlights=(
        "two_stage_over_lone",
        "widths_of_law_4",
        "widths_beyond_4",
        "controls_tokens",
        "memory_recall_multiplier_4",
    ),
    quantity="gain, % of the loss",
    reference=0.0,
    reference_label="no difference",
    headings=(SWITCHED_ON, FROZEN, FROM_SCRATCH, CONTROLS),
    limits="Decoders of 1,600 to 6,300 parameters, where eight streams add half and more to them; "
    "at the published 0.5 to 4.4 billion a stream adds 0.2 %. The published gains are of those "
    "sizes and no comparator here: with the floor and exponent of these decoders the same law "
    "predicts other gains, which stand beside them. All text studies are of one corpus, with "
    "decoders that two million bytes fill; not shown is what pilots found before, that with up to "
    "a million bytes at width 16 streams gain nothing. Learning rates are not tuned: `widths`, "
    "`variants` and the second stages run at 0.01, where a first record had one stream 1.3 % worse "
    "than at 0.02, more than any gain of streams; in `controls` the best of three rates was the "
    "highest. Variants of four streams differ in their parameters, so LoRA's gain over prefixes "
    "is no more than its larger number of parameters would give. Intervals are of 95 % each, not "
    "corrected for the number of claims: one in twenty misses what it measures.",
)
