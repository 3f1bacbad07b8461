"""Words of groups read from left to right: recurrence beside layers of attention.

Claim: a recurrence, whose serial depth grows with the word, follows a product of any length, and a
transformer of few layers does not, the less the fewer they are (arXiv 2507.12549; the paper has no
experiment, this one is the lab's). Every prefix is asked for; the reach is the longest prefix up to
which all are 95 % right. S3 stands beside Z6, a group of the same order in TC0; the word problem of
A5 is NC1-complete, and its letters are generators. Evidence of what is learned in a given number of
steps, not of what could be held: transformers here are far from trained out.
Size `quick` (the default): 16 letters, 2000 steps, 3 seeds; 14 minutes on two CPU cores.
Size `paper`: 32 letters, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/words.py --workdir=runs/words
"""

from experiments.serial import build, models
from jaxlab.config import choose, override

# Group, letters, model, layers.
CELLS = (
    *(("S3", "elements", "transformer", layers) for layers in (1, 2)),
    *(("Z6", "elements", "transformer", layers) for layers in (1, 2)),
    *(("A5", "generators", "transformer", layers) for layers in (1, 2, 4)),
    *((group, "elements", "recurrent", 1) for group in ("S3", "Z6")),
    ("A5", "generators", "recurrent", 1),
    ("S3", "elements", "state_space", 1),
    ("A5", "generators", "state_space", 1),
)
SIZES = {
    "paper": {
        "task.length": 32,
        "seeds": 5,
        "train.batch_size": 256,
        "train.steps": 20_000,
    },
    "quick": {},
    "speed": {  # what scripts/benchmark.py measures
        "cells": (("A5", "generators", "recurrent", 1),),
        "seeds": 1,
        "train.steps": 200,
        "records.every_steps": 200,
        "eval.batches": 1,
    },
    "tiny": {
        "cells": (CELLS[0], CELLS[7], CELLS[10]),
        "task.length": 3,
        "model.width": 8,
        "model.hidden": 8,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("words", "transformer")
    config.study = "words"
    config.task.group = "S3"
    for name in ("recurrent", "state_space"):
        config.model.update(models.DEFAULTS[name] | config.model.to_dict())
    config.train.batch_size = 64
    config.train.steps = 2000
    config.optimizer.learning_rate = 2e-3
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.cells = size.get("cells", CELLS)
    return override(config, size)


def sweep(add, config):
    """Adds a member per cell and seed."""
    for group, letters, name, layers in config.cells:
        for seed in range(config.seeds):
            add(
                **{
                    "task.group": group,
                    "task.letters": letters,
                    "model.name": name,
                    "model.layers" if name == "transformer" else "model.depth": layers,
                    "seed": config.first_seed + seed,
                }
            )
