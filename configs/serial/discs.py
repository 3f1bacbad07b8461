"""Discs that collide, discs that pass through each other, and a single disc: layers or width.

Claim: where discs will be takes depth if they collide, as who meets whom hangs on all collisions
before, and little if each is alone (arXiv 2507.12549 names the task; the paper has no experiment,
this one is the lab's). A mixer, whose single layer sees all discs, is given eight times its compute
as layers that share their weights, or as width, each at its own learning rate, see
experiments/serial/equal_compute.py. Rows are grouped by how often discs met. The controls have the
same time and walls: as many discs that pass through each other, and one disc, for a single layer.
Piloted, at seed 0 and rate 3e-3, all but the single disc: with so few steps neither layers nor
width learn more than where discs would be that pass, and of five discs, nine rows in ten with three
collisions or more, not even that. What is expected of `quick` says so.
Size `quick` (the default): 1 to 8 layers, 3 rates, 3 seeds; 5 minutes on two CPU cores.
Size `paper`: up to 16 layers and 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/discs.py --workdir=runs/discs
"""

from experiments.serial import build, equal_compute
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "depths": (1, 2, 4, 8, 16),
        "seeds": 5,
        "model.width": 128,
        "train.batch_size": 512,
        "train.steps": 50_000,
        "records.every_steps": 12_500,
    },
    "quick": {},
    "tiny": {
        "kinds": ("passing",),  # collisions take long to compile
        "depths": (1,),
        "ways": (),
        "rates": (3e-3,),
        "seeds": 2,
        "model.width": 8,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}
# How many discs, and whether they collide.
KINDS = {"colliding": (3, True), "passing": (3, False), "single": (1, False)}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("balls", "mixer")
    config.study = "discs"
    config.model.tied = True
    config.model.count = 1  # of votes and streams
    config.train.batch_size = 64
    config.train.steps = 3000
    config.records.every_steps = 750  # the last record has the loss of the last quarter
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.rates = size.get("rates", (1e-3, 3e-3, 1e-2))  # an override keeps how many
    config.kinds = size.get("kinds", tuple(KINDS))
    config.depths = size.get("depths", (1, 2, 4, 8))
    config.ways = size.get("ways", ("width",))
    return override(config, size)


def sweep(add, config):
    """Adds a member per kind of discs, layers or width, seed and rate; controls have one layer."""
    for kind in config.kinds:
        balls, collide = KINDS[kind]
        keys = equal_compute.keys(config) if kind == "colliding" else [equal_compute.ONE]
        for member in equal_compute.members(config, keys):
            add(**{"task.balls": balls, "task.collide": collide}, **member)
