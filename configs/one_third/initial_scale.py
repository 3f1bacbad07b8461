"""Fig. 5a, b: starts that are large and misaligned must come back to the law.

Claim: a student that starts as another teacher, at any scale up to that of the target, realigns
and re-enters the τ^(-1/3) law (arXiv 2602.03685, Fig. 5a, b: no numbers published). Adam,
T = 6e-3 (β* = 96), the initial weights are an independent draw times linspace(0, 1, 8) / T.
Size `paper`: 8 scales x 12 rates x 100 000 steps, as published, 3 seeds; for an accelerator.
Size `cpu` (the default): 5 scales x 3 rates x 10 000 steps, 3 seeds; 4 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/initial_scale.py --workdir=runs/initial_scale
"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {"scales": 8, "log10_rates": (-3.0, 0.0, 12), "eval.batches": 10}
    | {"train.steps": 100_000, "records.every_steps": 10_000},
    "cpu": {},
    "tiny": {"seeds": 2, "scales": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper, cpu or tiny."""
    config = teacher.config()
    config.study = "initial_scale"
    config.task.temperature = 6e-3
    config.train.steps = 10_000
    config.records.every_steps = 1_000
    config.records.per_decade = 20
    config.eval.channels = True
    config.scales = 5  # from 0 to the scale of the target
    config.log10_rates = (-24 / 11, -12 / 11, 3)  # first, last, how many
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="cpu"))


def sweep(add, config):
    """Adds initial scales by learning rates, each with all seeds."""
    for scale in np.linspace(0, 1, config.scales) / config.task.temperature:
        for learning_rate in np.logspace(*config.log10_rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "model.init_scale": float(scale),
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )
