"""Layers, and width, against discs that meet and discs that do not."""

from __future__ import annotations

import dataclasses
from functools import cache
from math import inf

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from experiments.serial import tasks
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.balls import Balls

KINDS = {"colliding": (5, True), "passing": (5, False), "single": (1, False)}
DEEP, SOLVED = 8, 0.97
EXPECTED = {
    "discs_gain": Expected(
        f"Five discs that collide: {DEEP} layers instead of one, with the same parameters, add to "
        "the accuracy (percentage points)",
        BY,
        None,
        (5.0, inf),
    ),
    "discs_over_passing": Expected(
        "They add more than to five discs that pass through each other (percentage points more)",
        BY,
        None,
        (2.0, inf),
    ),
    "discs_over_single": Expected(
        "and more than to one disc (percentage points more)",
        BY,
        None,
        (2.0, inf),
    ),
    "discs_over_width": Expected(
        f"Colliding discs: {DEEP} layers are more accurate than one layer of four times the width "
        "(percentage points)",
        BY,
        None,
        (2.0, inf),
    ),
    "discs_width": Expected(
        "Four times the width of one layer adds to the accuracy on colliding discs (percentage "
        "points)",
        BY,
        None,
        (-2.0, 5.0),
    ),
    "discs_met": Expected(
        f"{DEEP} layers know of collisions: they are more accurate than the exact answer for discs "
        "that pass through each other (percentage points)",
        BY,
        None,
        (0.0, inf),
    ),
    "discs_control": Expected(
        f"Control: one disc is right in {SOLVED:.0%} from so many layers on",
        BY,
        None,
        (1.0, 2.0),
        control=True,
    ),
}
PINNED = {"task.name": "balls", "model.name": "mixer", "model.tied": True}
KEYS = ("task.balls", "task.collide", "model.depth", "model.width")
Found = dict[tuple[str, int, int], xr.Dataset]


def cells(study: Study) -> Found:
    """Returns the cells by (kind, layers, width)."""
    data, found = ends(study, *KEYS), {}
    for kind, (balls, collide) in KINDS.items():
        of_kind = pick(data, {"task.balls": balls, "task.collide": collide})
        for depth in levels(of_kind, "model.depth"):
            of_depth = pick(of_kind, {"model.depth": depth})
            for width in levels(of_depth, "model.width"):
                found[kind, depth, width] = cell(of_depth, {"model.width": width})
    return found


@cache
def passing_accuracy(task: Balls, rows: int = 4096) -> float:
    """Returns how often discs that collide end in the quarter where they would without it."""

    @jax.jit
    def right(key: jax.Array) -> jax.Array:
        tokens_BxKx4 = task.draw_discs(key, rows)
        quarter_BxK, is_asked_B = dataclasses.replace(task, collide=True).answers(tokens_BxKx4)
        passing_BxK, _ = dataclasses.replace(task, collide=False).answers(tokens_BxKx4)
        return jnp.mean(quarter_BxK == passing_BxK, where=is_asked_B[:, None])

    return float(right(jax.random.key(0)))


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what layers and width add, paired by seed."""
    found, width = cells(study), study.config.base_width
    wide = study.config.wider * width
    needed = [(kind, depth, width) for kind in KINDS for depth in (1, DEEP)]
    needed.append(("colliding", 1, wide))
    if missing := [key for key in needed if key not in found]:
        return dict.fromkeys(
            EXPECTED, Unmeasured(f"the study has no (discs, layers, width) of {missing}")
        )
    right = {key: 100 * found[key]["eval_accuracy"].values for key in needed}
    gain = {kind: right[kind, DEEP, width] - right[kind, 1, width] for kind in KINDS}
    passing = 100 * passing_accuracy(tasks.make(study.config))
    deep_S, one_S = right["colliding", DEEP, width], right["colliding", 1, width]
    wide_S = right["colliding", 1, wide]
    values = {
        "discs_gain": (gain["colliding"], f"from {one_S.mean():.1f} %"),
        "discs_over_passing": _beside(gain, "passing"),
        "discs_over_single": _beside(gain, "single"),
        "discs_over_width": (deep_S - wide_S, f"{deep_S.mean():.1f} and {wide_S.mean():.1f} %"),
        "discs_width": (wide_S - one_S, ""),
        "discs_met": (deep_S - passing, f"the answer without collisions has {passing:.1f} %"),
    }
    claims = {name: Measured(student_interval(S), detail) for name, (S, detail) in values.items()}
    return claims | {"discs_control": _solved(found, width)}


def _beside(gain: dict[str, np.ndarray], control: str) -> tuple[np.ndarray, str]:
    return gain["colliding"] - gain[control], f"the control gains {gain[control].mean():.1f}"


def _solved(found: Found, width: int) -> Measured | Unmeasured:
    depths = [depth for kind, depth, own in sorted(found) if (kind, own) == ("single", width)]
    right_DxS = [found["single", depth, width]["eval_accuracy"].values for depth in depths]
    solved_DxS = np.array(right_DxS) >= SOLVED
    best = f"the accuracies are {', '.join(f'{right_S.mean():.3f}' for right_S in right_DxS)}"
    if not solved_DxS.any(axis=0).all():
        return Unmeasured(f"a seed is right in {SOLVED:.0%} at no depth; at {depths} {best}")
    return Measured(student_interval(np.array(depths)[np.argmax(solved_DxS, axis=0)]), best)


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against layers, and against compute with the wide layers."""
    found, task = cells(study), tasks.make(study.config)
    width, wide = study.config.base_width, study.config.wider * study.config.base_width
    figure, (left, right) = panels(1, 2)
    kinds = dict.fromkeys(kind for kind, _, _ in found)
    for kind, colour in zip(kinds, CATEGORY_COLOURS, strict=False):
        deep = {
            depth: own
            for (what, depth, size), own in found.items()
            if (what, size) == (kind, width)
        }
        parts = [student_interval(own["eval_accuracy"].values) for own in deep.values()]
        for ax, places in ((left, list(deep)), (right, [_flops(own) for own in deep.values()])):
            ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
            plots.interval_plot(ax, places, *ends_3, label=kind)
        if (own := found.get((kind, 1, wide))) is not None:
            right.plot(_flops(own), float(own["eval_accuracy"].mean()), "x", color=colour)
    passing = passing_accuracy(task)
    for ax in (left, right):
        ax.axhline(passing, color=GREY, ls=":", label="colliding, answered as passing")
        ax.axhline(task.chance(), color=GREY, ls="--", label="guess")
        ax.set(ylabel="accuracy", ylim=(0.2, 1.03))
    left.set_xscale("log", base=2)
    left.set(xlabel="layers, same parameters")
    right.set(xlabel="FLOPs a row", xscale="log")
    plots.legend(left)
    caption = (
        f"In which quarter of the box is each disc in the end? {study.config.seeds} seeds, 95 % "
        "intervals. Mixers see all discs at once; layers share their weights. Crosses: one layer "
        f"of {study.config.wider} times the width."
    )
    return [Figure("discs", "Discs that meet, and discs that do not", caption, figure)]


def _flops(own: xr.Dataset) -> int:
    return int(own["flops"][0])


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    names = ("discs", "layers", "width")
    return [table("discs: the quarter of each disc at the end", names, cells(study))]
