"""One layer with a scratchpad beside the same layer without."""

from __future__ import annotations

from math import inf

from experiments.serial import cone
from experiments.serial.cells import COSTS, SPENT, ends, spent, table
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import lowest, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table

LAST = 64  # steps of the claim
EXPECTED = {
    "scratchpad_rows": Expected(
        "One layer that is taught single steps, and spends T passes on what it wrote, gets whole "
        f"rows right for every T up to {LAST} (the least share of rows)",
        BY,
        None,
        (0.999, inf),
    ),
    "scratchpad_direct": Expected(
        "Control: the same layer, taught to answer in one pass, is at the ceiling of what it sees "
        "(distance)",
        BY,
        None,
        (0.0, 0.01),
        control=True,
    ),
}
PINNED = {"task.name": "automaton", "task.rule": 110, "model.depth": 1, **of_training(1000)}


def rolled(study: Study, metric: str) -> dict[int, Interval]:
    """Returns an accuracy after every number of steps of the roll-out."""
    own = pick(ends(study, "model.name"), {"model.name": "scratchpad"})
    steps = study.config.rolled
    return {T: student_interval(own[f"eval_{metric}_{T}"].values) for T in steps}


def direct(study: Study) -> list[cone.Cell]:
    """Returns the cell that answers at once."""
    data = ends(study, "model.name", *cone.KEYS)
    return cone.cells(pick(data, {"model.name": "local"}), study.config.task.rule)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns how the roll-out and the direct answer do."""
    found = {T: part for T, part in rolled(study, "row_accuracy").items() if T <= LAST}
    lacks = Unmeasured(f"the study has no roll-out of {LAST} steps")
    return {
        "scratchpad_rows": Measured(lowest(found.values()), f"T in {list(found)}")
        if LAST in found
        else lacks,
        "scratchpad_direct": cone.at_ceiling(direct(study)),
    }


def figures(study: Study) -> list[Figure]:
    """Returns the share of right rows against T."""
    figure, (ax,) = panels(panel_height_inches=3.2)
    found = rolled(study, "row_accuracy")
    ends_3 = ([getattr(p, end) for p in found.values()] for end in ("value", "low", "high"))
    plots.interval_plot(ax, list(found), *ends_3, label="scratchpad, whole rows")
    for own in direct(study):
        ax.plot(own.time, own.accuracy.value, "s", color=CATEGORY_COLOURS[3], label="at once")
        ax.axhline(own.ceiling, color=GREY, ls="--", label=f"ceiling at once, T = {own.time}")
    plots.doublings(ax)
    ax.set(xlabel="steps T", ylabel="accuracy", ylim=(0.45, 1.03))
    plots.legend(ax)
    parameters = int(ends(study)["parameters"][0])
    caption = (
        f"One layer of {parameters} parameters, taught single steps of Rule 110 and rolled out: T "
        "passes for T steps, each over the bits that it wrote; beside it the same circuit, trained "
        "to answer at once, of whose single cells the accuracy is shown."
    )
    return [Figure("scratchpad", "Serial steps through written tokens", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the cells, and what each roll-out costs."""
    data = ends(study, "model.name")
    names = {"scratchpad": "a step, rolled out", "local": "at once"}
    rows = {(text,): pick(data, {"model.name": name}) for name, text in names.items()}
    (run,) = [run for run in study.runs if run.config.model.name == "scratchpad"]
    costs = run.environment["data"]["rolled"]
    right = rolled(study, "row_accuracy")
    training = spent(rows["a step, rolled out",])[:3]
    of_steps = [
        [T, right[int(T)].value, *training, *(cost[key] for key in COSTS)]
        for T, cost in costs.items()
    ]
    header = ["T", "rows right", *SPENT[:3], "serial depth", "FLOPs a row", "parameters"]
    return [
        table("scratchpad: accuracy on what each was trained for", ("answer",), rows),
        Table("scratchpad: what a roll-out costs", header, of_steps),
    ]
