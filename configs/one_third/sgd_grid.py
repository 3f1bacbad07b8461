"""App. D.2: the paper's grid of 96 cells with SGD in place of Adam.

Claim: where SGD is stable the curves of one temperature collapse on τ, and follow the theory's
flow (arXiv 2602.03685, App. D.2: no numbers published). Every cell is reported.
Size `paper`: 96 cells x 5 seeds x 2000 steps, one program; 6 minutes on two CPU cores.
With size `one_seed`, as the paper ran it: 1 minute.

python scripts/sweep.py --config=configs/one_third/sgd_grid.py --workdir=runs/sgd_grid
"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "one_seed": {"seeds": 1},  # what the paper ran
    "tiny": {"seeds": 2, "grid": (2, 2), "train.steps": 20, "train.batch_size": 32}
    | {"records.every_steps": 1},
}


def get_config(arg=None):
    """Returns the config of a size: paper, one_seed or tiny."""
    config = teacher.config()
    config.study = "sgd_grid"
    config.optimizer.name = "sgd"
    config.train.steps = 2000
    config.records.every_steps = 20
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.grid = (8, 12)  # temperatures, learning rates
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds temperatures 10^-3 to 1 by learning rates 10^-2 to 10, each with all seeds."""
    temperatures, learning_rates = config.grid
    for temperature in np.logspace(-3, 0, temperatures):
        for learning_rate in np.logspace(-2, 1, learning_rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "task.temperature": float(temperature),
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )
