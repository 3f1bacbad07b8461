"""Control: a finite set that can be separated, learned by full-batch gradient descent.

Claim: with no near-ties left the loss falls as 1/τ and the norm only as ln τ, the classical result
for separable data (arXiv 1710.10345): not 1/3.
Size `paper`: 64 examples of 16 classes, 5 seeds x 100 000 steps; 20 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/separable.py --workdir=runs/separable
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "separable"
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.task.classes = 16
    config.task.examples = 64
    config.train.batch_size = 64
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 1.0
    config.train.steps = 100_000
    config.records.every_steps = 10_000
    config.records.per_decade = 25
    config.eval.batches = 1  # all examples
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.window = (1e3, 1e5)
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
