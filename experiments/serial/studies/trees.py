"""Levels of a tree against the length of words, at equal parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

import xarray as xr

from experiments.serial.blocks import Blocks
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import cell, distance, exactly, highest, levels, lowest, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.groups import group as of_name

SERIAL, SUMS, MAJORITY = "A5", "Z60", "majority"
LETTERS, ROOT = 16, "eval_accuracy_root"
LEARNED = f"{BY}; it says what is learned with this curriculum, not what could be held"
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
        (0.99, inf),
    ),
    "trees_wide": Expected(
        "One level of 16 branches sees all of a word of A5, is taught its product alone, where "
        "each level of a tree is taught its blocks, and does not learn it, at two rates with and "
        "without weight decay (the highest accuracy)",
        LEARNED,
        None,
        (-inf, 0.05),
    ),
    "trees_wide_parameters": Expected(
        "The parameters of that level over those of the tree (the least)",
        BY,
        None,
        (5.0, inf),
    ),
    "trees_z60_reached": Expected(
        "4 levels are right for Z60 too (accuracy)",
        BY,
        None,
        (0.99, inf),
    ),
    "trees_z60_below": Expected(
        "and fewer guess, though sums are in TC0: the threshold is one of sight (the largest "
        "distance from 1/60)",
        BY,
        None,
        (0.0, 0.01),
    ),
    "trees_z60_wide": Expected(
        "One level of 16 branches does not learn sums in Z60 either: that it fails is one of "
        "learning and curriculum, and no sign of the class of A5 (the highest accuracy)",
        LEARNED,
        None,
        (-inf, 0.05),
    ),
    "trees_control_majority": Expected(
        "Control: one level of 16 branches learns the majority of the same letters (accuracy)",
        BY,
        None,
        (0.99, inf),
        control=True,
    ),
}
PINNED = {"task.name": "blocks", "task.length": LETTERS, "model.tied": True, **of_training(6000)}
RATE, DECAY = "optimizer.learning_rate", "optimizer.weight_decay"
KEYS = ("task.group", "task.fan_in", "task.depth", RATE, DECAY)
Shape = tuple[int, int, float, float]  # branches, levels, learning rate, weight decay


def cells(study: Study, group: str) -> dict[Shape, xr.Dataset]:
    """Returns the cells of a group by branches, levels, rate and decay."""
    data = pick(ends(study, *KEYS), {"task.group": group})
    shapes = sorted(set(zip(*(data[key].values.tolist() for key in KEYS[1:]), strict=True)))
    return {shape: cell(data, dict(zip(KEYS[1:], shape, strict=True))) for shape in shapes}


def accuracy(own: xr.Dataset) -> Interval:
    """Returns how often a root knows the product of the whole word, over seeds."""
    return student_interval(own[ROOT].values)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the claims of A5, and those of what stands beside it."""
    serial, sums, majority = (cells(study, group) for group in (SERIAL, SUMS, MAJORITY))
    claims = {"trees_below": _below(serial, SERIAL), "trees_z60_below": _below(sums, SUMS)}
    for name, found, shape, worst in (
        ("trees_reached", serial, (2, 4), lowest),
        ("trees_wide", serial, (LETTERS, 1), highest),
        ("trees_z60_reached", sums, (2, 4), lowest),
        ("trees_z60_wide", sums, (LETTERS, 1), highest),
        ("trees_control_majority", majority, (LETTERS, 1), lowest),
    ):
        claims[name] = _of(found, shape, worst)
    claims["trees_wide_parameters"] = Unmeasured("the study lacks one of the two trees")
    tree, wide = ([_size(own) for own in _all(serial, s)] for s in ((2, 4), (LETTERS, 1)))
    if tree and wide:
        ratio = exactly(min(wide) / min(tree))
        claims["trees_wide_parameters"] = Measured(ratio, f"{wide} over {tree[0]}")
    return claims


