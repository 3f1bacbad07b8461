"""App. D.6: teachers with power laws in them change nothing, as long as there is a softmax.

Claim: with singular values i^-a of the teacher the exponent stays 1/3 for every a from 0 to 1
(arXiv 2602.03685, App. D.6: no table published). The headline's cell otherwise: Adam at 0.0811,
T = 1e-3, 2000 steps. The control without softmax is configs/one_third/regression.py.
Size `paper`: 16 spectra x 5 seeds; 2 minutes on two CPU cores. The paper ran one seed.

python scripts/sweep.py --config=configs/one_third/spectrum.py --workdir=runs/spectrum
"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "spectra": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "spectrum"
    config.task.weights = "spectral"
    config.optimizer.learning_rate = 10 ** (-12 / 11)
    config.train.steps = 2000
    config.records.every_steps = 20
    config.spectra = 16
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds spectra from flat to 1/i, each with all seeds."""
    for decay in np.linspace(0, 1, config.spectra):
        for seed in range(config.seeds):
            add(**{"task.spectrum": float(decay), "seed": config.first_seed + seed})
