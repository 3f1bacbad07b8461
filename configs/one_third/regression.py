"""Control without softmax: squared loss needs a power law in the data, and has its exponent.

Claim: on inputs with covariance eigenvalues i^-a the loss falls as τ^-((a-1)/a): 1/2 for a = 2,
2/3 for a = 3; on isotropic inputs it falls exponentially, as exp(-2τ) (arXiv 2602.03685, App. D.6).
Size `paper`: 3 spectra x 5 seeds x 1 500 steps of SGD; 2 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/regression.py --workdir=runs/regression
"""

from experiments.one_third import regression
from jaxlab.config import choose, override

CELLS = ((0.0, 2.5e-3), (2.0, 0.2), (3.0, 0.2))  # spectrum, learning rate
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "task.features": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = regression.config()
    config.study = "regression"
    config.optimizer.name = "sgd"
    config.train.steps = 1_500
    config.train.batch_size = 256
    config.records.every_steps = 50
    config.records.per_decade = 25
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.window = (10.0, 200.0)  # later it is felt that the modes are few
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds spectra, each with all seeds."""
    for spectrum, learning_rate in CELLS:
        for seed in range(config.seeds):
            add(
                **{
                    "task.spectrum": spectrum,
                    "optimizer.learning_rate": learning_rate,
                    "seed": config.first_seed + seed,
                }
            )
