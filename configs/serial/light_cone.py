"""The light cone: a circuit that reads its neighbours needs a layer for every step, at any width.

Claim: what takes T steps in a row takes T layers, and width buys none of them (arXiv 2507.12549;
the paper has no experiment, this one is the lab's). A ring circuit of D layers is trained on the
cells of an elementary automaton after T steps; below T layers its accuracy is the exact ceiling of
what it can see, whatever its width. Rule 110 is P-complete. The threshold is one of locality:
Rule 90 at T a power of two is an XOR of two cells, and shows it as well. The control is Rule 204, a
copy: one layer is enough at every T. Circuits of threshold gates stand beside those of ReLU.
Size `quick` (the default): T up to 6, 2500 steps, 3 seeds; 13 minutes on two CPU cores.
Size `paper`: T up to 8, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/light_cone.py --workdir=runs/light_cone
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "times": (1, 2, 3, 4, 5, 6, 7, 8),
        "control_times": (1, 2, 4, 8),
        "widths": (16, 128),
        "seeds": 5,
        "task.cells": 32,
        "train.batch_size": 64,
        "train.steps": 10_000,
    },
    "quick": {},
    "tiny": {
        "times": (1, 2),
        "control_times": (1,),
        "widths": (4,),
        "control_widths": (4,),
        "hard_times": (),
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
    config.study = "light_cone"
    config.task.cells = 16
    config.train.batch_size = 32
    config.train.steps = 2500
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 256
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.hard_width = 64
    config.hard_rate = 0.01
    config.times = size.get("times", (1, 2, 3, 4, 5, 6))  # an override keeps the number of values
    config.control_times = size.get("control_times", (1, 2, 4))
    config.widths = size.get("widths", (8, 16, 64))
    config.control_widths = size.get("control_widths", (16,))
    config.hard_times = size.get("hard_times", (1, 2))
    return override(config, size)


def sweep(add, config):
    """Adds a member per depth up to T + 1, width, rule, time and seed; rules share a program.

    Copies have one layer and T layers alone.
    """
    rate, most = config.optimizer.learning_rate, max(config.times)
    cells = [(110, time, width, False, rate) for time in config.times for width in config.widths]
    cells += [
        (rule, time, width, False, rate)
        for rule, times in ((90, config.control_times), (204, config.times))
        for time in times
        for width in config.control_widths
    ]
    cells += [(110, time, config.hard_width, True, config.hard_rate) for time in config.hard_times]
    for rule, time, width, hard, rate in cells:
        for depth in {1, time} if rule == 204 else range(1, min(time + 1, most) + 1):
            for seed in range(config.seeds):
                add(
                    **{
                        "model.depth": depth,
                        "model.width": width,
                        "model.hard": hard,
                        "optimizer.learning_rate": rate,
                        "task.rule": rule,
                        "task.time": time,
                        "seed": config.first_seed + seed,
                    }
                )
