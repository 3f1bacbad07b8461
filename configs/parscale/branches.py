"""What do P streams gain over a single stream with a prefix, switched on in a trained decoder?

Prediction: if P streams act like k ln P + 1 times the parameters with k = 0.36, they gain 3.0, 5.4
and 7.3 % for P = 2, 4, 8 over one stream of this size, by the law that arXiv 2505.10475 fitted to
Python (E = 0.69, A = 1.13e7, alpha = 0.19 at N = 4.7e5). Rivals fitted to the same losses: a term
of its own for P gives 0.6, 1.1, 1.4 %, a constant correlation of the streams 3.9, 5.9, 6.9 %.
Pilots of smaller decoders gained 0.1 %, so this lab expects a gain above zero and far below the
law. Since a prefix alone gains too, the reference is one stream with a prefix of the same length.
All branches start from the same trunk, see the same 3 million tokens in the same order while the
rate goes to 0, and are evaluated on the same 1 million tokens. Run `trunk` before; `make branches`
runs both by pairs of seeds, the first four conditions of all seeds before the others.
Time: 40 minutes on two idle CPU cores a seed for the first four conditions, 3 hours for all.
Size `prose`: the documentation of the same packages. Size `large`: 0.2 billion parameters.

python scripts/sweep.py --config=configs/parscale/branches.py --workdir=runs/branches
"""

from functools import partial
from math import inf

from experiments.parscale import sizes
from experiments.parscale.studies import branches
from experiments.parscale.studies.branches import LABELS, conditions
from experiments.parscale.words import BY_LAB, CONTROLS, PAPER, SWITCHED_ON
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

TRUNK = "runs/trunk"
SIZES = {
    "default": {},
    "prose": {
        "task.dataset": "packages_prose",
        "start.study": f"{TRUNK}_prose",
        "task.first_step": 2800,
        "train.steps": 1400,
        "records.every_steps": 1400,
        "eval.batches": 400,
        "conditions": ("one", "prefix", "four"),
    },
    "large": {**sizes.LARGE, "task.first_step": 20_000, "train.steps": 1000},
    "tiny": {
        **sizes.TINY_STUDY,
        "task.first_step": 4,
        "lora_rank": 1,
        "adapter_rank": 2,
        "short_prefix": 1,
        "conditions": ("one", "prefix", "two"),
    },
}


