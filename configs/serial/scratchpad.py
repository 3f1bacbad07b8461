"""A scratchpad: one layer that is run T times over what it wrote takes T steps exactly.

Claim: what no width of a shallow network replaces, serial steps through written tokens do
(arXiv 2507.12549; the paper has no experiment, this one is the lab's). A ring circuit of one layer
is taught single steps of Rule 110, and is rolled out for up to 256 of them: T passes for T steps,
each on the bits that it wrote. Its control, the same circuit with the same parameters, is trained
to answer four steps at once.
Size `quick` (the default): 5 seeds, 1000 steps; 60 seconds on two CPU cores.
Size `paper`: 20 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/scratchpad.py --workdir=runs/scratchpad
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {"seeds": 20, "train.steps": 5000},
    "quick": {},
    "tiny": {
        "seeds": 2,
        "rolled": (1, 2, 3, 4, 5),
        "direct_time": 2,
        "task.cells": 8,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("automaton", "scratchpad")
    config.study = "scratchpad"
    config.task.time = 1
    config.train.steps = 1000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 64
    config.model.depth = 1
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.direct_time = 4  # steps that the control answers at once
    config.rolled = (1, 4, 16, 64, 256)  # steps of the roll-outs
    return override(config, size)


def sweep(add, config):
    """Adds a member per kind of answer, written or direct, and seed."""
    for name, time in (("scratchpad", 1), ("local", config.direct_time)):
        for seed in range(config.seeds):
            add(**{"model.name": name, "task.time": time, "seed": config.first_seed + seed})
