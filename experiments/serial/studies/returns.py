"""Returns of the depth of ones from its first layers: many walks beside an exact floor.

Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import NamedTuple

import numpy as np

from experiments.serial.studies import BY
from experiments.serial.walks import Drawn, blind, draw, estimate, floors, posterior, walk
from jaxlab.analysis.cells import distance, highest, lowest
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.ones import DepthOfOnes

TASK = DepthOfOnes(width=8, layers=16, kinds=("and", "or"), chain=0, given="values")
HEIGHTS = (1, 2, 4, 8)  # h
WALKS = (1, 4, 16, 64, 256, 1024)  # N
SEEDS = range(100, 105)  # pilots had lower ones
EXPECTED = {
    "returns_floor": Expected(
        "Exact, a check of the program: in the depth of ones the error of the best estimate from "
        "the first h layers is the floor (the largest distance of their ratio from 1)",
        f"{BY}; the floor by the Markov chain of the ones",
        None,
        (0.0, 0.03),
    ),
    "returns_never": Expected(
        "A check of the program: from 1 to 1024 walks of h steps, none go below the floor of that "
        "many steps (the least ratio)",
        BY,
        None,
        (0.97, inf),
    ),
    "returns_many": Expected(
        f"and {WALKS[-1]} walks are at the floor (the largest distance of their ratio from 1, h up "
        "to 4)",
        BY,
        None,
        (0.0, 0.03),
    ),
    "returns_falls": Expected(
        f"Serial steps lower it: the error after {HEIGHTS[-1]} layers over that after one",
        BY,
        None,
        (0.28, 0.33),
    ),
    "returns_greedy": Expected(
        "A walk through all layers that takes the first gate that pays earns less than the best "
        "return (layers)",
        BY,
        None,
        (-7.5, -5.5),
    ),
    "returns_control": Expected(
        "Control, exact, a check of the program: where the values of all gates are given, one look "
        "at them, a maximum, is the return of the best policy by dynamic programming (the largest "
        "error, layers)",
        BY,
        None,
        (0.0, 0.0),
        control=True,
    ),
}


class Errors(NamedTuple):
    """Of estimates after h layers, for S seeds: root mean squares over circuits, layers.

    `best_SxH` knows all values so far. So does `own_SxH`, on the fewer circuits in which N walks
    were tried; those are continued by the posterior mean, or blindly by the mean of all circuits.
    `greedy_S` is the mean error of greedy returns, `look_S` the largest of one look at all values.
    """

    best_SxH: np.ndarray
    own_SxH: np.ndarray
    walks_SxHxN: np.ndarray
    blind_SxHxN: np.ndarray
    greedy_S: np.ndarray
    look_S: np.ndarray


@cache
def errors(circuits: int = 16_384, tried: int = 1024) -> Errors:
    """Returns the errors on drawn circuits; walks are tried in the first `tried` of them."""
    of_seeds = [_errors(seed, circuits, tried) for seed in SEEDS]
    return Errors(*(np.stack(part) for part in zip(*of_seeds, strict=True)))


def _errors(seed: int, circuits: int, tried: int) -> Errors:
    drawn, rng = draw(TASK, seed, circuits), np.random.default_rng(seed)
    few = Drawn(*(part[:tried] for part in drawn))
    ones_BxL = drawn.value_BxLxM.sum(axis=2)
    found = [(walk(rng, few, walks) > 0).sum(axis=2) for walks in WALKS]

    def error(seen_BxL: np.ndarray, height: int, more: Callable) -> float:
        wrong_B = estimate(seen_BxL, height, more(TASK, height)) - drawn.best_B[: len(seen_BxL)]
        return np.sqrt(np.mean(wrong_B**2))

    return Errors(
        np.array([error(ones_BxL, h, posterior) for h in HEIGHTS]),
        np.array([error(ones_BxL[:tried], h, posterior) for h in HEIGHTS]),
        np.array([[error(own, h, posterior) for own in found] for h in HEIGHTS]),
        np.array([[error(own, h, blind) for own in found] for h in HEIGHTS]),
        np.asarray(np.mean(drawn.greedy_B - drawn.best_B)),
        np.asarray(np.max(np.abs(drawn.look_B - drawn.best_B))),
    )


def over_seeds(values_SxK: np.ndarray) -> list[Interval]:
    """Returns an interval for each of K values."""
    return [student_interval(values_S) for values_S in values_SxK.T]


def measure() -> dict[str, Measured]:
    """Returns how far estimates are from the floor, and from the truth."""
    found, floor_L = errors(), floors(TASK)
    exact_H = floor_L[list(HEIGHTS)]
    at_floor = over_seeds(found.best_SxH / exact_H[None])
    ratio_SxHxN = found.walks_SxHxN / found.own_SxH[:, :, None]
    low = [height <= 4 for height in HEIGHTS]
    many = over_seeds(ratio_SxHxN[:, low, -1])
    every = over_seeds(ratio_SxHxN.reshape(len(SEEDS), -1))
    at_last = ", ".join(f"{ratio:.3f}" for ratio in ratio_SxHxN[:, :, -1].mean(axis=0))
    exact = ", ".join(f"{floor:.3f}" for floor in exact_H)
    falls_S = found.best_SxH[:, -1] / found.best_SxH[:, 0]
    return {
        "returns_floor": Measured(
            highest(distance(part, 1.0) for part in at_floor),
            f"floors of {exact} layers at h in {HEIGHTS}",
        ),
        "returns_never": Measured(lowest(every), f"h in {HEIGHTS}, N in {WALKS}"),
        "returns_many": Measured(
            highest(distance(part, 1.0) for part in many), f"ratios of {at_last} at h in {HEIGHTS}"
        ),
        "returns_falls": Measured(
            student_interval(falls_S),
            f"exactly {exact_H[-1] / exact_H[0]:.4f}; {floor_L[-1]:g} after {TASK.layers} layers",
        ),
        "returns_greedy": Measured(student_interval(found.greedy_S)),
        "returns_control": Measured(student_interval(found.look_S)),
    }


def figures() -> list[Figure]:
    """Returns the error against the layers seen, and against the number of walks."""
    found, floor_L = errors(), floors(TASK)
    figure, (left, right) = panels(1, 2)
    left.plot(np.arange(TASK.layers + 1), floor_L, color=GREY, label="exact floor")
    for label, values_SxH in (
        ("best estimate", found.best_SxH),
        (f"{WALKS[-1]} walks, mean after", found.blind_SxHxN[:, :, -1]),
        ("1 walk, posterior after", found.walks_SxHxN[:, :, 0]),
    ):
        plots.interval_plot(left, list(HEIGHTS), *_ends(values_SxH), label=label)
    for number, (height, colour) in enumerate(zip(HEIGHTS, CATEGORY_COLOURS, strict=False)):
        values_SxN = found.walks_SxHxN[:, number]
        plots.interval_plot(right, list(WALKS), *_ends(values_SxN), label=f"h = {height}")
        right.axhline(floor_L[height], color=colour, ls="--")
    right.set_xscale("log", base=4)
    left.set(xlabel="layers seen, h", ylabel="error of the return, layers", ylim=(0, None))
    right.set(xlabel="walks of h steps, N", ylabel="error of the return, layers", ylim=(0, None))
    for ax in (left, right):
        plots.legend(ax)
    caption = (
        f"Monotone circuits of {TASK.layers} layers of {TASK.width} gates, {len(SEEDS)} seeds, 95 "
        "% intervals; root mean square error of the estimated best return. No estimate from the "
        "values of h layers, without the wiring above, is below the floor (dashed at the right). "
        "Walks are side by side; steps are in series."
    )
    return [Figure("returns", "Returns from the first steps", caption, figure)]


def _ends(values_SxK: np.ndarray) -> tuple[list[float], ...]:
    parts = over_seeds(values_SxK)
    return tuple([getattr(part, end) for part in parts] for end in ("value", "low", "high"))


def tables() -> list[Table]:
    """Returns the errors by layers seen and walks."""
    found, floor_L = errors(), floors(TASK)
    rows = [
        [
            height,
            walks,
            found.walks_SxHxN[:, h, n].mean(),
            found.blind_SxHxN[:, h, n].mean(),
            found.own_SxH[:, h].mean(),
            floor_L[height],
        ]
        for h, height in enumerate(HEIGHTS)
        for n, walks in enumerate(WALKS)
    ]
    header = ["h", "walks", "posterior after", "mean after", "best estimate", "exact floor"]
    return [Table("returns: root mean square errors of the best return, layers", header, rows)]
