"""What the studies of this hypothesis share: cells at their last evaluation, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlab.analysis import cells as every_study
from jaxlab.analysis.estimate import Estimate, NotMeasurable, of_interval
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr

PAPER = "arXiv 2507.12549"
BY = f"{PAPER} has no experiment; range by this lab"
# Headings of the overview: gains over one layer, in percentage points.
ON_SUDOKU = "Sudoku of many rounds: each layer sees the whole board"
ON_EASY_SUDOKU = "Control: Sudoku of one round"
ON_AUTOMATON = "Rule 110, T = 4: by construction (receptive field)"
ACCURACY = "eval_accuracy"
EVERY_CELL = "95 % over seeds (Student t), in every cell"  # what `lowest` and `highest` cover
LEAST_SEEDS = 3
COSTS = ("serial_depth", "flops", "parameters")
SPENT = ("seeds", "steps", "CPU s a seed", "parameters", "serial depth", "FLOPs a row")
HEADER = ("accuracy", "sd over seeds", "low", "high", *SPENT)


def trained_for(steps: int, *claims: Claim, free: tuple[str, ...] = ()) -> tuple[Claim, ...]:
    """Returns claims of trained models: they need so many steps of training, and three seeds.

    A model that is trained for fewer steps and fails says nothing; one that is trained for more is
    what the claims speak of too.

    Args:
      steps: the least number of steps.
      claims: see `Claim`.
      free: keys of the config that may differ from the default, besides `train.steps`.
    """

    def guarded(measure: Measure) -> Measure:
        def measured(study: Study) -> Estimate:
            trained = min(run.config.train.steps for run in study.runs)
            if trained < steps:
                raise NotMeasurable(f"the claim is of {steps} steps of training, not of {trained}")
            if (seeds := np.unique(study.data["seed"]).size) < LEAST_SEEDS:
                raise NotMeasurable(f"the claim needs {LEAST_SEEDS} seeds, the study has {seeds}")
            return measure(study)

        return measured

    return tuple(
        replace(claim, measure=guarded(claim.measure), free=("train.steps", *free, *claim.free))
        for claim in claims
    )


@cache
def final_metrics(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last evaluation, and its costs.

    The costs of the model on one row (`COSTS`, see `jaxlab.analysis.serial_depth`), `train.steps`
    and the CPU `seconds` that a member took are coordinates of `member` too.

    Args:
      study: see `jaxlab.analysis.cells.final_metrics`.
      keys: values of the config that become coordinates, swept or not.
    """
    found = every_study.final_metrics(study, "train.steps", *keys)
    runs = {str(run.folder): run for run in study.runs}
    own = [runs[str(run)] for run in found["run"].values]
    costs = {key: [run.environment["data"]["cost"][key] for run in own] for key in COSTS}
    costs["seconds"] = [
        run.done["cpu_seconds"] / len(run.members) if run.done else np.nan for run in own
    ]
    return found.assign_coords({key: ("member", values) for key, values in costs.items()})


class Cells(dict[tuple, "xr.Dataset"]):
    """The members of each cell, one per seed; a cell that is not there cannot be measured."""

    def __missing__(self, values: tuple) -> xr.Dataset:
        raise NotMeasurable(f"the study has no members with {', '.join(map(str, values))}")


@cache
def by_values(study: Study, *keys: str) -> Cells:
    """Returns the cells of a study at their last evaluation by their values of keys, ascending."""
    data = final_metrics(study, *keys)
    found = sorted(set(zip(*(data[key].values.tolist() for key in keys), strict=True)))
    chosen = (every_study.cell(data, dict(zip(keys, values, strict=True))) for values in found)
    return Cells(zip(found, chosen, strict=True))


def accuracy(members: xr.Dataset, metric: str = ACCURACY) -> Interval:
    """Returns the accuracy of a cell, or another metric of it, over its seeds."""
    return student_interval(members[metric].values)


def least(intervals: Iterable[Interval], detail: str = "") -> Estimate:
    """Returns the least of several values as an estimate; see `jaxlab.analysis.cells.lowest`."""
    return of_interval(every_study.lowest(intervals), covers=EVERY_CELL, detail=detail)


def most(intervals: Iterable[Interval], detail: str = "") -> Estimate:
    """Returns the greatest of several values as an estimate; see `least`."""
    return of_interval(every_study.highest(intervals), covers=EVERY_CELL, detail=detail)


def ends(intervals: Iterable[Interval]) -> tuple[list[float], list[float], list[float]]:
    """Returns values, lower ends and upper ends, as `plots.interval_plot` takes them."""
    found = list(intervals)
    return [i.value for i in found], [i.low for i in found], [i.high for i in found]


def table(
    caption: str,
    names: tuple[str, ...],
    cells: Mapping[Any, xr.Dataset],
    metric: str = ACCURACY,
) -> Table:
    """Returns a row per cell: what it is, how right it was, and what it cost.

    Args:
      caption: what the rows are.
      names: of the columns that say what a cell is.
      cells: the members of each by the tuple of the values of those columns.
      metric: the accuracy.
    """
    rows = []
    for values, members in cells.items():
        found, right_S = accuracy(members, metric), members[metric].values
        plain = [value if isinstance(value, str | float | int) else str(value) for value in values]
        deviation = float(np.std(right_S, ddof=1)) if right_S.size > 1 else None
        rows.append([*plain, found.value, deviation, found.low, found.high, *spent(members)])
    return Table(caption, [*names, *HEADER], rows)


def spent(members: xr.Dataset) -> list[float]:
    """Returns what a cell cost, in the order of `SPENT`."""
    model = [int(members[key][0]) for key in ("parameters", "serial_depth", "flops")]
    seeds, steps = members.sizes["member"], int(members["train.steps"][0])
    return [seeds, steps, float(members["seconds"].mean()), *model]
