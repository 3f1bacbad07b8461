"""Fig. 1 (teaser): test loss of the toy falls as τ^-0.337 over τ in [4, 162].

Claim: exponent 0.337 ± 0.002 (arXiv 2602.03685, one run); here with an interval over seeds.
The cell: Adam, learning rate 10^(-12/11) = 0.0811, temperature 1e-3, batch 1024, 2000 steps.
Time: 30 s on two CPU cores; size `quick` (5 seeds, fewer fresh batches): 15 s.

python scripts/sweep.py --config=configs/one_third/headline.py --workdir=runs/headline
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "quick": {"seeds": 5, "eval.batches": 1},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = teacher.config()
    config.study = "headline"
    config.optimizer.learning_rate = 10 ** (-12 / 11)
    config.train.steps = 2000
    config.records.every_steps = 5
    config.seeds = 8
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)
