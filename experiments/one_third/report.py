"""What the report of the one-third law says beside the claims of its studies."""

from __future__ import annotations

from jaxlab.report.claims import Result, Verdict
from jaxlab.report.hypothesis import Hypothesis, Results, System

SUPPORTED, UNDECIDED = Verdict.SUPPORTED, Verdict.UNDECIDED


def answer(results: Results) -> list[str]:
    """Returns the answer, at most three sentences, by the verdicts of what was measured."""
    makers = (_where_the_theory_is_clean, _with_adam, _whether_it_is_a_limit)
    return [sentence for make in makers if (sentence := make(results))]


def _where_the_theory_is_clean(results: Results) -> str:
    clean = results.get("hard_labels_loss")
    if clean is None:
        return ""
    said = {
        SUPPORTED: "Yes, where the theory is clean: with plain SGD and one correct class per "
        "input the loss falls about as τ^(-1/3), τ being the sum of the learning rates so far",
        UNDECIDED: "Undecided where the theory is clean, with plain SGD and one correct class per "
        "input: the measured exponent agrees with 1/3, but other values are not excluded",
    }
    no = "Not even where the theory is clean, with plain SGD and one correct class per input"
    return f"{said.get(clean.verdict, no)} (exponent {clean.number})."


def _with_adam(results: Results) -> str:
    published, spread = results.get("headline"), results.get("adam_spread")
    sentences = []
    if published:
        said = {
            SUPPORTED: "With Adam the published exponent of 0.337 is reproduced at the published "
            "learning rate",
            UNDECIDED: "With Adam at the published learning rate the measured exponent does not "
            "decide whether the published 0.337 is right",
        }
        no = "With Adam at the published learning rate the published exponent of 0.337 is not found"
        sentences.append(f"{said.get(published.verdict, no)} ({published.number})")
    if spread:
        said = {
            SUPPORTED: "Adam has no exponent of its own: between learning rates it differs by",
            UNDECIDED: "whether it changes much with Adam's learning rate is undecided: it "
            "differs by",
        }
        no = "it hardly changes with Adam's learning rate: it differs by"
        sentences.append(f"{said.get(spread.verdict, no)} {spread.number}")
    joined = ", but ".join(sentences)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def _whether_it_is_a_limit(results: Results) -> str:
    grown, tuned = results.get("escape_100"), results.get("way_sgd")
    if grown is None:
        return ""
    beside = f", where SGD tuned for every horizon has {tuned.number}" if tuned else ""
    if _above_third(grown):
        return (
            "It is a law of the method, not of the task: when the weights are also scaled up in "
            "proportion to the training step, the loss falls with the number of steps with "
            f"exponent {grown.number}{beside}."
        )
    return (
        "Scaling up the weights in proportion to the training step was meant to change the "
        f"exponent; whether it does is not shown: it is {grown.number}{beside}."
    )


def _above_third(result: Result) -> bool:
    return result.estimate is not None and result.estimate.low > 1 / 3


SYSTEMS = (
    System(
        "softmax student of a peaked teacher, Adam (Fig. 1)",
        "headline",
        "headline",
        "other widths and numbers of classes",
    ),
    System(
        "the grid of learning rates and temperatures (Fig. 1 and 4)",
        "adam_grid",
        "adam_spread",
        "longer runs at the lowest rates, which end before the law begins",
    ),
    System("the same grid with SGD", "sgd_grid", "sgd_collapse", "more temperatures"),
    System(
        "the theory: aligned gradient flow, one-hot labels",
        "hard_labels",
        "hard_labels_theory_loss",
        "a further decade of τ: the exponent of the flow itself is still above 1/3 in the window",
    ),
    System(
        "flat targets, the control",
        "flat",
        "flat_rate",
        "nothing at this size: the small difference from 2/n is the theory's own",
    ),
    System(
        "finite temperatures, curvature",
        "temperature_scan",
        "scan_finite_temperature",
        "more seeds, and more than two temperatures in the far regime",
    ),
    System(
        "large initial weights (Fig. 5a, b)",
        "initial_scale",
        "start_exponent",
        "longer runs for students that begin far above the target",
    ),
    System(
        "weight decay (Fig. 5c, d)",
        "weight_decay",
        "decay_loss",
        "the exponent at every learning rate: one rate is one point of a continuum",
    ),
    System("learning-rate schedules (App. D.4)", "schedules", "schedule_adam", "other schedules"),
    System(
        "spectra of the teacher (App. D.6)",
        "spectrum",
        "spectrum_exponent",
        "one teacher shared with the published protocol",
    ),
    System(
        "deep residual teachers (App. D.7)", "tower", "tower_depth", "larger towers, more seeds"
    ),
    System(
        "real images (App. D.8)",
        "images",
        "images_loss",
        "MNIST, full batches and τ up to 100, as published",
    ),
    System(
        "language models (Fig. 6)",
        "decoders",
        "decoder_32_loss",
        "released series of models: scripts/evaluate_series.py takes them",
    ),
)
HYPOTHESIS = Hypothesis(
    question="Does training with softmax and cross-entropy lower the loss as the cube root of "
    "training time, τ^(-1/3), when the target distribution is peaked?",
    answer=answer,
    highlights=(
        "hard_labels_loss",
        "hard_labels_theory_loss",
        "headline",
        "adam_spread",
        "escape_100",
    ),
    quantity="exponent",
    reference=1 / 3,
    reference_label="1/3",
    headings=("The law", "Controls", "Methods that change the exponent"),
    limits=(
        "Intervals cover the slope of the loss within a window of training time, over seeds and "
        "over parts of that window; they do not cover the exponent in the limit of long training. "
        "On a curve that still bends, a slope in a window can differ from that limit by more than "
        "its interval. An exponent from a single seed has no interval, and with three seeds an "
        "exact law is often left undecided. The teacher has linear logits with 32 features and "
        "128 classes. Language models of practical size enter only as refits of published points, "
        "which test the fits and not the models. The images are Fashion-MNIST in mini-batches, "
        "for less training time than the published run on MNIST with full batches: the two are "
        "not comparable. Methods that change the exponent were measured on this teacher, with "
        "fresh inputs at every step; on real text the best learning rates lay at the end of their "
        "ladders, so those runs cannot say whether the methods help there."
    ),
    systems=SYSTEMS,
)
