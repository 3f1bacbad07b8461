"""Do circuits of learned logic gates need a layer for every step too, at any width?

Prediction: depth is not bought with width, for Boolean gates as for others (arXiv 2507.12549; the
paper has no experiment, this one is the lab's). A ring of cells has D layers of W gates on two
random wires each, and every gate learns which of the 16 functions of two bits it is; what is
measured are the hard gates, each the likeliest function. They are asked for one step and for two of
Rule 110, and of Rule 90, an XOR of two cells, whose threshold is that of the same receptive field.
The count of gates that ends the circuit is one layer of thresholds more. Every seed has a wiring of
its own.
Time: D up to 3, 3 wirings, 2000 steps: 6 minutes on two CPU cores. Size `large`: D up to 8, 5
wirings, for an accelerator.

python scripts/sweep.py --config=configs/serial/gates.py --workdir=runs/gates
"""

from functools import partial
from math import inf

from experiments.serial import build, classes, cone
from experiments.serial.cells import BY, trained_for
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure

SIZES = {
    "default": {},
    "large": {"times": (1, 2, 3), "depths": (1, 2, 3, 4, 6, 8), "seeds": 5, "train.steps": 20_000},
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
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "gates")
    config.task.cells = 16
    config.train.batch_size = 32
    config.train.steps = 2000
    config.optimizer.learning_rate = 0.02
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 256
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.times = (1, 2)
    config.depths = (1, 2, 3)
    config.widths = (32, 256)
    config.control_widths = (256,)
    return override(config, choose(arg, SIZES))


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


RULE, XOR = {"task.rule": 110}, {"task.rule": 90}
WIDE_ENOUGH = 256
SPARE = 1  # layers beyond T: gates of two inputs take two layers to join three cells
claim = partial(Claim, source=BY)
CLAIMS = trained_for(
    2000,
    claim(
        "gates_reached",
        f"{WIDE_ENOUGH} hard logic gates a cell compute T steps of Rule 110 with {SPARE} layer "
        "more than T (least accuracy)",
        expected=(0.99, inf),
        measure=cone.reached(RULE, wide_enough=WIDE_ENOUGH, more_layers=SPARE),
    ),
    claim(
        "gates_ceiling",
        "With fewer than T layers the accuracy of hard gates on Rule 110 is the exact ceiling of "
        "their receptive field, at either width (largest distance)",
        expected=(0.0, 0.02),
        measure=cone.distance_from_ceiling(RULE),
    ),
    claim(
        "gates_width",
        "With fewer than T layers, eight times the gates move the accuracy on Rule 110 by at most "
        "0.02 (largest change)",
        expected=(0.0, 0.02),
        measure=cone.moved_by_width(RULE, 8),
    ),
    claim(
        "gates_90_reached",
        f"{WIDE_ENOUGH} hard logic gates a cell compute T steps of Rule 90, an XOR of two cells, "
        "with as many layers (least accuracy)",
        expected=(0.99, inf),
        measure=cone.reached(XOR, wide_enough=WIDE_ENOUGH, more_layers=SPARE),
    ),
    claim(
        "gates_90_ceiling",
        "With fewer than T layers the answer of Rule 90 is a coin flip for hard gates: this "
        "threshold reflects the receptive field (largest distance of the accuracy from 1/2)",
        expected=(0.0, 0.02),
        measure=cone.distance_from_ceiling(XOR),
        kind=Kind.CHECK,
    ),
    free=("times", "depths"),
)


def accuracy_by_depth(study):
    """Returns accuracy against depth for every rule and T."""
    caption = (
        f"Accuracy of hard gates, {study.seeds} wirings with 95 % intervals; dashed, the "
        "exact ceiling of the receptive field of D layers. What T layers or more fall short of it "
        "is a layer to join three cells by gates of two inputs, or learning."
    )
    figure = cone.figure_by_depth([*cone.cells(study, RULE), *cone.cells(study, XOR)])
    return Figure("gates", "Logic gates and the light cone", caption, figure)


def every_cell(study):
    """Returns every cell with its ceiling and its cost."""
    kinds = {"logic": [*cone.cells(study, RULE), *cone.cells(study, XOR)]}
    return cone.ceilings_table(study.name, kinds)


FIGURES = (accuracy_by_depth,)
TABLES = (every_cell, classes.tasks_table)
