"""Fig. 5c, d: AdamW, whose weight decay stops the growth of the logit scale.

Claim: the scale stops growing, yet the loss is said to go on as τ^(-1/3), by rotation of the
weights (arXiv 2602.03685, Fig. 5c, d: no numbers published). AdamW with decay 0.05, T = 0.05
(β* = 11.5), batch 2048, learning rates 10^-3 to 1, 2000 steps.
Size `paper`: 13 rates x 5 seeds; 3 minutes on two CPU cores. The paper ran one seed.

python scripts/sweep.py --config=configs/one_third/weight_decay.py --workdir=runs/weight_decay
"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "rates": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "weight_decay"
    config.task.temperature = 0.05
    config.optimizer.name = "adamw"
    config.train.steps = 2000
    config.train.batch_size = 2048
    config.records.every_steps = 20
    config.eval.channels = True
    config.rates = 13
    config.decays = (0.05, 0.0)  # without decay: the control
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds learning rates with and without decay, each with all seeds."""
    for decay in config.decays:
        for learning_rate in np.logspace(-3, 0, config.rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "optimizer.weight_decay": decay,
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )
