"""What the study of discs measures and draws: layers and width, by how often discs met."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from experiments.serial import cells, conditions, tasks
from experiments.serial.cells import Cells
from experiments.serial.equal_compute import DEEP, EIGHT, ONE, Condition
from experiments.serial.tasks import MOST
from jaxlab.analysis.cells import select
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import Measure, over_seeds
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.experiment import random_key
from jaxlab.report import plots
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.balls import Balls

if TYPE_CHECKING:
    import xarray as xr

# How many discs, and whether they collide.
KINDS = {"colliding": (3, True), "passing": (3, False), "single": (1, False)}
WIDE = ("width", EIGHT["width"])
NUMBERS = range(MOST + 1)  # of collisions; the last are as many or more


@cache
def at_all_rates(study: Study) -> dict[str, Cells]:
    """Returns the cells, with all learning rates, by the kind of discs; kinds that ran alone."""
    data = cells.final_metrics(study, "task.balls", "task.collide", *conditions.KEYS)
    by_kind = {
        kind: select(data, {"task.balls": balls, "task.collide": collide})
        for kind, (balls, collide) in KINDS.items()
    }
    return {
        kind: conditions.by_condition(own) for kind, own in by_kind.items() if own.sizes["member"]
    }


@cache
def at_best_rates(study: Study, kind: str) -> Cells:
    """Returns the cells of a kind of discs with their best learning rates."""
    found = at_all_rates(study)
    if kind not in found:
        raise NotMeasurable(f"the study has no discs of the kind {kind!r}")
    return conditions.at_best_rates(found[kind])


def accuracy(study: Study, condition: Condition, kind: str = "colliding") -> np.ndarray:
    """Returns the accuracy of each seed, %."""
    return 100 * at_best_rates(study, kind)[condition]["eval_accuracy"].values


def by_collisions(members: xr.Dataset) -> np.ndarray:
    """Returns the accuracy in rows of so many collisions, right_SxK, %; NaN if none were drawn."""
    asked_KxS, right_KxS = (
        np.stack([members[f"eval_{what}_collisions_{number}"].values for number in NUMBERS])
        for what in ("asked", "right")
    )
    return 100 * np.where(asked_KxS > 0, right_KxS / np.maximum(asked_KxS, 1e-9), np.nan).T


def difference(first: Condition, second: Condition) -> Measure:
    """Measures the accuracy under one condition minus another, percentage points."""

    def measure(study: Study) -> Estimate:
        first_S, second_S = accuracy(study, first), accuracy(study, second)
        return over_seeds(
            first_S - second_S, f"{first_S.mean():.1f} % against {second_S.mean():.1f} %"
        )

    return measure


def growth_of_lead(study: Study) -> Estimate:
    """Measures the lead of layers over width in rows of most collisions, minus that without any."""
    own = at_best_rates(study, "colliding")
    lead_SxK = by_collisions(own[DEEP]) - by_collisions(own[WIDE])
    leads = ", ".join(f"{lead:.1f}" for lead in lead_SxK.mean(axis=0))
    return over_seeds(lead_SxK[:, -1] - lead_SxK[:, 0], f"lead after 0, 1, ... collisions: {leads}")


def over_passing(study: Study) -> Estimate:
    """Measures the accuracy of layers minus that of the answer as if discs passed, points."""
    deep_S, passing = accuracy(study, DEEP), 100 * passing_accuracy(colliding(study))
    return over_seeds(deep_S - passing, f"the answer without collisions has {passing:.1f} %")


def of_one_layer(kind: str) -> Measure:
    """Measures the accuracy of one layer on a kind of discs."""
    return lambda study: over_seeds(accuracy(study, ONE, kind) / 100)


def colliding(study: Study) -> Balls:
    """Returns the task of the runs whose discs collide; the study's config may be of others."""
    for run in study.runs:
        if (run.config.task.balls, run.config.task.collide) == KINDS["colliding"]:
            return tasks.make(run.config)
    raise NotMeasurable("the study has no discs that collide")


@cache
def passing_accuracy(task: Balls, rows: int = 4096) -> float:
    """Returns how often discs that collide end in the quarter where they would without it."""

    @jax.jit
    def right(key: jax.Array) -> jax.Array:
        tokens_BxKx4 = task.draw_discs(key, rows)
        quarter_BxK, is_asked_B, _ = dataclasses.replace(task, collide=True).answers(tokens_BxKx4)
        passing_BxK, _, _ = dataclasses.replace(task, collide=False).answers(tokens_BxKx4)
        return jnp.mean(quarter_BxK == passing_BxK, where=is_asked_B[:, None])

    return float(right(random_key(0)))


def accuracy_by_compute(study: Study) -> Figure:
    """Returns accuracy against compute, and against the collisions of a row."""
    own, task = at_best_rates(study, "colliding"), colliding(study)
    figure, (left, right) = panels(1, 2)
    conditions.draw(left, own, "eval_accuracy")
    left.axhline(passing_accuracy(task), color=GREY, ls=":", label="answered as passing")
    left.axhline(task.chance(), color=GREY, ls="--", label="guess")
    shown = {f"{DEEP[1]} layers": DEEP, f"{WIDE[1]} times the width": WIDE, "one layer": ONE}
    for (label, condition), shift in zip(shown.items(), (-0.06, 0.0, 0.06), strict=True):
        if condition in own:
            parts = [_interval(right_S) for right_S in by_collisions(own[condition]).T / 100]
            places = [number + shift for number in NUMBERS]
            plots.interval_plot(right, places, *cells.ends(parts), label=label)
    right.set(xlabel=f"collisions in the row ({MOST}: or more)", xticks=list(NUMBERS))
    for ax in (left, right):
        ax.set(ylabel="accuracy", ylim=(0.2, 1.03))
        plots.legend(ax)
    caption = (
        f"In which quarter of the box is each disc in the end? {study.seeds} "
        "seeds, 95 % intervals. Mixers see all discs at once; layers share their weights. Left: "
        f"discs that collide. Right: the same, by how often discs met. {conditions.CHOICE}"
    )
    return Figure("discs", "Discs that collide", caption, figure)


def _interval(right_S: np.ndarray) -> Interval:
    if np.isfinite(right_S).all():
        return student_interval(right_S)
    return Interval(np.nan, np.nan, np.nan, right_S.size, 0.95)


def every_rate(study: Study) -> Table:
    """Returns every cell and learning rate with its accuracy and costs."""
    caption = "discs: the quarter of the box of each disc at the end"
    return conditions.table(caption, "discs", at_all_rates(study))


def by_collisions_table(study: Study) -> Table:
    """Returns the cells of discs that collide by the collisions of a row."""
    rows = [
        [*condition, *by_collisions(members).mean(axis=0).round(2)]
        for condition, members in at_best_rates(study, "colliding").items()
    ]
    header = ["compute in", "times", *(f"{number}, %" for number in NUMBERS)]
    caption = f"discs that collide: accuracy by the collisions in the row ({MOST}: or more)"
    return Table(caption, header, rows)