def get_config(arg=None):
    """Returns the config of a size: default, prose, large or tiny."""
    config = sizes.study()
    config.start.study = TRUNK
    config.task.first_step = 4900
    config.schedule.warmup = 0.02
    config.train.steps = 1500
    config.records.every_steps = 1500
    config.lora_rank = 2  # 2,496 parameters a stream; a prefix of 16 positions has 3,072
    config.adapter_rank = 23  # 28,704 parameters; 4 streams add 28,996
    config.short_prefix = 3  # as many parameters as the biases of a stream
    config.conditions = tuple(LABELS)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per condition and seed."""
    for name in config.conditions:
        for seed in range(config.seeds):
            add(**conditions(config)[name], seed=config.first_seed + seed)


RIVALS = (  # percent of the loss of one stream at this N, from the published losses on Python
    ("law", "the law with k = 0.36", {2: 3.0, 4: 5.4, 8: 7.3}),
    ("additive", "a law with a term of its own for P", {4: 1.1}),
    ("correlation", "a constant correlation of the streams", {4: 5.9}),
)
FREE = ("conditions", "task.dataset", "task.first_step", "start.study", "train.steps")
finding = partial(Claim, free=FREE)
control = partial(finding, kind=Kind.CONTROL)
check = partial(finding, kind=Kind.CHECK)
CLAIMS = (
    *(
        finding(
            f"branches_gain_{P}",
            f"Switched on in a trained decoder, {P} streams end with a lower loss than the "
            "single-stream prefix control that saw the same tokens (gain, percent of the loss)",
            expected=(0.0, inf),
            measure=partial(branches.gain, better=name, base="prefix"),
            source=BY_LAB,
            heading=SWITCHED_ON,
            label=f"{P} streams instead of one with a prefix",
        )
        for P, name in branches.COUNTS.items()
    ),
    *(
        finding(
            f"branches_{id}_{P}",
            f"{P} streams gain over the prefix control what {text} predicts at this size (measured "
            "gain over predicted gain)",
            expected=(0.8, 1.2),
            measure=partial(branches.part_of, count=P, predicted=gain),
            source=f"{PAPER}, fitted to its losses on Python and extended to this N by this lab",
            free=("conditions", "start.study"),
        )
        for id, text, gains in RIVALS
        for P, gain in gains.items()
    ),
    *(
        finding(
            f"branches_step_{after}",
            f"{after} streams end with a lower loss than {after // 2} (gain, percent of the loss)",
            expected=(0.0, inf),
            measure=partial(branches.gain, better=better, base=base),
            source=f"{PAPER}, Fig. 2: losses fall with P at every size",
        )
        for after, better, base in ((4, "four", "two"), (8, "eight", "four"))
    ),
    control(
        "branches_prefix",
        "Control: a single stream with a prefix ends no better than one without (gain, percent of "
        "the loss)",
        expected=(-inf, 0.2),
        measure=partial(branches.gain, better="prefix", base="one"),
        source=BY_LAB,
        heading=CONTROLS,
        label="a prefix alone, switched on",
    ),
    control(
        "branches_long_prefix",
        "Control: a prefix three times as long does for one stream less than four streams do "
        "(gain of four streams over it, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(branches.gain, better="four", base="long_prefix"),
        source=BY_LAB,
        heading=CONTROLS,
        label="4 streams instead of a longer prefix",
    ),
    control(
        "branches_adapter",
        "Control: four streams end with a lower loss than one stream with an adapter of as many "
        "parameters (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(branches.gain, better="four", base="adapter"),
        source=BY_LAB,
        heading=CONTROLS,
        label="4 streams instead of an adapter",
    ),
    control(
        "branches_tokens",
        "At equal training compute, one stream on four times the tokens ends with a lower loss "
        "than four streams (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(branches.gain, better="tokens", base="four"),
        source=BY_LAB,
        heading=CONTROLS,
        label="four times the tokens instead of 4 streams",
    ),
    finding(
        "branches_mean",
        "Under the plain mean, which learns no weights, four streams end with a lower loss than "
        "the prefix control (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(branches.gain, better="mean", base="prefix"),
        source=BY_LAB,
    ),
    *(
        finding(
            f"branches_{name}",
            f"Four streams by {text} end with the loss of {than}, to 0.1 percent (gain, percent of "
            "the loss)",
            expected=(-0.1, 0.1),
            measure=partial(branches.gain, better=name, base=base),
            source=f"{PAPER}, Appendix A: about 0.1 % between its choices",
        )
        for name, text, than, base in (
            ("lora", "LoRA", "four by prefixes", "four"),
            ("bias", "biases", "four by prefixes with as few parameters", "short"),
        )
    ),
    check(
        "branches_identical",
        "Four identical streams compute what the prefix control does, so what they differ by is "
        "rounding that training has enlarged (gain, percent of the loss)",
        expected=(-0.05, 0.05),
        measure=partial(branches.gain, better="identical", base="prefix"),
        source=BY_LAB,
    ),
    *(
        finding(
            f"branches_average_{P}",
            f"The gain of {P} streams over the prefix control is what averaging the probabilities "
            "of its streams gains over each alone, as Eq. 4 has it (ratio of the gains)",
            expected=(0.8, 1.2),
            measure=partial(branches.part_of_average, count=P),
            source=f"{PAPER}, Eq. 4: both are what the mean of correlated errors leaves",
        )
        for P in branches.COUNTS
    ),
    *(
        finding(
            f"branches_alone_{P}",
            f"Each of {P} streams alone is as good as the single-stream prefix control (its loss "
            "above that, percent)",
            expected=(-0.2, 0.2),
            measure=partial(branches.stream_alone, count=P),
            source=f"{PAPER}, Lemma 3.1: each stream obeys the law of one",
        )
        for P in branches.COUNTS
    ),
    *(
        finding(
            f"branches_more_{id}",
            f"Four streams gain more on {text} (difference of the gains over the prefix control, "
            "percent of the loss on each)",
            expected=(0.0, inf),
            measure=partial(branches.more_on, kind=kind, than=than),
            source=f"{PAPER}: streams help reasoning more than memory; kinds of tokens by this lab",
        )
        for id, text, kind, than in (
            ("copied", "copied words than on new ones", "copied", "new"),
            ("late", "the last quarter of a row than on the first", "position_4", "position_1"),
            (
                "frequent",
                "the most frequent quarter of tokens than on the rarest",
                "frequency_1",
                "frequency_4",
            ),
        )
    ),
    *(
        check(
            f"branches_error_{base}",
            f"The standard error of the gain of four streams over {LABELS[base]} is at most {most} "
            "percent of the loss",
            expected=(0.0, most),
            measure=partial(branches.standard_error, better="four", base=base),
            source="by this lab: then no main claim is left undecided",
        )
        for base, most in (("one", 0.05), ("prefix", 0.03))
    ),
)
FIGURES = (branches.over_prefix, branches.by_kind)
TABLES = (branches.conditions_table,)
