"""Do plain decoders learn the text from which `two_stage` and `frozen` start?

Prediction: none of its own; arXiv 2505.10475, Sec. 4, trains its first stage on 1 T tokens.
Time: width 12, 4000 steps, 6 seeds: 2 minutes on two CPU cores. Size `large`: width 512 in 12
layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/stage_one.py --workdir=runs/stage_one
"""

from math import inf

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import final
from experiments.parscale.words import PAPER
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {"default": {}, "large": sizes.LARGE, "tiny": sizes.TINY}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = sizes.base()
    config.schedule.name = "constant"  # the second stage brings the rate down
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
        "stage_one_loss",
        "The first stage learns the text: its final loss as a part of that of a uniform guess",
        expected=(-inf, 0.5),
        measure=part_of_guess,
        source=f"{PAPER}, Sec. 4: the first of two stages; range by this lab",
        kind=Kind.CHECK,
    ),
)
