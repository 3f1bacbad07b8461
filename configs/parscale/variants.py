"""Variants of four streams: how they are told apart, and how they are mixed.

Claim: prefixes, LoRA and biases differ by about 0.1 % of the loss, far less than the number of
streams does; learned weights with smoothing are the best of the mixtures (arXiv 2505.10475,
Appendix A).
Size `quick` (the default): width 12, 1500 steps, 6 seeds; 10 minutes on two CPU cores.
Size `paper`: width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/variants.py --workdir=runs/variants
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {"paper": sizes.PAPER, "quick": {}, "tiny": {**sizes.TINY, "streams.code_hidden": 4}}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = sizes.base("variants")
    config.train.steps = 1500
    config.records.every_steps = 500
    config.streams.code_hidden = 64
    return override(config, choose(arg, SIZES, default="quick"))


def sweep(add, config):
    """Adds a member per variant and seed; and one stream."""
    four = {
        "streams.count": 4,
        "streams.transform": "prefix",
        "streams.prefix": config.streams.prefix,
        "streams.code": 0,
        "streams.aggregation": "learned",
        "streams.smoothing": config.streams.smoothing,
    }
    variants = [
        {"streams.count": 1},
        {},
        {"streams.aggregation": "static"},
        {"streams.aggregation": "mean"},
        {"streams.transform": "lora"},
        {"streams.transform": "bias"},
        {"streams.code": 16},
        {"streams.smoothing": 0.0},
        {"streams.prefix": 6 * config.streams.prefix},
    ]
    for variant in variants:
        for seed in range(config.seeds):
            add(**four | variant, seed=config.first_seed + seed)
