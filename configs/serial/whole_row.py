"""Does Rule 110 take layers where a single layer reads the whole row?

Prediction: T steps of Rule 110 are computed by layers, and width, votes and streams of equal
compute do not make up for them (arXiv 2507.12549 names cellular automata and has no experiment,
this one is the lab's). In `light_cone` a layer reads its neighbours alone, so its threshold at T
layers reflects the receptive field. Here every layer of a mixer reads all 16 cells, so that depth
is not needed to see. One layer is given eight times its compute as layers that share their weights,
as width, as mixers that vote, or as streams through one mixer, and 64 times its compute as width,
each at its own learning rate. Controls in rows of the same kind: Rule 90 after as many steps, an
exclusive or of two cells, and Rule 204, which copies. A mixer that fails has not learned; whether
it could hold the answer is another question. Ranges were written before any run.

Time: 4 times and 2 easy rules, 2000 steps, 3 rates, 5 seeds: 40 minutes on two CPU cores. Size
`large`: T up to 8, 32 cells and 20,000 steps, for an accelerator.

python scripts/sweep.py --config=configs/serial/whole_row.py --workdir=runs/whole_row
"""

from functools import cache, partial
from math import inf

import numpy as np

from experiments.serial import build, cells, classes, conditions, equal_compute
from experiments.serial.equal_compute import DEEP, EIGHT, ONE
from jaxlab.analysis.cells import range_over_seeds, select
from jaxlab.analysis.critical_depth import critical_depths
from jaxlab.analysis.estimate import RANGE, NotMeasurable, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.interval import student_interval
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

