"""Layers, and width, against discs that meet and discs that do not."""

from __future__ import annotations

import dataclasses
from functools import cache
from math import inf

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.serial import tasks, ways
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from experiments.serial.ways import EIGHT, ONE
from jaxlab.analysis.cells import pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.balls import Balls

KINDS = {"colliding": (3, True), "passing": (3, False), "single": (1, False)}
DEEP, WIDE = ("depth", EIGHT["depth"]), ("width", EIGHT["width"])
NUMBERS = range(tasks.MOST + 1)  # of collisions; the last are as many or more
STEPS = 3000
SHORT = f"in {STEPS} steps"  # what was piloted: of more steps these claims say nothing
SHORT_CLAIMS = ("discs_over_width", "discs_met", "discs_grows")
EXPECTED = {
    "discs_depth": Expected(
        "Discs that collide: eight times the compute of one layer, spent on layers with the same "
        "parameters, adds to the accuracy (percentage points)",
        BY,
        None,
        (5.0, inf),
    ),
    "discs_width": Expected("Spent on width, it adds (percentage points)", BY, None, (5.0, inf)),
    "discs_over_width": Expected(
        f"Layers add no more than width {SHORT} (percentage points more)", BY, None, (-3.0, 5.0)
    ),
    "discs_met": Expected(
        f"They gain nothing from collisions {SHORT}: {DEEP[1]} layers are no more right than the "
        "exact answer for discs that pass through each other (percentage points more)",
        BY,
        None,
        (-3.0, 3.0),
    ),
    "discs_grows": Expected(
        f"So what layers add over width {SHORT} does not grow with the collisions: rows of "
        f"{tasks.MOST} or more less those of none, in one model (percentage points)",
        BY,
        None,
        (-inf, 3.0),
    ),
    "discs_passing": Expected(
        "Control: one layer is right about as many discs that pass through each other (accuracy)",
        BY,
        None,
        (0.99, inf),
        control=True,
    ),
    "discs_single": Expected(
        "Control: one layer is right about one disc (accuracy)",
        BY,
        None,
        (0.99, inf),
        control=True,
    ),
}
PINNED = {
    "task.name": "balls",
    "task.duration": 1,
    "task.collisions": 0,
    "model.name": "mixer",
    "model.tied": True,
    **of_training(3000),
}


def arms(study: Study) -> dict[str, ways.Arms]:
    """Returns the arms, with all rates, by the kind of discs; kinds that did not run lack."""
    data = ends(study, "task.balls", "task.collide", *ways.KEYS)
    own = {
        kind: pick(data, {"task.balls": balls, "task.collide": collide})
        for kind, (balls, collide) in KINDS.items()
    }
    return {kind: ways.arms(part) for kind, part in own.items() if part.sizes["member"]}


def cells(study: Study) -> dict[str, ways.Arms]:
    """Returns the arms with their best rates."""
    return {
        kind: {key: ways.tuned(arm) for key, arm in own.items()}
        for kind, own in arms(study).items()
    }


def colliding(study: Study) -> Balls:
    """Returns the task of the runs whose discs collide; the study's config may be of others.

    Raises:
      ValueError: there is none.
    """
    for run in study.runs:
        if (run.config.task.balls, run.config.task.collide) == KINDS["colliding"]:
            return tasks.make(run.config)
    raise ValueError("the study has no discs that collide")


@cache
def passing_accuracy(task: Balls, rows: int = 4096) -> float:
    """Returns how often discs that collide end in the quarter where they would without it."""

    @jax.jit
    def right(key: jax.Array) -> jax.Array:
        tokens_BxKx4 = task.draw_discs(key, rows)
        quarter_BxK, is_asked_B, _ = dataclasses.replace(task, collide=True).answers(tokens_BxKx4)
        passing_BxK, _, _ = dataclasses.replace(task, collide=False).answers(tokens_BxKx4)
        return jnp.mean(quarter_BxK == passing_BxK, where=is_asked_B[:, None])

    return float(right(jax.random.key(0)))


def accuracy(own: xr.Dataset) -> np.ndarray:
    """Returns the accuracy of each seed, %."""
    return 100 * own["eval_accuracy"].values


