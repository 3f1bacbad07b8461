"""Returns of the depth of ones from its first layers: many random walks beside an exact floor.

Nothing is trained. The claims stand beside the study `headline` and read nothing of it. The depth
of ones is an environment: an agent climbs a circuit from gate to gate, and is paid for every layer
while the gate that it stands on is one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import inf
from typing import NamedTuple

import numpy as np

from experiments.serial import cells
from experiments.serial.cells import BY
from experiments.serial.walks import Drawn, blind, draw, estimate, floors, posterior, walk
from jaxlab.analysis.cells import distance, highest, lowest
from jaxlab.analysis.estimate import Estimate, of_interval
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.ones import DepthOfOnes

TASK = DepthOfOnes(width=8, layers=16, kinds=("and", "or"), chain=0, given="values")
HEIGHTS = (1, 2, 4, 8)  # h
WALKS = (1, 4, 16, 64, 256, 1024)  # N
SEEDS = range(100, 105)  # pilots had lower ones


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


def _over_seeds(values_SxK: np.ndarray) -> list[Interval]:
    return [student_interval(values_S) for values_S in values_SxK.T]


def _ratios_of_walks() -> np.ndarray:
    """Returns the error of walks over that of the best estimate on the same circuits, [S, H, N]."""
    return errors().walks_SxHxN / errors().own_SxH[:, :, None]


_drawn = partial(of_interval, covers="95 % over seeds of drawn circuits (Student t)")


def _floor(_study: Study) -> Estimate:
    exact_H = floors(TASK)[list(HEIGHTS)]
    away = [distance(part, 1.0) for part in _over_seeds(errors().best_SxH / exact_H[None])]
    exact = ", ".join(f"{floor:.3f}" for floor in exact_H)
    return _drawn(highest(away), detail=f"floors of {exact} layers at h in {HEIGHTS}")


def _never(_study: Study) -> Estimate:
    every = _over_seeds(_ratios_of_walks().reshape(len(SEEDS), -1))
    return _drawn(lowest(every), detail=f"h in {HEIGHTS}, N in {WALKS}")


def _many(_study: Study) -> Estimate:
    last_SxH = _ratios_of_walks()[:, :, -1]
    low_H = [height <= 4 for height in HEIGHTS]
    away = [distance(part, 1.0) for part in _over_seeds(last_SxH[:, low_H])]
    ratios = ", ".join(f"{ratio:.3f}" for ratio in last_SxH.mean(axis=0))
    return _drawn(highest(away), detail=f"ratios of {ratios} at h in {HEIGHTS}")


def _falls(_study: Study) -> Estimate:
    best_SxH, floor_L = errors().best_SxH, floors(TASK)
    ratio = floor_L[HEIGHTS[-1]] / floor_L[HEIGHTS[0]]
    detail = f"exactly {ratio:.4f}; the floor is {floor_L[-1]:g} after {TASK.layers} layers"
    return _drawn(student_interval(best_SxH[:, -1] / best_SxH[:, 0]), detail=detail)


claim = partial(Claim, source=BY, needs_runs=False)
CLAIMS = (
    claim(
        "returns_floor",
        "In the depth of ones the error of the best estimate of the return from the first h layers "
        "is the exact floor (largest distance of their ratio from 1, over h)",
        expected=(0.0, 0.03),
        measure=_floor,
        source=f"{BY}; the floor by the Markov chain of the ones",
        kind=Kind.CHECK,
    ),
    claim(
        "returns_never",
        "No number of walks of h steps, from 1 to 1024, has a lower error than the best estimate "
        "from h layers (least ratio of the two)",
        expected=(0.97, inf),
        measure=_never,
        kind=Kind.CHECK,
    ),
    claim(
        "returns_many",
        f"{WALKS[-1]} walks of h steps are as good as the best estimate from h layers, for h up to "
        "4 (largest distance of the ratio of their errors from 1)",
        expected=(0.0, 0.03),
        measure=_many,
    ),
    claim(
        "returns_falls",
        f"Serial steps lower the error: that of the best estimate after {HEIGHTS[-1]} layers is "
        "about 0.3 of that after one layer (ratio of the two)",
        expected=(0.28, 0.33),
        measure=_falls,
    ),
    claim(
        "returns_greedy",
        "A walk through all layers that takes the first gate that pays earns less than the best "
        "return, by 5.5 to 7.5 layers (difference, layers)",
        expected=(-7.5, -5.5),
        measure=lambda _study: _drawn(student_interval(errors().greedy_S)),
    ),
    claim(
        "returns_control",
        "Where the values of all gates are given, one look at them, a maximum, is the return of "
        "the best policy by dynamic programming (largest error, layers)",
        expected=(0.0, 0.0),
        measure=lambda _study: _drawn(student_interval(errors().look_S)),
        kind=Kind.CHECK,
    ),
)


def errors_of_returns(_study: Study) -> Figure:
    """Returns the error against the layers seen, and against the number of walks."""
    found, floor_L = errors(), floors(TASK)
    figure, (left, right) = panels(1, 2)
    left.plot(np.arange(TASK.layers + 1), floor_L, color=GREY, label="exact floor")
    for label, values_SxH in (
        ("best estimate", found.best_SxH),
        (f"{WALKS[-1]} walks, mean after", found.blind_SxHxN[:, :, -1]),
        ("1 walk, posterior after", found.walks_SxHxN[:, :, 0]),
    ):
        plots.interval_plot(left, HEIGHTS, *cells.ends(_over_seeds(values_SxH)), label=label)
    for number, (height, colour) in enumerate(zip(HEIGHTS, CATEGORY_COLOURS, strict=False)):
        parts = _over_seeds(found.walks_SxHxN[:, number])
        plots.interval_plot(right, WALKS, *cells.ends(parts), label=f"h = {height}")
        right.axhline(floor_L[height], color=colour, ls="--")
    right.set_xscale("log", base=4)
    right.xaxis.set_major_formatter("{x:g}")  # 256 rather than 4^4
    left.set(xlabel="layers seen, h", ylabel="error of the return, layers", ylim=(0, None))
    right.set(xlabel="walks of h steps, N", ylabel="error of the return, layers", ylim=(0, None))
    for ax in (left, right):
        plots.legend(ax)
    caption = (
        f"Monotone circuits of {TASK.layers} layers of {TASK.width} gates, {len(SEEDS)} seeds, 95 "
        "% intervals; root mean square error of the estimated best return. No estimate from the "
        "values of h layers, without the wiring above, is below the floor (dashed at the right). "
        "Walks run in parallel; their steps are serial."
    )
    return Figure("returns", "Returns from the first steps", caption, figure)


def errors_by_walks(_study: Study) -> Table:
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
    return Table("returns: root mean square errors of the best return, layers", header, rows)


FIGURES = (errors_of_returns,)
TABLES = (errors_by_walks,)
