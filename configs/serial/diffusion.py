"""Do more steps of denoising give a diffusion model more serial computation than its backbone has?

Prediction: no. A diffusion model with a backbone of constant depth solves nothing that the backbone
could not, in however many steps, since few steps of exact scores sample as well (arXiv 2507.12549,
Theorem 4.1; no experiment there, this one is the lab's). A ring circuit of D layers denoises the
answer, the cells of Rule 110 after four steps: of one cell, as in the theorem, or of the whole row,
which the theorem does not cover and which might serve as a scratchpad. Measured are one draw and
the vote of nine, for every number of steps. A local circuit lacks receptive field where it lacks
depth; scores are learned, not exact; and of masked diffusion this says nothing.
Time: up to 64 steps of denoising, as 256 would take three times as long, 5 seeds: 7 minutes on two
CPU cores. Size `large`: up to 256, 10,000 steps of training, for an accelerator.

python scripts/sweep.py --config=configs/serial/diffusion.py --workdir=runs/diffusion
"""

from functools import partial
from math import inf

from experiments.serial import build, classes
from experiments.serial.cells import BY, PAPER, trained_for
from experiments.serial.studies import diffusion
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

SIZES = {
    "default": {},
    "large": {
        "denoised": (1, 4, 16, 64, 256),
        "model.width": 64,
        "train.batch_size": 256,
        "train.steps": 10_000,
    },
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
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "diffusion")
    config.task.cells = 9
    config.train.steps = 4000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 32
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.draws = 9  # in a vote
    config.denoised = (1, 4, 16, 64)
    config.depths = (1, 2, 4)
    return override(config, choose(arg, SIZES))


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


CELL = f"{PAPER}, Theorem 4.1: nothing, for exact scores; range by this lab"
ROW = f"{PAPER}, Theorem 4.1 speaks of one token and does not cover it; range by this lab"
claim = partial(Claim, expected=(-inf, 0.02))
CLAIMS = trained_for(
    4000,
    claim(
        "diffusion_center_steps",
        "Drawing one cell, as in Theorem 4.1 and within the receptive field of the backbone: more "
        "steps of denoising than one add at most 0.02 to the accuracy of the vote, at any depth "
        "(the most)",
        measure=diffusion.added_to_one_step("center"),
        source=CELL,
    ),
    claim(
        "diffusion_row_steps",
        "Drawing the whole row, which might serve as a scratchpad, as each pass hands noisy "
        "answers to the neighbours of the next: more steps of denoising than one add at most 0.02 "
        "to the accuracy of the vote, at any depth (the most)",
        measure=diffusion.added_to_one_step("row"),
        source=ROW,
    ),
    claim(
        "diffusion_center_draws",
        "Drawing one cell, the most steps of denoising add at most 0.02 to the accuracy of the "
        "vote over four steps, where both are random draws (the most over depths)",
        measure=diffusion.added_to_enough_steps("center"),
        source=CELL,
    ),
    claim(
        "diffusion_row_draws",
        "Drawing the whole row, the most steps of denoising add at most 0.02 to the accuracy of "
        "the vote over four steps, where both are random draws (the most over depths)",
        measure=diffusion.added_to_enough_steps("row"),
        source=ROW,
    ),
    Claim(
        "diffusion_depth",
        "A backbone of four layers answers correctly in any number of steps of denoising (least "
        "accuracy of the vote)",
        expected=(0.99, inf),
        measure=diffusion.least_of_deep,
        source=BY,
    ),
    Claim(
        "diffusion_one",
        "One cell that is drawn in four steps of denoising or more is as often right as a draw "
        "from the exact posterior of the receptive field of D layers (largest distance of the "
        "accuracy from the expected sum of squared probabilities)",
        expected=(0.0, 0.03),
        measure=diffusion.distance_from_posterior_draws,
        source=BY,
    ),
    free=("denoised", "model.width", "train.batch_size"),
)
FIGURES = (diffusion.votes_by_steps,)
TABLES = (diffusion.every_cell, classes.tasks_table)
