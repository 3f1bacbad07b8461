"""Diffusion: more steps of denoising are no serial computation.

Claim: a diffusion model with a backbone of constant depth solves nothing that the backbone could
not, in however many steps, since few steps of exact scores sample as well (arXiv 2507.12549,
Theorem 4.1; no experiment there, this one is the lab's). A ring circuit of D layers denoises the
answer, the cells of Rule 110 after four steps: of one cell, as in the theorem, or of the whole row,
which the theorem does not cover and which might serve as a scratchpad. Measured are one draw and
the vote of nine, for every number of steps. A local circuit misses by sight what it lacks in depth;
scores are learned, not exact; and of masked diffusion this says nothing.
Size `quick` (the default): up to 64 steps of denoising, as 256 would take three times as long, 5
seeds; 7 minutes on two CPU cores.
Size `paper`: up to 256, 10,000 steps of training, for an accelerator.

python scripts/sweep.py --config=configs/serial/diffusion.py --workdir=runs/diffusion
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "denoised": (1, 4, 16, 64, 256),
        "model.width": 64,
        "train.batch_size": 256,
        "train.steps": 10_000,
    },
    "quick": {},
    "tiny": {
        "depths": (1,),
        "denoised": (1, 2),
        "draws": 3,
        "task.cells": 9,
        "model.width": 4,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("automaton", "diffusion")
    config.study = "diffusion"
    config.task.cells = 9
    config.train.steps = 4000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 32
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.draws = 9  # in a vote
    config.denoised = size.get("denoised", (1, 4, 16, 64))  # an override keeps their number
    config.depths = size.get("depths", (1, 2, 4))
    return override(config, size)


def sweep(add, config):
    """Adds a member per target, depth and seed."""
    for target in ("center", "row"):
        for depth in config.depths:
            for seed in range(config.seeds):
                add(
                    **{
                        "model.target": target,
                        "model.depth": depth,
                        "seed": config.first_seed + seed,
                    }
                )
