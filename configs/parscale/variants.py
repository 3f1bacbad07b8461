"""Does it matter how four streams are made different, and how they are mixed?

Prediction: prefixes, LoRA and biases differ by about 0.1 % of the loss, far less than the number of
streams does; learned weights with smoothing are the best of the mixtures (arXiv 2505.10475,
Appendix A). Variants differ in their parameters, which every detail says: four streams by LoRA have
5,548 and by prefixes 4,588, so that a gain of LoRA is not one of how streams are made different.
Time: width 12, 1500 steps, 6 seeds: 10 minutes on two CPU cores. Size `large`: width 512 in 12
layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/variants.py --workdir=runs/variants
"""

from functools import partial
from math import inf

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import PLAIN, final, gain, paired, sizes_table
from experiments.parscale.figures import gain_rows
from experiments.parscale.words import MEAN_GAIN, PAPER, PUBLISHED_GAINS
from jaxlab.analysis.bootstrap import bootstrap_interval
from jaxlab.analysis.cells import cell, levels
from jaxlab.analysis.estimate import RESAMPLES, of_interval
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, format_estimate, format_number

SIZES = {
    "default": {},
    "large": sizes.LARGE,
    "tiny": {**sizes.TINY, "streams.code_hidden": 4},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = sizes.base()
    config.train.steps = 1500
    config.records.every_steps = 500
    config.streams.code_hidden = 64
    return override(config, choose(arg, SIZES))


def as_published(prefix, smoothing):
    """Returns the values of four streams as published, but for the length of their prefixes."""
    return {
        "streams.count": 4,
        "streams.transform": "prefix",
        "streams.prefix": prefix,
        "streams.code": 0,
        "streams.aggregation": "learned",
        "streams.smoothing": smoothing,
    }


def changes(prefix):
    """Returns what each variant changes, by the last part of its claim's id, with a label."""
    return {
        "static": ({"streams.aggregation": "static"}, "fixed weights instead of computed ones"),
        "mean": ({"streams.aggregation": "mean"}, "the plain mean instead of learned weights"),
        "lora": ({"streams.transform": "lora"}, "LoRA instead of prefixes"),
        "bias": ({"streams.transform": "bias"}, "biases instead of prefixes"),
        "code": ({"streams.code": 16}, "prefixes that an MLP computes"),
        "smoothing": ({"streams.smoothing": 0.0}, "weights without smoothing"),
        "prefix": ({"streams.prefix": 6 * prefix}, "prefixes six times as long"),
    }


def sweep(add, config):
    """Adds a member per variant and seed; and one stream."""
    four = as_published(config.streams.prefix, config.streams.smoothing)
    variants = [change for change, _ in changes(config.streams.prefix).values()]
    for variant in [{"streams.count": 1}, {}, *variants]:
        for seed in range(config.seeds):
            add(**four | variant, seed=config.first_seed + seed)


def cells(study):
    """Returns the values of four streams as published, and of every variant by its label."""
    data = final(study, "streams.prefix", "streams.smoothing")
    prefix = levels(data, "streams.prefix")[0]
    four = as_published(prefix, levels(data, "streams.smoothing")[-1])
    return four, {label: four | change for change, label in changes(prefix).values()}


def four_over_one(study):
    """Measures the gain of four streams as published over one."""
    return gain(cells(study)[0], PLAIN)(study)


def gain_over_change(study, label):
    """Measures the gain of four streams over one less the size of what a variant changes, percent.

    That size is of the mean, whichever sign it has on a resample of the seeds.
    """
    four, variants = cells(study)
    data = final(study, *four, *PLAIN)
    variant, published, one = (cell(data, part) for part in (variants[label], four, PLAIN))
    change = gain(variants[label], four)(study)
    pairs_Sx2 = np.stack([paired(published, one), paired(variant, published)], axis=1)
    found = bootstrap_interval(
        lambda pair_Sx2: pair_Sx2[:, 0].mean() - abs(pair_Sx2[:, 1].mean()), pairs_Sx2
    )
    more = 100 * (float(variant["parameters"][0]) / float(published["parameters"][0]) - 1)
    detail = f"it gains {format_estimate(change.value, change.low, change.high)} %: "
    detail += f"{change.detail}; it has {format_number(more, 0)} % more parameters"
    return of_interval(found, covers=RESAMPLES, detail=detail)


CLAIMS = (
    Claim(
        "variants_streams",
        "After 1500 steps from scratch, four streams as published have a lower loss than one "
        "(gain, percent of the loss)",
        expected=(0.0, inf),
        published=PUBLISHED_GAINS[4],
        measure=four_over_one,
        source=f"{MEAN_GAIN}; at this size the law predicts otherwise, see `widths`",
    ),
    *(
        Claim(
            f"variants_{name}",
            f"Four streams: {label} change the loss by less than four streams instead of one do "
            "(their gain less the size of the change, percent of the loss; parameters differ)",
            expected=(0.0, inf),
            measure=partial(gain_over_change, label=label),
            source=f"{PAPER}, Appendix A: about 0.1 % between its choices, far less than P does",
        )
        for name, (_, label) in changes(prefix=4).items()
    ),
)


def gains(study):
    """Returns what every variant gains over the published choice."""
    four, variants = cells(study)
    data, found = final(study, *four, *PLAIN), {}
    base = int(cell(data, four)["parameters"][0])
    for label, values in (variants | {"one stream": PLAIN}).items():
        more = int(cell(data, values)["parameters"][0]) - base
        change = f"{more:+,}".replace("-", "−") if more else "as many"
        found[f"{label}\n({change} parameters)"] = gain(values, four)(study)
    caption = (
        "What each variant's loss is below that of four streams as published (prefixes, computed "
        f"weights, smoothing; {base:,} parameters), paired by seed, 95 % intervals. Parameters "
        "differ, and more of them lower the loss by themselves. One stream stands beside them for "
        "the size of the effect itself."
    )
    return gain_rows("variants", "Variants of four streams", caption, found)


FIGURES = (gains,)
TABLES = (sizes_table,)
