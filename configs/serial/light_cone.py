"""Does a circuit that reads its neighbours need a layer for every step, at any width?

Prediction: what takes T steps in a row takes T layers, and width replaces none of them (arXiv
2507.12549; the paper has no experiment, this one is the lab's). A ring circuit of D layers is
trained on the cells of an elementary automaton after T steps; below T layers its accuracy is the
exact ceiling of its receptive field, whatever its width. Rule 110 is P-complete. The threshold is
one of locality: Rule 90 at T a power of two is an XOR of two cells, and shows it as well. The
control is Rule 204, a copy: one layer is enough at every T. Circuits of threshold gates stand
beside those of ReLU.
Time: T up to 6, 2500 steps, 3 seeds: 13 minutes on two CPU cores. Size `large`: T up to 8, 5 seeds,
for an accelerator.

python scripts/sweep.py --config=configs/serial/light_cone.py --workdir=runs/light_cone
"""

from functools import partial
from math import inf

from experiments.serial import build, classes, cone
from experiments.serial.cells import BY, trained_for
from experiments.serial.studies import light_cone
from experiments.serial.studies.light_cone import COPY, RULE, THRESHOLD, WIDE_ENOUGH, XOR
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "large": {
        "times": (1, 2, 3, 4, 5, 6, 7, 8),
        "control_times": (1, 2, 4, 8),
        "widths": (16, 128),
        "seeds": 5,
        "task.cells": 32,
        "train.batch_size": 64,
        "train.steps": 10_000,
    },
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
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "local")
    config.task.cells = 16
    config.train.batch_size = 32
    config.train.steps = 2500
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 256
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.hard_width = 64
    config.hard_rate = 0.01
    config.times = (1, 2, 3, 4, 5, 6)
    config.control_times = (1, 2, 4)
    config.widths = (8, 16, 64)
    config.control_widths = (16,)
    config.hard_times = (1, 2)
    return override(config, choose(arg, SIZES))


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


claim = partial(Claim, source=BY)
counted = partial(Claim, source="counted in the program, without a run", kind=Kind.CHECK)
CLAIMS = (
    *trained_for(
        2500,
        claim(
            "light_cone_reached",
            f"T layers of at least {WIDE_ENOUGH} gates compute T steps of Rule 110 (least accuracy "
            "of all T and of all depths D ≥ T)",
            expected=(0.995, inf),
            measure=cone.reached(RULE, wide_enough=WIDE_ENOUGH),
        ),
        claim(
            "light_cone_ceiling",
            "With fewer than T layers the accuracy on Rule 110 is the exact ceiling of the "
            "receptive field of D layers, at every width (largest distance)",
            expected=(0.0, 0.01),
            measure=cone.distance_from_ceiling(RULE),
        ),
        claim(
            "light_cone_width",
            "Width replaces no layer: with fewer than T layers, eight times the width moves the "
            "accuracy on Rule 110 by at most 0.01 (largest change)",
            expected=(0.0, 0.01),
            measure=cone.moved_by_width(RULE, 8),
        ),
        claim(
            "light_cone_slope",
            "The depth at which a circuit reaches an accuracy of 95 % on Rule 110 grows by one "
            "layer for every step (slope of a line through T up to 6, layers per step)",
            expected=(0.95, 1.05),
            measure=light_cone.layers_per_step(RULE),
        ),
        claim(
            "light_cone_linear",
            "A line predicts the depth of the two largest T better than a logarithm does (ratio of "
            "their prediction errors)",
            expected=(-inf, 0.5),
            measure=light_cone.line_over_logarithm,
        ),
        claim(
            "light_cone_hard_reached",
            "T layers of threshold gates compute T steps of Rule 110 as well, for T up to 2 (least "
            "accuracy)",
            expected=(0.995, inf),
            measure=cone.reached(THRESHOLD, wide_enough=WIDE_ENOUGH),
        ),
        claim(
            "light_cone_hard_ceiling",
            "With fewer than T layers threshold gates are at the same exact ceiling (largest "
            "distance)",
            expected=(0.0, 0.01),
            measure=cone.distance_from_ceiling(THRESHOLD),
        ),
        claim(
            "light_cone_90_reached",
            "T layers compute Rule 90 at T = 1, 2 and 4 as well, though it is an XOR of two cells: "
            "the threshold reflects the receptive field, not the complexity class (least accuracy "
            "of all depths D ≥ T)",
            expected=(0.995, inf),
            measure=cone.reached(XOR, wide_enough=WIDE_ENOUGH),
        ),
        claim(
            "light_cone_90_ceiling",
            "With fewer than T layers the answer of Rule 90 is a coin flip, since both of its "
            "cells are outside the receptive field (largest distance of the accuracy from 1/2)",
            expected=(0.0, 0.01),
            measure=cone.distance_from_ceiling(XOR),
            kind=Kind.CHECK,
        ),
        claim(
            "light_cone_copy",
            "Control: copying (Rule 204) takes one layer at every T (layers that reach an accuracy "
            "of 95 %, the most of any T)",
            expected=(1.0, 1.0),
            measure=light_cone.most_layers_of_copy,
            kind=Kind.CONTROL,
        ),
        claim(
            "light_cone_copy_slope",
            "Control: a further step of copying costs no layer (slope of a line through these "
            "depths, layers per step)",
            expected=(-0.05, 0.05),
            measure=light_cone.layers_per_step(COPY),
            kind=Kind.CONTROL,
        ),
        counted(
            "light_cone_meter_width",
            "Serial depth grows as the logarithm of the width: in the program eight times the "
            "width adds 3 operations to the longest path of each of its 2 D + 1 products (the "
            "most)",
            expected=(0.0, 3.0),
            measure=cone.path_by_width(RULE, 8),
        ),
        counted(
            "light_cone_meter_depth",
            "Serial depth is linear in D: every layer adds as many operations as the layer before "
            "(largest difference)",
            expected=(0.0, 0.0),
            measure=cone.path_by_depth(RULE),
        ),
        free=("train.batch_size", "task.cells", "times", "control_times", "widths"),
    ),
    Claim(
        "light_cone_exact",
        "The exact ceilings are those known for Rule 110 at T = 2, 4 and 6, and 1/2 for Rule 30 at "
        "all D < T up to 6 (largest distance)",
        expected=(0.0, 0.0005),
        measure=light_cone.distance_from_known_ceilings,
        source="counted over truth tables; the known ones, to three digits, by an earlier count",
        kind=Kind.CHECK,
        needs_runs=False,
    ),
)
FIGURES = (light_cone.accuracy_by_depth, light_cone.depth_by_steps)
TABLES = (light_cone.every_cell, classes.tasks_table)
