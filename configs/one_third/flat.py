"""Control: a flat target must NOT give a power law.

Claim: at temperature 1 (β* = 0.58, far below c0 = 3.1) the loss of SGD falls exponentially, at
rate 2/n per τ with n = 128 classes: 0.015625 (arXiv 2602.03685, high-temperature regime).
Size `paper`: 5 seeds x 1000 steps; 10 seconds on two CPU cores.

python scripts/sweep.py --config=configs/one_third/flat.py --workdir=runs/flat
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "flat"
    config.task.temperature = 1.0
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 1.0
    config.train.steps = 1000
    config.records.every_steps = 10
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.window = (50.0, 600.0)  # after the first e-fold, before float32 ends the fall
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
