"""Fig. 1 and 4: the paper's grid of 96 cells, Adam over learning rate and temperature.

Claim: below the best learning rate the curves of one temperature collapse on τ, and the lowest
temperatures fall as τ^(-1/3) (arXiv 2602.03685). No table of exponents was published; the lab
reports every cell, and names those that are not 1/3.
Each cell is fitted over the steps of the headline's window, that is τ/τ_end in [0.025, 1].
Size `paper`: 96 cells x 5 seeds x 2000 steps, one program; 8 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/adam_grid.py --workdir=runs/adam_grid
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
    config.study = "adam_grid"
    config.train.steps = 2000
    config.records.every_steps = 20
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.grid = (8, 12)  # temperatures, learning rates
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds temperatures 10^-3 to 1 by learning rates 10^-3 to 1, each with all seeds."""
    temperatures, learning_rates = config.grid
    for temperature in np.logspace(-3, 0, temperatures):
        for learning_rate in np.logspace(-3, 0, learning_rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "task.temperature": float(temperature),
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )
