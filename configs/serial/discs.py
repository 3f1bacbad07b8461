"""Discs that collide, discs that pass through each other, and a single disc, against depth.

Claim: where discs will be takes depth if they collide, as who meets whom hangs on all collisions
before, and little if each is alone (arXiv 2507.12549 names the task; the paper has no experiment,
this one is the lab's). A mixer, whose single layer sees all discs, is given more layers that share
their weights, or four times the width. Its controls have the same time and walls: five discs that
pass through each other, as many tokens as five that collide, and one disc.
Size `quick` (the default): 1 to 8 layers, 3 seeds; 20 minutes on two CPU cores.
Size `paper`: up to 16 layers and twice the time, for an accelerator.

python scripts/sweep.py --config=configs/serial/discs.py --workdir=runs/discs
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "depths": (1, 2, 4, 8, 16),
        "seeds": 5,
        "base_width": 128,
        "model.width": 128,
        "task.duration": 2,
        "train.batch_size": 512,
        "train.steps": 50_000,
    },
    "quick": {},
    "tiny": {
        "kinds": ("passing",),  # collisions take long to compile
        "depths": (1,),
        "seeds": 2,
        "base_width": 8,
        "model.width": 8,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}
# How many discs, and whether they collide.
KINDS = {"colliding": (5, True), "passing": (5, False), "single": (1, False)}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("balls", "mixer")
    config.study = "discs"
    config.model.tied = True
    config.train.batch_size = 64
    config.train.steps = 3000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.base_width = 32
    config.wider = 4  # times the width, of one layer
    config.kinds = size.get("kinds", tuple(KINDS))
    config.depths = size.get("depths", (1, 2, 4, 8))  # an override keeps the number of values
    return override(config, size)


def sweep(add, config):
    """Adds a member per kind of discs, layers or width, and seed."""
    shapes = [(depth, config.base_width) for depth in config.depths]
    shapes.append((1, config.wider * config.base_width))
    for kind in config.kinds:
        balls, collide = KINDS[kind]
        for depth, width in shapes:
            for seed in range(config.seeds):
                add(
                    **{
                        "task.balls": balls,
                        "task.collide": collide,
                        "model.depth": depth,
                        "model.width": width,
                        "seed": config.first_seed + seed,
                    }
                )
