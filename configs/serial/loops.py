"""Loops of one block: serial depth without a parameter more.

Claim: serial computation can be scaled alone, by running the same weights again (arXiv 2507.12549;
the paper has no experiment, this one is the lab's). One transformer block, tied over 1 to 8 loops,
follows words of S3; its reach is the longest prefix up to which all are 95 % right. Each is also
read after each of its loops: how many letters its frontier moves in a loop, and what becomes of it
past the loops that it was trained with. The loops are not re-injected: for a block that
reads the tokens again in every loop see frontier. Beside them stands one loop whose width spends
the FLOPs of eight.
Size `quick` (the default): 8 letters, 2000 steps, 3 seeds; 8 minutes on two CPU cores.
Size `paper`: 16 letters, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/loops.py --workdir=runs/loops
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "task.length": 16,
        "loops": (1, 2, 4, 8, 16),
        "wide": 264,
        "unrolled": 32,
        "seeds": 5,
        "train.batch_size": 256,
        "train.steps": 20_000,
    },
    "quick": {},
    "tiny": {
        "task.length": 2,
        "loops": (1, 2),
        "unrolled": 3,
        "model.width": 8,
        "model.hidden": 16,
        "wide": 16,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("words", "looped")
    config.study = "loops"
    config.task.group = "S3"
    config.task.length = 8
    config.train.batch_size = 64
    config.train.steps = 2000
    config.optimizer.learning_rate = 2e-3
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 32
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.unrolled = 16  # loops after each of which all models are read
    config.wide = 184  # of the single loop that has the FLOPs of the most loops
    config.loops = size.get("loops", (1, 2, 4, 8))  # an override keeps the number of values
    return override(config, size)


def sweep(add, config):
    """Adds a member per number of loops and seed, and one loop that is wide."""
    sizes = [(config.model.width, loops) for loops in config.loops]
    for width, loops in [*sizes, (config.wide, 1)]:
        for seed in range(config.seeds):
            add(
                **{
                    "model.width": width,
                    "model.hidden": 2 * width,
                    "model.loops": loops,
                    "seed": config.first_seed + seed,
                }
            )
