"""Levels of a tree against the length of words, at equal parameters."""

from __future__ import annotations

from math import inf

import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.studies import BY
from jaxlab.analysis.cells import cell, distance, highest, levels, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.groups import group as of_name

SERIAL, CONTROL, MAJORITY = "A5", "Z60", "majority"
LETTERS, ROOT = 16, "eval_accuracy_root"
EXPECTED = {
    "trees_below": Expected(
        "A5, 16 letters: trees of two branches and fewer than 4 levels, with the same parameters, "
        "guess (the largest distance from 1/60)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "trees_reached": Expected(
        "and 4 levels are right (accuracy)",
        BY,
        None,
        (0.99, 1.0),
    ),
    "trees_wide": Expected(
        "One level of 16 branches, with at least 5 times the parameters, sees all of a word of A5 "
        "and does not learn its product (accuracy)",
        f"{BY}; it says what is learned, not what could be held",
        None,
        (0.0, 0.05),
    ),
    "trees_wide_parameters": Expected(
        "The parameters of that level over those of the tree",
        BY,
        None,
        (5.0, inf),
    ),
    "trees_control_reached": Expected(
        "Control: 4 levels are right for Z60 too (accuracy)",
        BY,
        None,
        (0.99, 1.0),
        control=True,
    ),
    "trees_control_below": Expected(
        "Control: fewer levels guess for Z60 too, though sums are in TC0: the threshold is one of "
        "sight (the largest distance from 1/60)",
        BY,
        None,
        (0.0, 0.01),
        control=True,
    ),
    "trees_control_majority": Expected(
        "Control: one level of 16 branches learns the majority of the same letters (accuracy)",
        BY,
        None,
        (0.99, 1.0),
        control=True,
    ),
}
PINNED = {"task.name": "blocks", "task.length": LETTERS, "model.tied": True}
KEYS = ("task.group", "task.fan_in", "task.depth")


def cells(study: Study, group: str) -> dict[tuple[int, int], xr.Dataset]:
    """Returns the cells of a group by (fan-in, depth)."""
    data = pick(ends(study, *KEYS), {"task.group": group})
    shapes = sorted(set(zip(data["task.fan_in"].values, data["task.depth"].values, strict=True)))
    return {
        (int(fan_in), int(depth)): cell(data, {"task.fan_in": fan_in, "task.depth": depth})
        for fan_in, depth in shapes
    }


def accuracy(own: xr.Dataset) -> Interval:
    """Returns how often a root knows the product of the whole word, over seeds."""
    return student_interval(own[ROOT].values)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the claims of A5, and those of the controls."""
    serial, control = cells(study, SERIAL), cells(study, CONTROL)
    majority = cells(study, MAJORITY)
    claims = {
        "trees_below": _below(serial, SERIAL),
        "trees_control_below": _below(control, CONTROL),
    }
    for name, found, shape in (
        ("trees_reached", serial, (2, 4)),
        ("trees_wide", serial, (LETTERS, 1)),
        ("trees_control_reached", control, (2, 4)),
        ("trees_control_majority", majority, (LETTERS, 1)),
    ):
        claims[name] = _of(found, shape)
    claims["trees_wide_parameters"] = Unmeasured("the study lacks one of the two trees")
    if {(2, 4), (LETTERS, 1)} <= serial.keys():
        wide, tree = (int(serial[s]["parameters"][0]) for s in ((LETTERS, 1), (2, 4)))
        ratio = Interval(wide / tree, wide / tree, wide / tree, 0, 0.95)  # exact: no seeds
        claims["trees_wide_parameters"] = Measured(ratio, f"{wide} over {tree}")
    return claims


def _of(found: dict[tuple[int, int], xr.Dataset], shape: tuple[int, int]) -> Measured | Unmeasured:
    if shape not in found:
        return Unmeasured(f"the study has no tree of {shape[0]} branches and {shape[1]} levels")
    return Measured(accuracy(found[shape]))


def _below(found: dict[tuple[int, int], xr.Dataset], group: str) -> Measured | Unmeasured:
    own = [part for (fan_in, depth), part in found.items() if fan_in**depth < LETTERS]
    if not own:
        return Unmeasured("the study has no tree that misses letters")
    guess = 1 / of_name(group).order
    away = highest(distance(accuracy(part), guess) for part in own)
    return Measured(away, f"{len(own)} depths, guess {guess:.4f}")


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against depth at equal parameters, and that of shallow trees."""
    figure, (left, right) = panels(1, 2)
    data = ends(study, *KEYS)
    for group in levels(data, "task.group"):
        found = cells(study, group)
        narrow = {depth: accuracy(own) for (fan_in, depth), own in found.items() if fan_in == 2}
        if narrow:
            ends_3 = ([getattr(p, e) for p in narrow.values()] for e in ("value", "low", "high"))
            plots.interval_plot(left, list(narrow), *ends_3, label=group)
        whole = {
            int(own["parameters"][0]): accuracy(own)
            for (fan_in, depth), own in found.items()
            if fan_in**depth == study.config.task.length
        }
        ends_3 = ([getattr(p, e) for p in whole.values()] for e in ("value", "low", "high"))
        plots.interval_plot(right, list(whole), *ends_3, label=group)
    left.set(xlabel="levels of two branches", ylabel="accuracy on the whole word")
    right.set(xlabel="parameters of trees that see the whole word", xscale="log")
    for ax in (left, right):
        ax.axhline(1 / of_name(SERIAL).order, color=GREY, ls="--", label="guess")
        ax.set_ylim(-0.03, 1.03)
        plots.legend(ax)
    length = study.config.task.length
    caption = (
        f"Words of {length} letters, {study.config.seeds} seeds, 95 % intervals. Left: trees of "
        "two branches have the same parameters at every depth. Right: fewer levels of more "
        "branches, which see the whole word too and have more parameters. That they fail is a "
        "fact of learning, not of what such a level could hold: they fail on Z60 as well."
    )
    return [Figure("trees", "A level for every doubling", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    data = ends(study, *KEYS)
    rows = {
        (group, fan_in, depth): own
        for group in levels(data, "task.group")
        for (fan_in, depth), own in cells(study, group).items()
    }
    names = ("group", "branches", "levels")
    return [table("trees: how often the roots know the whole product", names, rows, ROOT)]
