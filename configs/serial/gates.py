"""Circuits of learned logic gates: binary gates of two inputs, which have a threshold in depth too.

Claim: depth is not bought with width, for Boolean gates as for others (arXiv 2507.12549; the paper
has no experiment, this one is the lab's). A ring of cells has D layers of W gates on two random
wires each, and every gate learns which of the 16 functions of two bits it is; what is measured are
the hard gates, each the likeliest function. They are asked for one step and for two of Rule 110,
and of Rule 90, an XOR of two cells, which has the same threshold of sight. The count of gates that
ends the circuit is one layer of thresholds more. Every seed has a wiring of its own.
Size `quick` (the default): D up to 3, 3 wirings, 2000 steps; 6 minutes on two CPU cores.
Size `paper`: D up to 8, 5 wirings, for an accelerator.

python scripts/sweep.py --config=configs/serial/gates.py --workdir=runs/gates
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {"times": (1, 2, 3), "depths": (1, 2, 3, 4, 6, 8), "seeds": 5, "train.steps": 20_000},
    "quick": {},
    "tiny": {
        "times": (1, 2),
        "depths": (1,),
        "widths": (4,),
        "control_widths": (4,),
        "seeds": 1,
        "task.cells": 8,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("automaton", "gates")
    config.study = "gates"
    config.task.cells = 16
    config.train.batch_size = 32
    config.train.steps = 2000
    config.optimizer.learning_rate = 0.02
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 256
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.times = size.get("times", (1, 2))  # an override keeps the number of values
    config.depths = size.get("depths", (1, 2, 3))
    config.widths = size.get("widths", (32, 256))
    config.control_widths = size.get("control_widths", (256,))
    return override(config, size)


def sweep(add, config):
    """Adds a member per rule, depth, width, wiring and time; rules and wirings share a program."""
    cells = [(110, width) for width in config.widths]
    cells += [(90, width) for width in config.control_widths]
    for depth in config.depths:
        for rule, width in cells:
            for time in config.times:
                for seed in range(config.seeds):
                    add(
                        **{
                            "model.depth": depth,
                            "model.width": width,
                            "task.rule": rule,
                            "task.time": time,
                            "seed": config.first_seed + seed,
                        }
                    )
