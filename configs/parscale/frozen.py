"""A frozen decoder: only prefixes and the weights of the streams learn, one set for every P.

Claim: around a frozen decoder more streams give a lower loss (arXiv 2505.10475, Fig. 6; its sets
of prefixes are swapped at serving time). They are held against one stream with a prefix, and
against one with as many slots as all of them.
Run `stage_one` before.
Size `quick` (the default): a fifth of the tokens of the first stage, 6 seeds; 5 minutes on two CPU
cores. Size `paper`: width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/frozen.py --workdir=runs/frozen
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {"paper": sizes.PAPER_SECOND_STAGE, "quick": {}, "tiny": sizes.TINY_SECOND_STAGE}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = sizes.base("frozen")
    config.start.study = "runs/stage_one"
    config.start.frozen = True
    config.task.first_step = 4000
    config.train.steps = 800
    config.records.every_steps = 400
    config.counts = size.get("counts", (1, 2, 4, 8))  # an override keeps the number of values
    return override(config, size)


def sweep(add, config):
    """Adds a member per number of streams, or of slots of one stream, and seed."""
    slots = config.streams.prefix
    cells = [(count, False, slots) for count in config.counts if count > 1]
    cells += [(1, True, count * slots) for count in config.counts]
    for count, lone, own_slots in cells:
        for seed in range(config.seeds):
            add(
                **{
                    "streams.count": count,
                    "streams.lone": lone,
                    "streams.prefix": own_slots,
                    "seed": config.first_seed + seed,
                }
            )
