"""Trees of blocks: the product of a word takes a level for every doubling of its letters.

Claim: what is a product of n elements takes log n levels of small blocks, and neither the width nor
the parameters of fewer levels make up for them (arXiv 2507.12549; the paper has no experiment, this
one is the lab's). Levels of a tree share their weights, so that trees of two branches have the same
parameters at every depth; every level is taught the products of its blocks, the roots that of the
whole word of 16 letters. A5, whose word problem is NC1-complete, and Z60, abelian and in TC0, show
the same threshold, since who misses a letter knows nothing: that threshold is one of sight. Beside
them stand trees of one level that see the whole word, with 5 times the parameters, at two rates and
with and without weight decay: they are taught the whole word alone, and what they miss of A5 or of
Z60 is a matter of learning and of that curriculum. The majority of the same 16 letters, the
control, is learned so.
Size `quick` (the default): 3 seeds, 6000 steps; 22 minutes on two CPU cores. A first run, of 3000
steps and seeds 100 to 102, ended while four levels of A5 were still learning (0.999, 0.06 and 0.48
right); this one has twice the steps in all its cells, and other seeds.
Size `paper`: 5 seeds, 20,000 steps, for an accelerator.

python scripts/sweep.py --config=configs/serial/trees.py --workdir=runs/trees
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {"seeds": 5, "train.steps": 20_000, "train.batch_size": 128},
    "quick": {},
    "tiny": {
        "groups": ("S3",),
        "shapes": ((2, 1), (2, 2)),
        "task.length": 4,
        "model.features": 4,
        "model.width": 8,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("blocks", "tree")
    config.study = "trees"
    config.train.batch_size = 32
    config.train.steps = 6000
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.5  # without it a level's answers are no letters to the next
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 128
    config.seeds = 3
    config.first_seed = 110  # a first run and pilots had lower ones
    config.groups = size.get("groups", ("A5", "Z60"))  # an override keeps the number of values
    config.shapes = size.get("shapes", ((2, 1), (2, 2), (2, 3), (2, 4), (4, 2)))
    config.rates = (1e-3, 3e-3)  # of one level, with each of the decays
    config.decays = (0.0, 0.5)
    return override(config, size)


def sweep(add, config):
    """Adds a member per group, (fan-in, depth) and seed, and of one level per rate and decay."""
    own, one_level = config.optimizer, (config.task.length, 1)
    usual = (own.learning_rate, own.weight_decay)
    cells = [(group, *shape, *usual) for group in config.groups for shape in config.shapes]
    cells += [
        (group, *one_level, rate, decay)
        for group in config.groups
        for rate in config.rates
        for decay in config.decays
    ]
    cells.append(("majority", *one_level, *usual))
    for group, fan_in, depth, rate, decay in cells:
        for seed in range(config.seeds):
            add(
                **{
                    "task.group": group,
                    "task.fan_in": fan_in,
                    "task.depth": depth,
                    "optimizer.learning_rate": rate,
                    "optimizer.weight_decay": decay,
                    "seed": config.first_seed + seed,
                }
            )
