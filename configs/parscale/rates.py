"""Is the best learning rate of one and of four streams inside the ladder, and is it the same?

Prediction: it is inside for both, and at most a factor of two apart, so that one rate serves the
trunk and all of its branches (none of the kind in arXiv 2505.10475, which does not give its rates).
From scratch on half a million tokens, pilot seeds that no other study has.
Time: 40 minutes on two CPU cores.

python scripts/sweep.py --config=configs/parscale/rates.py --workdir=runs/rates
"""

from functools import partial

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import final
from jaxlab.analysis.cells import cell, levels, range_over_seeds
from jaxlab.analysis.estimate import of_interval
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

SIZES = {"default": {}, "tiny": {**sizes.TINY_STUDY, "rates": (3e-3, 6e-3)}}
RATE, COUNT = "optimizer.learning_rate", "streams.count"


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = sizes.study()
    config.rates = (1.5e-3, 3e-3, 6e-3, 1.2e-2, 2.4e-2)
    config.train.steps = 250
    config.schedule.warmup = 0.05
    config.records.every_steps = 50
    config.eval.batches = 64
    config.seeds = 2
    config.first_seed = 100
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per number of streams, rate and seed."""
    for count in (1, 4):
        for rate in config.rates:
            for seed in range(config.seeds):
                add(**{COUNT: count, RATE: rate, "seed": config.first_seed + seed})


def best_rates(study, count):
    """Returns the rate with the lowest loss of each seed: [S]."""
    data = final(study, RATE, COUNT)
    rates = levels(data, RATE)
    loss_RxS = [cell(data, {COUNT: count, RATE: rate})["eval_loss"].values for rate in rates]
    return np.array(rates)[np.argmin(loss_RxS, axis=0)]


def steps_from_end(study, count):
    """Measures how many steps of the ladder the best rate lies from the nearer end."""
    rates = levels(final(study, RATE, COUNT), RATE)
    place_S = np.array([rates.index(rate) for rate in best_rates(study, count)])
    distance_S = np.minimum(place_S, len(rates) - 1 - place_S)
    detail = "best rates " + ", ".join(f"{rate:g}" for rate in best_rates(study, count))
    return of_interval(range_over_seeds(distance_S), covers="least to greatest seed", detail=detail)


def factor(study):
    """Measures the best rate of four streams over that of one, seed by seed."""
    ratio_S = best_rates(study, 4) / best_rates(study, 1)
    return of_interval(range_over_seeds(ratio_S), covers="least to greatest seed")


CLAIMS = (
    *(
        Claim(
            f"rates_inside_{P}",
            f"The best learning rate of {P} stream{'s' * (P > 1)} is no end of the ladder (steps "
            "of a factor of two from the nearer end)",
            expected=(1.0, 2.0),
            measure=partial(steps_from_end, count=P),
            source="by this lab",
        )
        for P in (1, 4)
    ),
    Claim(
        "rates_factor",
        "Four streams have the best learning rate of one, to a factor of two (ratio)",
        expected=(0.5, 2.0),
        measure=factor,
        source="by this lab",
    ),
)