def by_collisions(own: xr.Dataset) -> np.ndarray:
    """Returns the accuracy in rows of so many collisions, right_SxK, %; NaN if none were drawn."""
    asked_KxS, right_KxS = (
        np.stack([own[f"eval_{what}_collisions_{number}"].values for number in NUMBERS])
        for what in ("asked", "right")
    )
    return 100 * np.where(asked_KxS > 0, right_KxS / np.maximum(asked_KxS, 1e-9), np.nan).T


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what layers and width add, paired by seed."""
    found = cells(study)
    needed = [*((kind, ONE) for kind in KINDS), ("colliding", DEEP), ("colliding", WIDE)]
    if missing := [(kind, *key) for kind, key in needed if key not in found.get(kind, {})]:
        reason = f"the study has no (discs, way, times) of {missing}"
        return dict.fromkeys(EXPECTED, Unmeasured(reason))
    passing = 100 * passing_accuracy(colliding(study))
    meet = found["colliding"]
    one_S, deep_S, wide_S = (accuracy(meet[key]) for key in (ONE, DEEP, WIDE))
    over_SxK = by_collisions(meet[DEEP]) - by_collisions(meet[WIDE])
    told = ", ".join(f"{over:.1f}" for over in over_SxK.mean(axis=0))
    values = {
        "discs_over_width": (deep_S - wide_S, f"{deep_S.mean():.1f} and {wide_S.mean():.1f} %"),
        "discs_depth": (deep_S - one_S, f"from {one_S.mean():.1f} %"),
        "discs_width": (wide_S - one_S, f"from {one_S.mean():.1f} %"),
        "discs_grows": (over_SxK[:, -1] - over_SxK[:, 0], f"{told} after 0, 1, ... collisions"),
        "discs_met": (deep_S - passing, f"the answer without collisions has {passing:.1f} %"),
        "discs_passing": (accuracy(found["passing"][ONE]) / 100, ""),
        "discs_single": (accuracy(found["single"][ONE]) / 100, ""),
    }
    claims: dict[str, Measured | Unmeasured] = {
        name: Measured(student_interval(S), detail) for name, (S, detail) in values.items()
    }
    if (steps := study.config.train.steps) != STEPS:
        said = f"it is expected of {STEPS} steps, the study has {steps}"
        claims |= dict.fromkeys(SHORT_CLAIMS, Unmeasured(said))
    return claims


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against compute, and against the collisions of a row."""
    meet, task = cells(study).get("colliding", {}), colliding(study)
    figure, (left, right) = panels(1, 2)
    ways.draw(left, meet, "eval_accuracy")
    left.axhline(passing_accuracy(task), color=GREY, ls=":", label="answered as passing")
    left.axhline(task.chance(), color=GREY, ls="--", label="guess")
    shown = {f"{DEEP[1]} layers": DEEP, f"{WIDE[1]} times the width": WIDE, "one layer": ONE}
    for label, key in shown.items():
        if key in meet:
            parts = [_interval(right_S) for right_S in by_collisions(meet[key]).T / 100]
            ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
            plots.interval_plot(right, list(NUMBERS), *ends_3, label=label)
    right.set(xlabel=f"collisions in the row ({tasks.MOST}: or more)", xticks=list(NUMBERS))
    for ax in (left, right):
        ax.set(ylabel="accuracy", ylim=(0.2, 1.03))
        plots.legend(ax)
    caption = (
        f"In which quarter of the box is each disc in the end? {study.config.seeds} "
        "seeds, 95 % intervals. Mixers see all discs at once; layers share their weights. Left: "
        f"discs that collide. Right: the same, by how often discs met. {ways.CHOICE}"
    )
    return [Figure("discs", "Discs that meet", caption, figure)]


def _interval(right_S: np.ndarray) -> Interval:
    if np.isfinite(right_S).all():
        return student_interval(right_S)
    return Interval(np.nan, np.nan, np.nan, right_S.size, 0.95)


def tables(study: Study) -> list[Table]:
    """Returns every cell, and those of discs that collide by the collisions of a row."""
    found = {(kind, *key): arm for kind, own in arms(study).items() for key, arm in own.items()}
    names = ("discs", "compute in", "times", "rate", "rate taken")
    every = table("discs: the quarter of each disc at the end", names, ways.every_rate(found))
    by_row = [
        [*key, *by_collisions(own).mean(axis=0).round(2)]
        for key, own in cells(study).get("colliding", {}).items()
    ]
    if not by_row:
        return [every]
    header = ["compute in", "times", *(f"{number}, %" for number in NUMBERS)]
    caption = f"discs that collide: accuracy by the collisions in the row ({tasks.MOST}: or more)"
    return [every, Table(caption, header, by_row)]
