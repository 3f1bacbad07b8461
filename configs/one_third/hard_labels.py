"""The clean one third: SGD on hard labels, followed until the exponent has settled.

Claim: gradient flow on hard labels gives loss ~ τ^(-1/3) and logit scale ~ τ^(1/3)
(arXiv 2602.03685, sections 3 and 4; arXiv 2609.37745 measured .34 and .33 with SGD). The aligned
flow of the theory, which has no fitted constant, is laid over the run.
Size `paper`: 5 seeds x 20 000 steps at learning rate 10, τ up to 2e5; 7 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/hard_labels.py --workdir=runs/hard_labels
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "task.classes": 16}
    | {"eval.batches": 4},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "hard_labels"
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 10.0
    config.train.steps = 20_000
    config.records.every_steps = 2_000
    config.records.per_decade = 25
    config.eval.batches = 1000  # a million inputs: the radial gradient is small
    config.eval.channels = True
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.window = (1e4, 2e5)
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
