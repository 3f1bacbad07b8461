"""Is the best learning rate of one and of four streams inside the ladder, and is it the same?

Prediction: it is inside for both, and at most a factor of two apart, so that one rate serves the
trunk and all of its branches (none of the kind in arXiv 2505.10475, which does not give its rates).
From scratch on half a million tokens; one stream on 4 million too, since the best rate falls with
the length of training: the studies have that one. Pilot seeds that no other study has.
Time: 2 hours on two CPU cores.

python scripts/sweep.py --config=configs/parscale/rates.py --workdir=runs/rates
"""

from functools import partial

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import final
from jaxlab.analysis.cells import cell, levels, range_over_seeds
from jaxlab.analysis.estimate import RANGE, of_interval
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

SIZES = {"default": {}, "tiny": {**sizes.TINY_STUDY, "rates": (3e-3, 6e-3), "long_steps": 6}}
RATE, COUNT, STEPS = "optimizer.learning_rate", "streams.count", "train.steps"


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = sizes.study()
    config.rates = (1.5e-3, 3e-3, 6e-3, 1.2e-2, 2.4e-2)
    config.train.steps = 250
    config.long_steps = 2000  # of one stream
    config.schedule.warmup = 0.05
    config.records.every_steps = 50
    config.eval.batches = 64
    config.seeds = 2
    config.first_seed = 100
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per number of streams, length of training, rate and seed."""
    for count, steps in cells(config):
        for rate in config.rates:
            for seed in range(config.seeds):
                seeded = {RATE: rate, "seed": config.first_seed + seed}
                add(**{COUNT: count, STEPS: steps}, **seeded)


def cells(config):
    """Returns numbers of streams and steps: one and four briefly, then one for longer."""
    return (1, config.train.steps), (4, config.train.steps), (1, config.long_steps)


def best_rates(study, count, steps):
    """Returns the rate with the lowest loss of each seed: [S]."""
    data = final(study, RATE, COUNT, STEPS)
    rates, own = levels(data, RATE), {COUNT: count, STEPS: steps}
    loss_RxS = [cell(data, own | {RATE: rate})["eval_loss"].values for rate in rates]
    return np.array(rates)[np.argmin(loss_RxS, axis=0)]


def steps_from_end(study, place):
    """Measures how many steps of the ladder the best rate of a cell lies from the nearer end."""
    rates, best_S = levels(final(study, RATE), RATE), best_rates(study, *cells(study.config)[place])
    place_S = np.array([rates.index(rate) for rate in best_S])
    distance_S = np.minimum(place_S, len(rates) - 1 - place_S)
    detail = "best rates " + ", ".join(f"{rate:g}" for rate in best_S)
    return of_interval(range_over_seeds(distance_S), covers=RANGE, detail=detail)


def factor(study):
    """Measures the best rate of four streams over that of one, seed by seed."""
    one, four, _ = cells(study.config)
    ratio_S = best_rates(study, *four) / best_rates(study, *one)
    return of_interval(range_over_seeds(ratio_S), covers=RANGE)


CLAIMS = (
    *(
        Claim(
            f"rates_inside_{id}",
            f"The best learning rate of {text} tokens is no end of the ladder (steps of a factor "
            "of two from the nearer end)",
            expected=(1.0, 2.0),
            measure=partial(steps_from_end, place=place),
            source="by this lab",
        )
        for place, (id, text) in enumerate(
            (
                ("1", "one stream on half a million"),
                ("4", "four streams on half a million"),
                ("long", "one stream on four million"),
            )
        )
    ),
    Claim(
        "rates_factor",
        "Four streams have the best learning rate of one, to a factor of two (ratio)",
        expected=(0.5, 2.0),
        measure=factor,
        source="by this lab",
    ),
)
