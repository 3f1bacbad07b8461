"""The study: widths × P streams on real text, paired seeds.

Claim: (arXiv 2505.10475, Eq. 5).
"""

from experiments.parscale import text
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "quick": {},
    "tiny": {
        "seeds": 2,
        "train.steps": 10,
        "train.batch_size": 4,
        "task.length": 16,
        "widths": (16,),
        "counts": (1, 2),
        "streams.prefix": 4,
        "model.hidden": 32,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = text.config()
    config.study = "widths"
    config.train.batch_size = 32
    config.train.steps = 250
    config.records.every_steps = 50
    config.eval.batches = 4
    config.seeds = 2
    config.first_seed = 100
    config.widths = (32,)
    config.counts = (1, 4)
    return override(config, choose(arg, SIZES, default="quick"))


def sweep(add, config):
    """Adds a member per width, number of streams and seed."""
    for width in config.widths:
        for count in config.counts:
            for seed in range(config.seeds):
                add(
                    **{
                        "model.width": width,
                        "model.hidden": 3 * width,
                        "streams.count": count,
                        "seed": config.first_seed + seed,
                    }
                )