HARD, XOR, COPY = 110, 90, 204
WIDEST = ("width", 8)  # 64 times the compute of one layer
SIZES = {
    "default": {},
    "large": {"times": (1, 2, 4, 6, 8), "depths": (1, 2, 4, 8, 16), "task.cells": 32}
    | {"model.width": 64, "train.batch_size": 256, "train.steps": 20_000}
    | {"records.every_steps": 5000},
    "tiny": {"times": (1, 2), "easy_rules": (), "depths": (1,), "parallel": (), "widest": ()}
    | {"rates": (3e-3,), "seeds": 2, "model.width": 8, "task.cells": 6}
    | {"train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "mixer")
    config.task.cells = 16
    config.model.width = 24  # of one layer; three to a head
    config.model.count = 1  # of votes and streams
    config.train.batch_size = 32
    config.train.steps = 2000
    config.records.every_steps = 500  # the last one has the training loss of the last quarter
    config.eval.batches = 64
    config.seeds = 5
    config.first_seed = 100
    config.rates = (1e-3, 3e-3, 1e-2)
    config.times = (1, 2, 3, 4)
    config.easy_rules = (XOR, COPY)
    config.depths = (1, 2, 4, 8)
    config.parallel = ("width", "votes", "streams")
    config.widest = (WIDEST[1],)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds layers for every task, other compute for the longest time, most width for Rule 110."""
    longest = max(config.times)
    tasks = [(HARD, time) for time in config.times] + [(r, longest) for r in config.easy_rules]
    parallel = [(name, EIGHT[name]) for name in config.parallel]
    for rule, time in tasks:
        given = [("depth", depth) for depth in config.depths]
        given += parallel if time == longest and rule != COPY else []
        given += [("width", times) for times in config.widest if (rule, time) == (HARD, longest)]
        for member in equal_compute.members(config, given):
            add(**{"task.rule": rule, "task.time": time}, **member)


@cache
def at_all_rates(study):
    """Returns the cells, with all learning rates, by rule and time."""
    data = cells.final_metrics(study, "task.rule", "task.time", *conditions.KEYS)
    tasks = sorted(
        set(zip(*(data[f"task.{key}"].values.tolist() for key in ("rule", "time")), strict=True))
    )
    return {
        task: conditions.by_condition(select(data, {"task.rule": task[0], "task.time": task[1]}))
        for task in tasks
    }


@cache
def at_best_rates(study):
    """Returns the cells with their best learning rates, by rule and time."""
    return {task: conditions.at_best_rates(own) for task, own in at_all_rates(study).items()}


def accuracy(study, condition, rule=HARD):
    """Returns the accuracy of each seed on a rule after the longest time, %."""
    found = at_best_rates(study)
    task = rule, max(time for _, time in found)
    if task not in found:
        raise NotMeasurable(f"the study has no members of Rule {rule} at time {task[1]}")
    return 100 * found[task][condition][cells.ACCURACY].values


def added(condition, rule=HARD):
    """Measures the percentage points that a condition adds to the accuracy of one layer."""

    def measure(study):
        one_S, more_S = accuracy(study, ONE, rule), accuracy(study, condition, rule)
        told = f"{more_S.mean():.1f} % against {one_S.mean():.1f} % of one layer"
        return over_seeds(more_S - one_S, told)

    return measure


def lead_of_layers(study):
    """Measures the lead of layers over width, votes and streams, the least of three, points."""
    found = {name: accuracy(study, (name, times)) for name, times in EIGHT.items()}
    deep_S = found.pop("depth")
    told = ", ".join(f"{own_S.mean():.1f} % by {name}" for name, own_S in found.items())
    leads = (student_interval(deep_S - own_S) for own_S in found.values())
    return cells.least(leads, f"{deep_S.mean():.1f} % by layers, {told}")


def lead_over_widest(study):
    """Measures the lead of eight layers over 64 times the compute of one layer in width, points."""
    deep_S, wide_S = accuracy(study, DEEP), accuracy(study, WIDEST)
    return over_seeds(deep_S - wide_S, f"{deep_S.mean():.1f} % against {wide_S.mean():.1f} %")


def more_layers(study):
    """Measures how many layers more the longest time needs than one step, for 95 % of the cells."""
    found = at_best_rates(study)
    times = sorted(time for rule, time in found if rule == HARD)
    depths = sorted(times for name, times in found[HARD, times[0]] if name == "depth")
    needed = []
    for time in (times[0], times[-1]):
        own = found[HARD, time]
        right_DxS = np.array([own["depth", depth][cells.ACCURACY].values for depth in depths])
        needed.append(critical_depths(depths, right_DxS.T))
    if not np.isfinite(needed).all():
        raise NotMeasurable("for some seeds no depth was enough")
    told = f"{needed[0].mean():.3g} and {needed[1].mean():.3g} layers"
    return of_interval(range_over_seeds(needed[1] - needed[0]), covers=RANGE, detail=told)


ROW = "Rule 110 after four steps, where one layer reads the whole row"
POINTS = "percentage points of accuracy"
claim = partial(Claim, source=cells.BY)
control = partial(claim, kind=Kind.CONTROL)
CLAIMS = cells.trained_for(
    2000,
    claim(
        "whole_row_depth",
        f"{ROW}: eight times the compute of one layer, spent on layers that share their weights, "
        f"adds at least 5 {POINTS}",
        expected=(5.0, inf),
        measure=added(DEEP),
    ),
    claim(
        "whole_row_over",
        f"{ROW}: of equal compute, layers are at least 2 {POINTS} ahead of the best of width, "
        "votes and streams",
        expected=(2.0, inf),
        measure=lead_of_layers,
    ),
    claim(
        "whole_row_widest",
        f"{ROW}: eight layers are more accurate than 64 times the compute of one layer, spent on "
        f"width ({POINTS})",
        expected=(0.0, inf),
        measure=lead_over_widest,
    ),
    claim(
        "whole_row_layers",
        "Rule 110, where one layer reads the whole row: at least one layer more is needed for 95 % "
        "of the cells after four steps than after one (layers more)",
        expected=(1.0, inf),
        measure=more_layers,
    ),
    control(
        "whole_row_xor",
        "Control, Rule 90 after four steps, an exclusive or of two cells of the row: eight times "
        f"the compute of one layer, spent on layers, adds less than 5 {POINTS}",
        expected=(-inf, 5.0),
        measure=added(DEEP, XOR),
    ),
    control(
        "whole_row_copy",
        "Control, Rule 204, which copies the row: eight times the compute of one layer, spent on "
        f"layers, adds nothing to it ({POINTS})",
        expected=(-1.0, 1.0),
        measure=added(DEEP, COPY),
    ),
    free=("times", "easy_rules", "depths", "rates", "task.cells", "model.width", "train.*"),
)


def accuracy_by_compute(study):
    """Returns accuracy against compute: Rule 110 after the longest time, and Rule 90."""
    found = at_best_rates(study)
    longest = max(time for _, time in found)
    shown = [task for task in ((HARD, longest), (XOR, longest)) if task in found]
    figure, axes = panels(1, len(shown))
    for ax, task in zip(axes, shown, strict=True):
        conditions.draw(ax, found[task], cells.ACCURACY)
        ax.set(ylabel="accuracy", ylim=(0.48, 1.02), title=f"Rule {task[0]}, T = {task[1]}")
    caption = (
        f"Cells that are right after T steps, {study.seeds} seeds, 95 % intervals. From one "
        "layer on, compute goes into layers (same parameters), width, mixers that vote, or mixed "
        f"streams. Every layer reads the whole row. {conditions.CHOICE}"
    )
    return Figure("whole_row", "An automaton whose whole row one layer reads", caption, figure)


def every_rate(study):
    """Returns every cell and learning rate with its accuracy and costs."""
    return conditions.table("whole_row: accuracy", "rule and time", at_all_rates(study))


FIGURES = (accuracy_by_compute,)
TABLES = (every_rate, classes.tasks_table)
