"""Fig. 2: a long scan of temperatures, with curvature, norms, direction and scale of the student.

Claim: directions are learned fast, then the scale grows slowly; the loss falls as τ^(-1/3) only
while β is far below β* (arXiv 2602.03685, Fig. 2: no numbers published). Adam at rate 3e-3, eight
temperatures from 10^-2 to 10^-1.2 (β* from 57.7 to 9.15), 50 000 steps; with the three largest
eigenvalues of the Hessian (Lanczos) and its trace (16 Hutchinson probes).
Size `paper`: 3 seeds; 10 minutes on two CPU cores. The paper ran one seed.

python scripts/sweep.py --config=configs/one_third/temperature_scan.py --workdir=runs/temperature_scan
"""  # noqa: E501

import numpy as np

from experiments.one_third import teacher
from jaxlab.config import choose, override

SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "temperatures": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "temperature_scan"
    config.optimizer.learning_rate = 3e-3
    config.train.steps = 50_000
    config.records.every_steps = 10_000
    config.records.per_decade = 12
    config.eval.eigenvalues = 3
    config.eval.channels = True
    config.temperatures = 8
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.window = (4.0, 150.0)
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds temperatures 10^-2 to 10^-1.2, each with all seeds."""
    for temperature in np.logspace(-2, -1.2, config.temperatures):
        for seed in range(config.seeds):
            add(**{"task.temperature": float(temperature), "seed": config.first_seed + seed})
