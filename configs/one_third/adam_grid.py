"""Does Adam have one exponent over the paper's grid of 96 cells? (Fig. 1 and 4)

Prediction: below the best learning rate the curves of one temperature collapse on τ, and the lowest
temperatures fall as τ^(-1/3) (arXiv 2602.03685). No table of exponents was published; the lab
reports every cell, and names those that are not 1/3.
Each cell is fitted over the steps of the headline's window, that is τ/τ_end in [0.025, 1].
Time: 96 cells x 5 seeds x 2000 steps, one program; 8 minutes on two CPU cores. The paper ran one
seed: --config.seeds=1.

python scripts/sweep.py --config=configs/one_third/adam_grid.py --workdir=runs/adam_grid
"""

from math import inf

import numpy as np

from experiments.one_third import figures, grids, teacher
from experiments.one_third.measures import HEADLINE_RATE
from experiments.one_third.words import PAPER
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "grid": (2, 2), "train.steps": 20, "train.batch_size": 32}
    | {"records.every_steps": 1},
}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.train.steps = 2000
    config.records.every_steps = 20
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.grid = (8, 12)  # temperatures, learning rates
    return override(config, choose(arg, SIZES))


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


WARM = 10 ** (-15 / 7)  # 0.0072, the third temperature
CLAIMS = (
    Claim(
        "rate_lowest",
        "Control: Adam at the lowest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        expected=(0.03, inf),
        measure=grids.distance_from_third(rate=10**-3.0, temperature=1e-3),
        source=f"grid of {PAPER}, Fig. 1; control by this lab",
        kind=Kind.CONTROL,
    ),
    Claim(
        "rate_highest",
        "Control: Adam at the highest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        expected=(0.03, inf),
        measure=grids.distance_from_third(rate=1.0, temperature=1e-3),
        source=f"grid of {PAPER}, Fig. 1; control by this lab",
        kind=Kind.CONTROL,
    ),
    Claim(
        "temperature_scan",
        "At the headline's rate a warmer teacher has a larger exponent: T = 0.0072 minus T = 1e-3",
        expected=(0.0, inf),
        measure=grids.difference(rate=HEADLINE_RATE, temperatures=(WARM, 1e-3)),
        source=f"{PAPER}, finite β*: (1/3)(1+u)/(1-u)",
    ),
    Claim(
        "adam_spread",
        "Adam has no exponent of its own: at T = 1e-3 it spans more than 0.1 over learning rates",
        expected=(0.1, inf),
        measure=grids.spread_over_rates(temperature=1e-3),
        source=f"arXiv 2609.37745 (Adam has no single exponent); grid of {PAPER}, Fig. 1",
    ),
)
FIGURES = (figures.grid_scans, figures.grid_map)
TABLES = (figures.grid_table,)
