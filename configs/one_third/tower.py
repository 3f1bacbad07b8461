"""App. D.7: residual towers of several depths learn a deeper one, at temperatures from 0.01 to 1.

Claim: a deeper student ends at a lower loss (arXiv 2602.03685; its numbers are not known here).
Size `paper`: teacher of 128 blocks, students of 6 to 48, 16 temperatures, batch 1024, 40 000 steps,
for an accelerator. Size `cpu` (the default): teacher of 16 blocks, students of 1 to 8, 4
temperatures, batch 256, 4500 steps, 3 seeds; 5 minutes on two CPU cores. Its τ ends at 2.7, where
exponents of time still change (a tenth of the paper's τ).

python scripts/sweep.py --config=configs/one_third/tower.py --workdir=runs/tower
"""

import numpy as np

from experiments.one_third import tower
from jaxlab.config import choose, override

FIRST_SEED = 100  # pilots had lower ones

SIZES = {
    "paper": {"task.blocks": 128, "depths": (6, 12, 16, 24, 32, 48), "temperatures": 16}
    | {"train.steps": 40_000, "train.batch_size": 1024, "eval.batches": 10, "window": (1.0, 24.0)},
    "cpu": {},
    "tiny": {"task.blocks": 2, "depths": (1, 2), "temperatures": 2, "seeds": 2}
    | {"train.steps": 20, "train.batch_size": 32, "task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper, cpu or tiny."""
    config = tower.config()
    config.study = "tower"
    config.task.blocks = 16
    config.train.steps = 4500
    config.train.batch_size = 256
    config.records.every_steps = 4500
    config.records.per_decade = 40
    size = choose(arg, SIZES, default="cpu")
    config.depths = size.get("depths", (1, 2, 4, 8))  # an override keeps the number of values
    config.temperatures = 4
    config.seeds = 3
    config.window = (0.5, 2.7)
    return override(config, size)


def sweep(add, config):
    """Adds a member per depth, temperature and seed."""
    for blocks in config.depths:
        for temperature in np.logspace(-2, 0, config.temperatures).tolist():
            for seed in range(config.seeds):
                add(
                    seed=FIRST_SEED + seed,
                    **{"model.blocks": blocks, "task.temperature": temperature},
                )
