"""Does compute that is spent in series do what the same compute spent in parallel does not?

Prediction: on tasks that take steps in a row, serial compute does what parallel compute cannot
(arXiv 2507.12549; the paper has no experiment, this one is the lab's). A ring circuit of one layer
is given k times its compute in four ways: k layers that share their weights, the width times √k,
votes of k circuits that are trained apart (the mean of their probabilities), and k streams through
one circuit, mixed as in ParScale. Layers and streams keep its parameters; width and votes have k
times as many. They are asked for Rule 110 after T steps; at T = 1, the control, one layer is
enough. What one layer lacks here is receptive field, see light_cone.
Time: k up to 8, T = 1, 2, 4, 5 seeds: 6 minutes on two CPU cores. Size `large`: k up to 16, T up to
8, for an accelerator.

python scripts/sweep.py --config=configs/serial/headline.py --workdir=runs/headline
"""

import math

from experiments.serial import build, classes, returns
from experiments.serial.cells import BY, ON_AUTOMATON, trained_for
from experiments.serial.studies import headline
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "large": {
        "times": (1, 2, 4, 8),
        "factors": (1, 2, 4, 8, 16),
        "train.batch_size": 128,
        "task.cells": 32,
        "train.steps": 10_000,
    },
    "tiny": {
        "times": (1, 2),
        "factors": (1, 2),
        "base_width": 4,
        "seeds": 2,
        "task.cells": 8,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "local")
    config.model.count = 1  # of votes and streams
    config.model.tied = True
    config.task.cells = 16
    config.train.batch_size = 32
    config.train.steps = 2500
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 256
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.base_width = 16
    config.times = (1, 2, 4)
    config.factors = (1, 2, 4, 8)  # k, in FLOPs
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per way to spend k times the compute, time and seed."""
    for factor in config.factors:
        conditions = {
            "depth": ("local", factor, config.base_width, 1),
            "width": ("local", 1, round(config.base_width * math.sqrt(factor)), 1),
            "votes": ("votes", 1, config.base_width, factor),
            "streams": ("streams", 1, config.base_width, factor),
        }
        if factor == 1:
            conditions = {"depth": conditions["depth"]}  # one layer is where all of them start
        for name, depth, width, count in conditions.values():
            counted = {"model.count": count} if name != "local" else {}
            for time in config.times:
                for seed in range(config.seeds):
                    add(
                        **counted,
                        **{
                            "model.name": name,
                            "model.depth": depth,
                            "model.width": width,
                            "task.time": time,
                            "seed": config.first_seed + seed,
                        },
                    )


PARALLEL = {
    "width": "a larger width",
    "votes": "votes (the mean of the probabilities of circuits that are trained apart)",
    "streams": "parallel streams",
}
CLAIMS = (
    *trained_for(
        2500,
        Claim(
            "headline_gain",
            "Rule 110 after four steps: eight times the compute of one layer, spent on layers, "
            "adds 40 to 43 percentage points of accuracy",
            expected=(40.0, 43.0),
            measure=headline.gain("depth"),
            source=BY,
            heading=ON_AUTOMATON,
            label="8 times the compute in depth",
        ),
        Claim(
            "headline_depth",
            "Rule 110 after four steps: four layers with the parameters of one, four times its "
            "compute, answer correctly (accuracy)",
            expected=(0.995, math.inf),
            measure=headline.deep_accuracy,
            source=BY,
        ),
        *(
            Claim(
                f"headline_{name}",
                f"Rule 110 after four steps: eight times the compute of one layer, spent on {text},"
                " adds nothing to its accuracy (percentage points); the receptive field of one "
                "layer bounds it, so this checks the construction",
                expected=(-1.0, 1.0),
                measure=headline.gain(name),
                source=BY,
                kind=Kind.CHECK,
                heading=ON_AUTOMATON,
                label=f"8 times the compute in {name}",
            )
            for name, text in PARALLEL.items()
        ),
        Claim(
            "headline_control",
            "Control: after one step of Rule 110 one layer answers correctly, and so does all that "
            "more compute is spent on (least accuracy)",
            expected=(0.995, math.inf),
            measure=headline.least_control_accuracy,
            source=BY,
            kind=Kind.CONTROL,
        ),
        free=("train.batch_size", "task.cells", "times", "factors"),
    ),
    *returns.CLAIMS,
)
FIGURES = (headline.accuracy_by_compute, *returns.FIGURES)
TABLES = (headline.every_cell, classes.tasks_table, *returns.TABLES)
