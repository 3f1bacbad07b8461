"""Does a small decoder learn the source of the Python standard library?

Prediction: none of its own; `second_stage` starts from these decoders (arXiv 2505.10475, Sec. 4).
Width 12, two layers, 1000 steps; the study `parscale/trunk` has a larger decoder and more text.
Time: 20 s on two CPU cores.

python scripts/sweep.py --config=configs/quickstart/first_stage.py --workdir=runs/first_stage
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {"default": {}, "tiny": sizes.TINY}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = sizes.base()
    config.schedule.name = "constant"  # the second stage brings the rate down
    config.train.steps = 1000
    config.seeds = 3
    config.first_seed = 0
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
