"""The same compute spent on depth, on width, on votes or on streams.

Claim: for what takes steps in a row, compute in series does what compute side by side does not
(arXiv 2507.12549; the paper has no experiment, this one is the lab's). A ring circuit of one layer
is given k times its compute in four ways: k layers that share their weights, the width √k, votes of
k circuits that are trained apart (the mean of their probabilities), and k streams through one
circuit, mixed as in ParScale. Layers and streams keep its parameters, width and votes have k times
as many. They are asked for Rule 110 after T steps; at T = 1, the control, no way is needed. What
one layer lacks here is sight, see light_cone.
Size `quick` (the default): k up to 8, T = 1, 2, 4, 5 seeds; 6 minutes on two CPU cores.
Size `paper`: k up to 16, T up to 8, for an accelerator.

python scripts/sweep.py --config=configs/serial/headline.py --workdir=runs/headline
"""

import math

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "times": (1, 2, 4, 8),
        "factors": (1, 2, 4, 8, 16),
        "train.batch_size": 128,
        "task.cells": 32,
        "train.steps": 10_000,
    },
    "quick": {},
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
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("automaton", "local")
    config.study = "headline"
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
    config.times = size.get("times", (1, 2, 4))  # an override keeps the number of values
    config.factors = size.get("factors", (1, 2, 4, 8))  # k, in FLOPs
    return override(config, size)


def sweep(add, config):
    """Adds a member per way to spend k times the compute, time and seed."""
    for factor in config.factors:
        ways = {
            "depth": ("local", factor, config.base_width, 1),
            "width": ("local", 1, round(config.base_width * math.sqrt(factor)), 1),
            "votes": ("votes", 1, config.base_width, factor),
            "streams": ("streams", 1, config.base_width, factor),
        }
        if factor == 1:
            ways = {"depth": ways["depth"]}  # one layer is where all ways start
        for name, depth, width, count in ways.values():
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
