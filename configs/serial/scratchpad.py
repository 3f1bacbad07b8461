"""Can one layer compute T steps of an automaton when it is run T times over what it wrote?

Prediction: serial steps through written tokens do what no width of a shallow network does
(arXiv 2507.12549; the paper has no experiment, this one is the lab's). A ring circuit of one layer
is taught single steps of Rule 110, and is rolled out for up to 256 of them: T passes for T steps,
each on the bits that it wrote. Its control, the same circuit with the same parameters, is trained
to answer four steps at once.
Time: 5 seeds, 1000 steps: 60 seconds on two CPU cores. Size `large`: 20 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/scratchpad.py --workdir=runs/scratchpad
"""

from math import inf

from experiments.serial import build, classes, cone
from experiments.serial.cells import (
    BY,
    COSTS,
    SPENT,
    accuracy,
    ends,
    final_metrics,
    least,
    spent,
    table,
    trained_for,
)
from jaxlab.analysis.cells import select
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table

SIZES = {
    "default": {},
    "large": {"seeds": 20, "train.steps": 5000},
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
    """Returns the config of a size: default, large or tiny."""
    config = build.config("automaton", "scratchpad")
    config.task.time = 1
    config.train.steps = 1000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 64
    config.model.depth = 1
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.direct_time = 4  # steps that the control answers at once
    config.rolled = (1, 4, 16, 64, 256)  # steps of the roll-outs
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per kind of answer, written or direct, and seed."""
    for name, time in (("scratchpad", 1), ("local", config.direct_time)):
        for seed in range(config.seeds):
            add(**{"model.name": name, "task.time": time, "seed": config.first_seed + seed})


LAST = 64  # steps of the claim
WRITTEN, DIRECT = {"model.name": "scratchpad"}, {"model.name": "local"}


def rows_right(study):
    """Returns the share of right rows after every number of steps of the roll-out."""
    own = select(final_metrics(study, "model.name"), WRITTEN)
    return {T: accuracy(own, f"eval_row_accuracy_{T}") for T in study.config.rolled}


def least_rows_right(study):
    """Measures the least share of right rows of all T up to the last of the claim."""
    found = {T: part for T, part in rows_right(study).items() if T <= LAST}
    if LAST not in found:
        raise NotMeasurable(f"the study has no roll-out of {LAST} steps")
    return least(found.values(), f"T in {list(found)}")


CLAIMS = trained_for(
    1000,
    Claim(
        "scratchpad_rows",
        "One layer that is taught single steps of Rule 110, and spends T passes on what it wrote, "
        f"gets whole rows right for every T up to {LAST} (least share of rows)",
        expected=(0.999, inf),
        measure=least_rows_right,
        source=BY,
    ),
    Claim(
        "scratchpad_direct",
        "Control: the same layer, taught to answer four steps in one pass, is at the exact ceiling "
        "of its receptive field (distance of the accuracy)",
        expected=(0.0, 0.01),
        measure=cone.distance_from_ceiling(DIRECT),
        source=BY,
        kind=Kind.CONTROL,
    ),
)


def rows_by_steps(study):
    """Returns the share of right rows against T."""
    figure, (ax,) = panels(panel_height_inches=3.2)
    found = rows_right(study)
    label = "scratchpad, whole rows"
    plots.interval_plot(ax, list(found), *ends(found.values()), label=label)
    for own in cone.cells(study, DIRECT):
        ax.plot(own.time, own.accuracy.value, "s", color=CATEGORY_COLOURS[3], label="in one pass")
        label = f"exact ceiling of one pass, T = {own.time}"
        ax.axhline(own.ceiling, color=GREY, ls="--", label=label)
    plots.doublings(ax)
    ax.set(xlabel="steps T", ylabel="accuracy", ylim=(0.45, 1.03))
    plots.legend(ax)
    parameters = int(final_metrics(study)["parameters"][0])
    caption = (
        f"One layer of {parameters} parameters, taught single steps of Rule 110 and rolled out: T "
        "passes for T steps, each over the bits that it wrote; beside it the same circuit, trained "
        "to answer in one pass, of whose single cells the accuracy is shown."
    )
    return Figure("scratchpad", "Serial steps through written tokens", caption, figure)


def cells_and_costs(study):
    """Returns the cells, and what each roll-out costs."""
    data = final_metrics(study, "model.name")
    names = {"a step, rolled out": WRITTEN, "in one pass": DIRECT}
    cells = {(text,): select(data, values) for text, values in names.items()}
    run = next(run for run in study.runs if run.config.model.name == "scratchpad")
    training = spent(cells["a step, rolled out",])[:3]
    right = rows_right(study)
    of_steps = [
        [T, right[int(T)].value, *training, *(cost[key] for key in COSTS)]
        for T, cost in run.environment["data"]["rolled"].items()
    ]
    header = ["T", "rows right", *SPENT[:3], "serial depth", "FLOPs a row", "parameters"]
    return [
        table("scratchpad: accuracy on what each was trained for", ("answer",), cells),
        Table("scratchpad: what a roll-out costs", header, of_steps),
    ]


FIGURES = (rows_by_steps,)
TABLES = (cells_and_costs, classes.tasks_table)
