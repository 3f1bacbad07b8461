"""The light cone: a circuit that reads its neighbours needs a layer for every step, at any width.

Claim: what takes T steps in a row takes T layers, and width buys none of them (arXiv 2507.12549;
the paper has no experiment, this one is the lab's). A ring circuit of D layers is trained on the
cells of an elementary automaton after T steps; below T layers its accuracy is the exact ceiling of
what it can see, whatever its width. Rule 110 is P-complete. The threshold is one of locality: the
control, Rule 90 at T a power of two, is an XOR of two cells, and shows it as well.
Size `quick` (the default): T up to 6, 2000 steps, 3 seeds; 12 minutes on two CPU cores.
Size `paper`: T up to 8, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/light_cone.py --workdir=runs/light_cone
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "times": (1, 2, 4, 6, 8),
        "control_times": (1, 2, 4, 8),
        "depths": (1, 2, 3, 4, 6, 8, 12),
        "widths": (8, 16, 64, 256),
        "seeds": 5,
        "train.steps": 10_000,
    },
    "quick": {},
    "tiny": {
        "times": (1, 2),
        "control_times": (1,),
        "depths": (1, 2),
        "widths": (4,),
        "seeds": 2,
        "task.cells": 8,
        "train.batch_size": 8,
        "train.steps": 4,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("automaton", "local")
    config.study = "light_cone"
    config.train.steps = 2000
    config.records.every_steps = 2000
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.times = size.get("times", (1, 2, 4, 6))  # an override keeps the number of values
    config.control_times = size.get("control_times", (1, 2, 4))
    config.depths = size.get("depths", (1, 2, 3, 4, 6, 8))
    config.widths = size.get("widths", (8, 16, 64))
    return override(config, size)


def sweep(add, config):
    """Adds a member per depth, width, rule, time and seed; rules and times share a program."""
    cells = [(110, time) for time in config.times] + [(90, time) for time in config.control_times]
    for depth in config.depths:
        for width in config.widths:
            for rule, time in cells:
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
