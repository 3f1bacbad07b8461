"""How wide must a shallow perceptron be to fit the truth table of T steps of an automaton?

Prediction: depth can be traded for width, at an exponential price (arXiv 2507.12549; the paper has
no experiment, this one is the lab's). A perceptron of one or two hidden layers has the whole window
of 2T + 1 cells in its receptive field and is trained on all of its 2^(2T + 1) rows, so that nothing
is hidden and nothing left to generalise to: what it lacks is width, depth or training. The smallest
width at which it is trained to every row grows with T for Rules 110 and 30; for the controls, on
the same ladder of widths, the majority of the window and Rule 90 at T a power of two, it does not.
Random tables, as irregular and not serial, tell what of that growth is no matter of serial steps.
Tables that are four times as large are given half as many steps again.
Time: T from 2 to 5, 5 seeds: 9 minutes on two CPU cores. Size `large`: T up to 7, five times the
steps, for an accelerator.

python scripts/sweep.py --config=configs/serial/window.py --workdir=runs/window
"""

from functools import partial
from math import inf

from experiments.serial import build, classes
from experiments.serial.cells import BY, trained_for
from experiments.serial.studies import window
from experiments.serial.tasks import MAJORITY, RANDOM
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
SIZES = {
    "default": {},
    "large": {
        "times": (2, 3, 4, 5, 6, 7),
        "steps": (10_000, 15_000, 22_500, 33_750, 50_000, 75_000),
        "most": (16, 48, 96, 128, 192, 384),
        "most_deep": (8, 16, 32, 48, 64, 96),
    },
    "tiny": {
        "times": (2,),
        "steps": (4,),
        "most": (2,),
        "most_deep": (1,),
        "random_times": (2,),
        "seeds": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("table", "window")
    config.optimizer.learning_rate = 0.01
    config.records.every_steps = 100_000  # the last one alone is read
    config.eval.batches = 1  # the table is whole
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.times = (2, 3, 4, 5)
    config.steps = (2000, 3000, 4500, 6750)  # of training, for each T
    config.most = (16, 48, 96, 96)  # widths of one hidden layer, for each T
    config.most_deep = (8, 16, 32, 48)  # of two
    config.random_times = (2, 3, 4)
    config = override(config, choose(arg, SIZES))
    # A sweep's base must be valid before its members are.
    config.task.radius = config.times[0]
    config.train.batch_size = 2 ** (2 * config.times[0] + 1)
    config.train.steps = config.steps[0]
    return config


def sweep(add, config):
    """Adds a member per T, depth, width, answer and seed; two hidden layers learn Rule 110 alone.

    Every seed has a random table of its own.
    """
    for depth, limits in ((1, config.most), (2, config.most_deep)):
        for time, steps, most in zip(config.times, config.steps, limits, strict=True):
            for width in (width for width in WIDTHS if width <= most):
                rules = [110]
                if depth == 1:
                    rules += [30, MAJORITY]
                    rules += [90] * (time.bit_count() == 1)
                    rules += [RANDOM] * (time in config.random_times)
                for rule in rules:
                    for seed in range(config.seeds):
                        add(
                            **{
                                "task.radius": time,
                                "train.batch_size": 2 ** (2 * time + 1),
                                "train.steps": steps,
                                "model.depth": depth,
                                "model.width": width,
                                "task.rule": rule + seed * (rule == RANDOM),
                                "seed": config.first_seed + seed,
                            }
                        )


claim = partial(Claim, source=BY)
control = partial(claim, expected=(-inf, 8.0), kind=Kind.CONTROL)
CLAIMS = trained_for(
    2000,
    *(
        claim(
            f"window_growth_{rule}",
            "With one hidden layer, the width at which these steps of training fit the whole truth "
            f"table of T steps of Rule {rule} grows by a factor of at least 1.7 per step",
            expected=(1.7, inf),
            measure=window.growth(rule),
        )
        for rule in (110, 30)
    ),
    claim(
        "window_random",
        "The growth is not a matter of serial steps alone: for random tables, as irregular and not "
        "serial, the width grows at least as fast (growth factor per step of T over that of Rule "
        "110, at the same T)",
        expected=(1.0, inf),
        measure=window.growth(RANDOM, over=110),
    ),
    claim(
        "window_deeper",
        "With two hidden layers the width grows more slowly (growth factor per step of T for Rule "
        "110, over that with one hidden layer)",
        expected=(0.0, 1.0),
        measure=window.growth(110, depth=2, over=110),
    ),
    control(
        "window_control_90",
        "Control: for Rule 90 at T = 2 and 4, an XOR of two cells, at most 8 gates fit the table, "
        "on the same ladder of widths (gates, the most of any T)",
        measure=window.most_gates(90),
    ),
    control(
        "window_control_majority",
        "Control: for the majority of the same windows at most 8 gates fit the table (gates, the "
        "most of any T)",
        measure=window.most_gates(MAJORITY),
    ),
    free=("train.batch_size", "times", "steps", "most", "most_deep"),
)
FIGURES = (window.width_by_steps,)
TABLES = (window.every_cell, classes.tasks_table)