def _all(found: dict[Shape, xr.Dataset], shape: tuple[int, int]) -> list[xr.Dataset]:
    """Returns the cells with these branches and levels, by width."""
    return [own for key, own in found.items() if key[:2] == shape]


def _size(own: xr.Dataset) -> int:
    return int(own["parameters"][0])


def _of(
    found: dict[Shape, xr.Dataset],
    shape: tuple[int, int],
    worst: Callable[[Iterable[Interval]], Interval],
) -> Measured | Unmeasured:
    own = _all(found, shape)
    if not own:
        return Unmeasured(f"the study has no tree of {shape[0]} branches and {shape[1]} levels")
    nats = ", ".join(f"{float(part['eval_loss'].mean()):.3g}" for part in own)
    seeds = " and ".join(", ".join(f"{right:.3f}" for right in part[ROOT].values) for part in own)
    remark = f"seeds: {seeds}; {_size(own[0])} parameters; loss, nats: {nats}"
    return Measured(worst(map(accuracy, own)), remark)


def _below(found: dict[Shape, xr.Dataset], group: str) -> Measured | Unmeasured:
    own = [part for (fan_in, depth, *_), part in found.items() if fan_in**depth < LETTERS]
    if not own:
        return Unmeasured("the study has no tree that misses letters")
    guess = 1 / of_name(group).order
    away = highest(distance(accuracy(part), guess) for part in own)
    return Measured(away, f"{len(own)} depths, guess {guess:.4f}")


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against depth at equal parameters, and that of shallow trees."""
    figure, (left, right) = panels(1, 2)
    length, one_level = study.config.task.length, {}
    for group in levels(ends(study, *KEYS), "task.group"):
        found = cells(study, group)
        narrow = {shape[1]: accuracy(own) for shape, own in found.items() if shape[0] == 2}
        if narrow:
            ends_3 = ([getattr(p, e) for p in narrow.values()] for e in ("value", "low", "high"))
            plots.interval_plot(left, list(narrow), *ends_3, label=group)
        seen = [own for (b, D, *_), own in found.items() if b**D == length]
        seen = sorted(seen, key=lambda own: (_size(own), accuracy(own).value))
        whole = {_size(own): accuracy(own) for own in seen}  # of one level the best setting
        ends_3 = ([getattr(p, e) for p in whole.values()] for e in ("value", "low", "high"))
        plots.interval_plot(right, list(whole), *ends_3, label=group)
        one_level[group] = [accuracy(own).value for own in _all(found, (length, 1))]
    plots.whole_numbers(left)
    left.set(xlabel="levels of two branches", ylabel="accuracy on the whole word")
    right.set(xlabel="parameters of trees that see the whole word", xscale="log")
    for ax in (left, right):
        order = of_name(SERIAL).order
        ax.axhline(1 / order, color=GREY, ls="--", label=f"guess, 1/{order}")
        ax.set_ylim(-0.03, 1.03)
        plots.legend(ax)
    told = ", ".join(
        f"{max(shares):.3g} ({group})" for group, shares in one_level.items() if shares
    )
    caption = (
        f"Words of {length} letters, {study.config.seeds} seeds, 95 % intervals. Left: trees of "
        "two branches have the same parameters at every depth. Right: fewer levels of more "
        "branches, which see the whole word too and have more parameters, beside the four levels. "
        f"At best one level is right in {told}: what it learns with the whole word as its only "
        "answer, where a tree is taught the blocks of each level, and not what it could hold."
    )
    return [Figure("trees", "A level for every doubling", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell, and what a guess is right in."""
    length, rows = study.config.task.length, {}
    for group in levels(ends(study, *KEYS), "task.group"):
        for (fan_in, depth, rate, decay), own in cells(study, group).items():
            guess = Blocks(group, length, fan_in, depth).chance()
            rows[group, fan_in, depth, rate, decay, round(guess, 4)] = own
    names = ("group", "branches", "levels", "rate", "weight decay", "guess")
    return [table("trees: how often the roots know the whole product", names, rows, ROOT)]
