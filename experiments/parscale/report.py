"""What the report of ParScale says beside the claims of its studies."""

from __future__ import annotations

from experiments.parscale.words import CONTROLS, FROM_SCRATCH, SWITCHED_ON
from jaxlab.report.hypothesis import Hypothesis, Results, System

# Ids of claims, and what is said of their numbers where all of them were measured.
SENTENCES = (
    (
        ("branches_gain_4", "branches_prefix"),
        "Switched on in a trained decoder, four streams gain {} % of the loss over a single stream "
        "with a prefix ({verdict}), which itself gains {} % over one without.",
    ),
    (
        ("branches_law_4", "branches_tokens"),
        "That is {} times what the published law predicts at this size ({verdict}); as much "
        "training compute spent on more tokens takes {} % off their loss.",
    ),
    (
        ("widths_gain_4", "widths_of_law_4", "widths_beyond_4"),
        "Trained from scratch, four streams gain {} % over one ({verdict}), {} times what the "
        "published law predicts at these sizes, and {} % over one with as many parameters.",
    ),
)


def answer(results: Results) -> list[str]:
    """Returns one to three sentences from those of the results that were measured."""
    return [
        sentence.format(*(results[id].number for id in ids), verdict=results[ids[0]].verdict)
        for ids, sentence in SENTENCES
        if all(id in results for id in ids)
    ]


SYSTEMS = (
    System(
        "two stages: streams switched on in a trained decoder (Sec. 4, Fig. 5)",
        "branches",
        "branches_gain_4",
        "longer branches and larger decoders: size `large`",
    ),
    System(
        "the law from scratch, E + (A / (N (k ln P + 1)))^α (Fig. 2)",
        "widths",
        "widths_k",
        "20 tokens a parameter, more widths, and decoders of 0.1 to 1 billion parameters",
    ),
    System(
        "correlation of the streams' errors (Eq. 4)",
        "branches",
        "branches_average_4",
        "the errors themselves on a source whose true distribution is known",
    ),
    System(
        "reasoning against memory (conjecture from the benchmarks)",
        "memory",
        "memory_ratio_4",
        "the decoders of `branches`, with the single-stream prefix as the reference",
    ),
    System(
        "which transformation makes streams differ (App. A)",
        "branches",
        "branches_lora",
        "rates tuned for each",
    ),
    System(
        "streams around a frozen decoder (Fig. 6)",
        "",
        "",
        "a study; `start.frozen` trains them",
    ),
    System(
        "cost of inference (Figs. 1 and 4)",
        "widths",
        "law_cost_latency_8",
        "the decoding of `scripts/benchmark.py` on an idle accelerator",
    ),
)

HYPOTHESIS = Hypothesis(
    question="Do P parallel streams act like more parameters?",
    answer=answer,
    highlights=(
        "branches_gain_4",
        "branches_law_4",
        "branches_tokens",
        "widths_beyond_4",
        "memory_recall_multiplier_4",
    ),
    quantity="gain, % of the loss",
    reference=0.0,
    reference_label="no difference",
    headings=(SWITCHED_ON, FROM_SCRATCH, CONTROLS),
    limits="Decoders of up to a million parameters, the published ones have 0.5 to 4.4 billion. "
    "What the published law predicts at this size is an extension over three orders of magnitude. "
    "Branches have a third of the tokens of their trunk: what streams would gain with more is not "
    "seen. The text is the source of Python packages, and all seeds share one held-out set, so "
    "their intervals leave out the choice of its documents; the detail of each gain has a standard "
    "error over these. One learning rate serves all conditions. The study of memory and reasoning "
    "has decoders of a few thousand parameters. Intervals are of 95 % each, not corrected for the "
    "number of claims: one in twenty misses what it measures.",
    systems=SYSTEMS,
)
