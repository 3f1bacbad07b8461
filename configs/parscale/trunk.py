"""Do plain decoders learn the source of Python packages well enough to branch from?

Prediction: none of its own; arXiv 2505.10475, Sec. 4, trains its first stage on 1 T tokens, this
study on 10 million, at a constant rate. `branches` goes on from here.
468,352 parameters: `make branches` trains trunk and branches by pairs of seeds, each pair a run.
Time: 15 minutes on two idle CPU cores a seed; 8 seeds, 2 hours. Size `prose`: the documentation of
the same packages, 5.7 million tokens. Size `large`: 0.2 billion parameters, for accelerators.

python scripts/sweep.py --config=configs/parscale/trunk.py --workdir=runs/trunk
"""

from math import inf

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import final
from experiments.parscale.words import PAPER
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "prose": {"task.dataset": "packages_prose", "train.steps": 2800, "records.every_steps": 1400},
    "large": sizes.LARGE,
    "tiny": sizes.TINY_STUDY,
}


def get_config(arg=None):
    """Returns the config of a size: default, prose, large or tiny."""
    config = sizes.study()
    config.schedule.name = "constant"  # the branches bring the rate down
    config.schedule.warmup = 0.02
    config.train.steps = 4900
    config.records.every_steps = 1225
    config.eval.batches = 64
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


def part_of_guess(study):
    """Measures the final loss over ln V, that of a uniform guess."""
    loss_S, guess = final(study)["eval_loss"].values, np.log(study.config.task.vocabulary)
    return over_seeds(loss_S / guess, f"{loss_S.mean():.4f} of {guess:.4f} nats per token")


CLAIMS = (
    Claim(
        "trunk_loss",
        "The trunk learns the text: its final loss as a part of that of a uniform guess",
        expected=(-inf, 0.5),
        measure=part_of_guess,
        source=f"{PAPER}, Sec. 4: the first of two stages; range by this lab",
        kind=Kind.CHECK,
        free=("task.dataset", "train.steps"),
    ),
)
