"""Where the exponent comes from: the density of near-ties. A hard gap must NOT give one third.

Claim: two classes with margin density ~ d^ν learn as τ^-((ν+1)/(ν+3)): 1/3, 1/2, 3/5 for
ν = 0, 1, 2, with logit scale ~ τ^(1/(ν+3)); behind a gap of 0.25 the loss goes as 1/τ, the
classical separable result (derived in this lab; arXiv 2609.37745 has the same).
Size `paper`: 4 cells x 5 seeds x 30 000 steps of SGD; 60 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/margins.py --workdir=runs/margins
"""

from experiments.one_third import margin
from jaxlab.config import choose, override

CELLS = ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (0.0, 0.25))  # density, gap
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = margin.config()
    config.study = "margins"
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 10.0
    config.train.steps = 30_000
    config.records.every_steps = 3_000
    config.records.per_decade = 25
    config.eval.batches = 64
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.window = (3e3, 3e5)
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds three densities and a gap, each with all seeds."""
    for density, gap in CELLS:
        for seed in range(config.seeds):
            add(**{"task.density": density, "task.gap": gap, "seed": config.first_seed + seed})
