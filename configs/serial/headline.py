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
from experiments.serial.cells import (
    ACCURACY,
    BY,
    ON_AUTOMATON,
    accuracy,
    by_values,
    ends,
    least,
    table,
    trained_for,
)
from jaxlab.analysis.estimate import NotMeasurable, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels
from jaxlab.tasks.serial import automata

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


KEYS = ("model.name", "model.depth", "model.width", "model.count", "task.time")
PARALLEL = {
    "width": "a larger width",
    "votes": "votes (the mean of the probabilities of circuits that are trained apart)",
    "streams": "parallel streams",
}
CONDITIONS = ("depth", *PARALLEL)


def shape(config, condition, factor):
    """Returns the model that k times the compute of one layer gives under a condition."""
    base = config.base_width
    return {
        "depth": ("local", factor, base, 1),
        "width": ("local", 1, round(base * math.sqrt(factor)), 1),
        "votes": ("votes" if factor > 1 else "local", 1, base, factor),
        "streams": ("streams" if factor > 1 else "local", 1, base, factor),
    }[condition]


def sweep(add, config):
    """Adds a member per way to spend k times the compute, time and seed."""
    for factor in config.factors:
        # One layer is where all of them start.
        for condition in CONDITIONS if factor > 1 else ("depth",):
            for time in config.times:
                values = dict(zip(KEYS, (*shape(config, condition, factor), time), strict=True))
                if values["model.name"] == "local":
                    del values["model.count"]
                for seed in range(config.seeds):
                    add(**values, seed=config.first_seed + seed)


RULE, SERIAL, CONTROL = 110, 4, 1  # steps of the task and of its control


def cell(study, condition, factor, time):
    """Returns the members of k times the compute under a condition, after T steps."""
    return by_values(study, *KEYS)[*shape(study.config, condition, factor), time]


def gain(condition):
    """Measures the percentage points that eight times the compute adds to one layer, by seed."""

    def measure(study):
        one_S, more_S = (cell(study, condition, k, SERIAL)[ACCURACY].values for k in (1, 8))
        ceiling = automata.ceiling(automata.truth_table(RULE, SERIAL), 1)
        detail = f"one layer has {one_S.mean():.4f}, its exact ceiling is {ceiling:.4f}"
        return over_seeds(100 * (more_S - one_S), detail)

    return measure


def least_of_control(study):
    """Measures the least accuracy of all cells on the control."""
    easy = [own for key, own in by_values(study, *KEYS).items() if key[-1] == CONTROL]
    if not easy:
        raise NotMeasurable(f"the study has no T = {CONTROL}")
    return least(map(accuracy, easy), f"{len(easy)} cells")


CLAIMS = (
    *trained_for(
        2500,
        Claim(
            "headline_gain",
            "Rule 110 after four steps: eight times the compute of one layer, spent on layers, "
            "adds 40 to 43 percentage points of accuracy",
            expected=(40.0, 43.0),
            measure=gain("depth"),
            source=BY,
            heading=ON_AUTOMATON,
            label="8 times the compute in depth",
        ),
        Claim(
            "headline_depth",
            "Rule 110 after four steps: four layers with the parameters of one, four times its "
            "compute, answer correctly (accuracy)",
            expected=(0.995, math.inf),
            measure=lambda study: of_interval(accuracy(cell(study, "depth", SERIAL, SERIAL))),
            source=BY,
        ),
        *(
            Claim(
                f"headline_{name}",
                f"Rule 110 after four steps: eight times the compute of one layer, spent on {text},"
                " adds nothing to its accuracy (percentage points); the receptive field of one "
                "layer bounds it, so this checks the construction",
                expected=(-1.0, 1.0),
                measure=gain(name),
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
            measure=least_of_control,
            source=BY,
            kind=Kind.CONTROL,
        ),
        free=("train.batch_size", "task.cells", "times", "factors"),
    ),
    *returns.CLAIMS,
)


def accuracy_by_compute(study):
    """Returns accuracy against compute and against serial depth, at the least and the most T."""
    cells, factors = by_values(study, *KEYS), study.config.factors
    times = sorted({time for *_, time in cells})
    shown = dict.fromkeys((times[0], times[-1]))
    one = int(cell(study, "depth", 1, times[0])["flops"][0])
    figure, axes = panels(len(shown), 2, panel_height_inches=3.6)
    for row, time in enumerate(shown):
        left, right = axes[2 * row : 2 * row + 2]
        for condition in CONDITIONS:
            own = [cell(study, condition, factor, time) for factor in factors]
            parts = ends(map(accuracy, own))
            for ax, cost, unit in ((left, "flops", one), (right, "serial_depth", 1)):
                costs = [int(members[cost][0]) / unit for members in own]
                plots.interval_plot(ax, costs, *parts, label=condition)
        plots.doublings(left)
        left.set(xlabel="FLOPs, those of one layer are 1", ylabel="accuracy")
        right.set(xlabel="serial depth, operations")
        for ax in (left, right):
            ax.set(ylim=(0.5, 1.03), title=f"Rule {RULE}, T = {time}")
    caption = (
        f"Ring circuits, {study.seeds} seeds, 95 % intervals. From one layer on, compute "
        "goes into layers (same parameters), width, votes of circuits that are trained apart (the "
        "mean of their probabilities), or mixed streams (same parameters but for a shift each). "
        "Serial depth is counted in the program of each model."
    )
    return Figure("headline", "The same compute in series and in parallel", caption, figure)


def every_cell(study):
    """Returns every cell with its cost."""
    names = ("model", "layers", "width", "votes or streams", "T")
    return table("headline: every cell at the end", names, by_values(study, *KEYS))


FIGURES = (accuracy_by_compute, *returns.FIGURES)
TABLES = (every_cell, classes.tasks_table, *returns.TABLES)
