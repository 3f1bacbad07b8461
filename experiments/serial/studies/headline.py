"""What k times the compute adds in depth, in width, in votes and in streams."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from experiments.serial.cells import ACCURACY, accuracy, ends, final_metrics, least, table
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.analysis.estimate import Estimate, NotMeasurable, of_interval
from jaxlab.analysis.estimators import Measure, over_seeds
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

if TYPE_CHECKING:
    import xarray as xr

RULE, SERIAL, CONTROL = 110, 4, 1  # steps of the task and of its control
CONDITIONS = ("depth", "width", "votes", "streams")
KEYS = ("model.name", "model.depth", "model.width", "model.count", "task.time")
FACTOR = 8
Key = tuple[str, int, int]  # condition, k, T


@cache
def cells(study: Study) -> dict[Key, xr.Dataset]:
    """Returns the cells by (condition, k, T); one layer, k = 1, is part of every condition."""
    data, base = final_metrics(study, *KEYS), study.config.base_width
    start = {"model.name": "local", "model.depth": 1, "model.width": base}
    found = {}
    for time in levels(data, "task.time"):
        of_time = select(data, {"task.time": time})
        for condition, key, values in (
            ("depth", "model.depth", {"model.name": "local", "model.width": base}),
            ("width", "model.width", {"model.name": "local", "model.depth": 1}),
            ("votes", "model.count", {"model.name": "votes"}),
            ("streams", "model.count", {"model.name": "streams"}),
        ):
            found[condition, 1, time] = cell(of_time, start)
            own = select(of_time, values)
            for level in levels(own, key):
                factor = round((level / base) ** 2) if condition == "width" else int(level)
                found[condition, factor, time] = cell(own, {key: level})
    return found


def _cell(study: Study, condition: str, factor: int, time: int) -> xr.Dataset:
    found, key = cells(study), (condition, factor, time)
    if key not in found:
        raise NotMeasurable(f"the study has no (condition, k, T) of {key}")
    return found[key]


def gain(condition: str) -> Measure:
    """Measures the percentage points that eight times the compute adds to one layer, by seed."""

    def measure(study: Study) -> Estimate:
        one_S = _cell(study, "depth", 1, SERIAL)[ACCURACY].values
        added_S = 100 * (_cell(study, condition, FACTOR, SERIAL)[ACCURACY].values - one_S)
        ceiling = automata.ceiling(automata.truth_table(RULE, SERIAL), 1)
        detail = f"one layer has {one_S.mean():.4f}, its exact ceiling is {ceiling:.4f}"
        return over_seeds(added_S, detail)

    return measure


def deep_accuracy(study: Study) -> Estimate:
    """Measures the accuracy of as many layers as the task has steps."""
    return of_interval(accuracy(_cell(study, "depth", SERIAL, SERIAL)))


def least_control_accuracy(study: Study) -> Estimate:
    """Measures the least accuracy of all cells on the control."""
    easy = [own for (_, _, time), own in cells(study).items() if time == CONTROL]
    if not easy:
        raise NotMeasurable(f"the study has no T = {CONTROL}")
    return least(map(accuracy, easy), f"{len(easy)} cells")


def accuracy_by_compute(study: Study) -> Figure:
    """Returns accuracy against compute and against serial depth, at the least and the most T."""
    found = cells(study)
    times = sorted({time for *_, time in found})
    shown = dict.fromkeys((times[0], times[-1]))
    one = min(int(own["flops"][0]) for own in found.values())
    figure, axes = panels(len(shown), 2, panel_height_inches=3.6)
    for row, time in enumerate(shown):
        left, right = axes[2 * row : 2 * row + 2]
        for condition in CONDITIONS:
            own = [found[key] for key in sorted(found) if (key[0], key[2]) == (condition, time)]
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
        f"Ring circuits, {study.config.seeds} seeds, 95 % intervals. From one layer on, compute "
        "goes into layers (same parameters), width, votes of circuits that are trained apart (the "
        "mean of their probabilities), or mixed streams (same parameters but for a shift each). "
        "Serial depth is counted in the program of each model."
    )
    return Figure("headline", "The same compute in series and in parallel", caption, figure)


def every_cell(study: Study) -> Table:
    """Returns every cell with its cost."""
    rows = {(time, name, factor): own for (name, factor, time), own in cells(study).items()}
    names = ("T", "compute in", "k")
    return table("headline: every cell at the end", names, dict(sorted(rows.items())))
