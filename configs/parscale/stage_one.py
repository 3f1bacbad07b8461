"""The first of two stages: plain decoders, from which `two_stage` and `frozen` start.

Claim: none of its own (arXiv 2505.10475, Sec. 4, trains its first stage on 1 T tokens).
Size `quick` (the default): width 12, 4000 steps, 6 seeds; 2 minutes on two CPU cores.
Size `paper`: width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/stage_one.py --workdir=runs/stage_one
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {"paper": sizes.PAPER, "quick": {}, "tiny": sizes.TINY}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = sizes.base("stage_one")
    config.schedule.name = "constant"  # the second stage brings the rate down
    return override(config, choose(arg, SIZES, default="quick"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
