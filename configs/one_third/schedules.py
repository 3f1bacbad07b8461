"""App. D.4: warm-up and cosine against a constant rate, on the clock τ.

Claim: with τ, the sum of the learning rates, as clock a schedule changes nothing: curves under a
1 % warm-up and a cosine to 10 % fall on those of a constant rate (arXiv 2602.03685, App. D.4: no
numbers published). Adam, T = 6e-3 (β* = 96), and SGD, where the theory speaks.
Size `paper`: 100 000 steps x 12 rates, as published, 3 seeds; for an accelerator.
Size `cpu` (the default): 5 000 steps x 3 rates, 3 seeds; 3 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/schedules.py --workdir=runs/schedules
"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {"log10_rates": (-3.0, 0.0, 12), "eval.batches": 10}
    | {"train.steps": 100_000, "records.every_steps": 10_000},
    "cpu": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}
FACTORS = {"adam": 1.0, "sgd": 10.0}  # on the rates


def get_config(arg=None):
    """Returns the config of a size: paper, cpu or tiny."""
    config = teacher.config()
    config.study = "schedules"
    config.task.temperature = 6e-3
    config.schedule.warmup = 0.01
    config.schedule.final = 0.1
    config.train.steps = 5_000
    config.records.every_steps = 500
    config.records.per_decade = 20
    config.log10_rates = (-24 / 11, -12 / 11, 3)  # of Adam: first, last, how many
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="cpu"))


def sweep(add, config):
    """Adds both optimisers with both schedules, each at all rates with all seeds."""
    for name, factor in FACTORS.items():
        for schedule in ("constant", "cosine"):
            for learning_rate in factor * np.logspace(*config.log10_rates):
                for seed in range(config.seeds):
                    add(
                        **{
                            "optimizer.name": name,
                            "schedule.name": schedule,
                            "optimizer.learning_rate": float(learning_rate),
                            "seed": config.first_seed + seed,
                        }
                    )
