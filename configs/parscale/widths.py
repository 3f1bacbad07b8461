"""Do P streams lower the loss as if the decoder had (k ln P + 1) times its parameters?

Prediction: they do, with k = 0.36; at 0.5 to 4.4 billion parameters the loss falls by 1.4 to 2.0 %
at P = 2 and by 2.6 to 3.1 % at P = 4 (arXiv 2505.10475, Eq. 5 and Fig. 2). What the same law
predicts at other sizes depends on its floor and exponent there, so gains are also held against the
law with those of this study.
Decoders of several widths from scratch, each with P streams, on the same text: 10 tokens a
parameter, half of what compute asks for, since 20 would take two cores 17 hours for 5 seeds. Pairs
of equal seed are compared: the same rows in the same order, the same initial decoder. The control
is a single stream with a prefix. A plain decoder that is wider still shows how many parameters have
the loss of P streams. All have the learning rate of `rates`.
Time: 117,000 to 1,050,000 parameters, 5 seeds: 8 hours on two idle CPU cores. Size `large`: widths
512 to 1536 in 16 layers, for accelerators. Size `speed`: one byte-level decoder, for
scripts/benchmark.py.

python scripts/sweep.py --config=configs/parscale/widths.py --workdir=runs/widths
"""

from functools import partial
from math import inf

from experiments.parscale import law, sizes
from experiments.parscale.cells import sizes_table
from experiments.parscale.fitted import average, rho
from experiments.parscale.multiplier import multiplier
from experiments.parscale.studies import widths
from experiments.parscale.words import (
    BY_LAB,
    CONTROLS,
    FROM_SCRATCH,
    MEAN_GAIN,
    PAPER,
    PUBLISHED_GAINS,
    PUBLISHED_MULTIPLIERS,
    PUBLISHED_RHO,
)
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "large": {**sizes.LARGE, "widths": (512, 768, 1024), "ends": (1536,)},
    "speed": {  # what scripts/benchmark.py measures
        "seeds": 1,
        "widths": (128,),
        "ends": (),
        "counts": (1, 2, 4, 8),
        "model.width": 128,
        "model.hidden": 384,
        "model.layers": 4,
        "model.kv_heads": 4,
        "task.dataset": "python_source",
        "task.vocabulary": 256,
        "task.fixed_held_out": False,
        "streams.prefix": 48,
        "train.steps": 20,
        "records.every_steps": 20,
        "eval.batches": 1,
    },
    "tiny": {**sizes.TINY_STUDY, "widths": (8,), "ends": (), "counts": (1, 2)},
}


def get_config(arg=None):
    """Returns the config of a size, one of SIZES."""
    config = sizes.study()
    config.widths = (32, 48, 64)
    config.ends = (96,)  # of one stream alone: what the others are compared with
    config.counts = (1, 2, 4)
    config.train.steps = 2300  # at model.width; other widths take as many tokens a parameter
    config.schedule.warmup = 0.05
    config.records.every_steps = 10_000
    config.seeds = 5
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per width, number of streams and seed; and the single-stream prefix control."""
    for width in (*config.widths, *config.ends):
        cells = [(1, False)]
        if width in config.widths:
            cells = [(1, False), (1, True), *((count, False) for count in config.counts[1:])]
        of_width = {
            "model.width": width,
            "model.hidden": config.model.hidden * width // config.model.width,
            "train.steps": round(config.train.steps * (width / config.model.width) ** 2),
        }
        for count, lone in cells:
            for seed in range(config.seeds):
                seeded = {"seed": config.first_seed + seed}
                add(**of_width, **{"streams.count": count, "streams.lone": lone}, **seeded)


COUNTS = (2, 4)
finding = partial(Claim, free=("widths", "ends", "counts"))
control = partial(finding, kind=Kind.CONTROL)
CLAIMS = (
    *(
        finding(
            f"widths_gain_{P}",
            f"Trained from scratch, {P} streams have a lower loss than one (gain, percent of the "
            "loss, mean over widths)",
            expected=(0.0, inf),
            published=published,
            measure=partial(widths.gain, count=P),
            source=MEAN_GAIN,
            heading=FROM_SCRATCH,
            label=f"{P} streams instead of one",
        )
        for P, published in PUBLISHED_GAINS.items()
        if P in COUNTS
    ),
    *(
        finding(
            f"widths_of_law_{P}",
            f"Trained from scratch, {P} streams gain what the law predicts at these sizes, with "
            "the floor and exponent of this study and the published k = 0.36 (measured gain over "
            "predicted gain)",
            expected=(0.8, 1.2),
            measure=partial(widths.part_of_law, count=P),
            source=f"{PAPER}, Eq. 5; range by this lab",
        )
        for P in COUNTS
    ),
    *(
        finding(
            f"widths_beyond_{P}",
            f"{P} streams have a lower loss than one stream with as many parameters (gain, percent "
            "of the loss, mean over widths)",
            expected=(0.0, inf),
            published=published,
            measure=partial(widths.beyond, count=P),
            source=f"{MEAN_GAIN}, where streams add 0.2 % to N each",
            heading=FROM_SCRATCH,
            label=f"{P} streams instead of as many parameters",
        )
        for P, published in PUBLISHED_GAINS.items()
        if P in COUNTS
    ),
    *(
        finding(
            f"widths_step_{after}",
            f"From {before} to {after} streams the loss falls (percent of the loss of one, mean "
            "over widths)",
            expected=(0.0, inf),
            published=published,
            measure=partial(widths.step, after=after),
            source=MEAN_GAIN,
        )
        for before, after, published in ((2, 4, 1.16),)
    ),
    finding(
        "widths_everywhere",
        "At every width the most streams have a lower loss than one (the least of these gains, "
        "percent of the loss)",
        expected=(0.0, inf),
        published=2.55,
        measure=widths.least_gain,
        source=f"{PAPER}, Fig. 2: the least at P = 4 is of 2.8 billion in the Pile",
    ),
    *(
        finding(
            f"widths_shrink_{after}",
            f"From {before} to {after} streams takes off less than from {before // 2} to {before} "
            "(difference, percent of the loss)",
            expected=(0.0, inf),
            published=published,
            measure=partial(widths.step, after=after, less_than_before=True),
            source=MEAN_GAIN,
        )
        for before, after, published in ((2, 4, 0.53),)
    ),
    finding(
        "widths_k",
        "Streams act like parameters: k of the law E + (A / (N (k ln P + 1)))^alpha is above 0",
        expected=(0.0, inf),
        published=0.36,
        measure=widths.k_of_law,
        source=f"{PAPER}, Fig. 2: 0.39 and 0.33",
    ),
    *(
        finding(
            f"widths_multiplier_{P}",
            f"The effective parameter multiplier of {P} streams is above 1: N of one stream with "
            "their loss, over their own N (mean over widths but the narrowest)",
            expected=(1.0, inf),
            published=published,
            measure=partial(multiplier, task="text", count=P),
            source=f"{PAPER}, Fig. 2: k ln P + 1, mean of its corpora",
        )
        for P, published in PUBLISHED_MULTIPLIERS.items()
        if P in COUNTS
    ),
    control(
        "widths_lone",
        "Control: the single-stream prefix control is no better than one stream without a prefix "
        "(gain, percent of the loss, mean over widths)",
        expected=(-inf, 0.2),
        measure=widths.prefix_control,
        source=BY_LAB,
        heading=CONTROLS,
        label="a prefix alone, from scratch, all widths",
    ),
    control(
        "widths_lone_share",
        "Control: a prefix without further streams gives less than half of what two streams give "
        "(half of their gain less its own, percent of the loss)",
        expected=(0.0, inf),
        measure=widths.prefix_share,
        source=BY_LAB,
    ),
    *(
        finding(
            f"widths_rho_{P}",
            f"The correlation that Eq. 4 implies from the ensemble's loss of {P} streams is that "
            "of the published losses",
            expected=(published - 0.05, min(published + 0.05, 1.0)),
            published=published,
            measure=partial(rho, count=P),
            source=f"{PAPER}, Eq. 4 with its losses and E; not measured there",
        )
        for P, published in PUBLISHED_RHO.items()
        if P in COUNTS
    ),
    *(
        finding(
            f"widths_average_{P}",
            f"Of the excess loss of one stream, {P} streams leave the part that averaging their "
            "probabilities leaves of the excess of each alone (ratio of the two parts)",
            expected=(0.97, 1.03),
            measure=partial(average, count=P),
            source=f"{PAPER}, Eq. 4: both are [(P - 1) ρ + 1] / P, whatever ρ is",
        )
        for P in COUNTS
    ),
    *law.CLAIMS,
)
FIGURES = (widths.losses, widths.gains, widths.correlations, *law.FIGURES)
TABLES = (sizes_table, widths.rivals_table, *law.TABLES)
