"""The static theory: slopes of the loss and its gradient over the logit scale (Fig. 3)."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from experiments.one_third.expected import PAPER, Expected, Measured
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.statics import gaussian_teacher_logits, sampled_statics
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

EXPECTED = {
    "static_gradient": Expected(
        "Static theory at β* = 100: slope of ln(-dL/dβ) against ln β",
        f"{PAPER}, Fig. 3",
        -2.261,
        (-2.30, -2.22),
    ),
    "static_loss": Expected(
        "Static theory at β* = 100: slope of ln L against ln β",
        f"{PAPER}, Fig. 3",
        -1.151,
        (-1.23, -1.07),
    ),
}


def measure() -> dict[str, Measured]:
    """Returns both slopes."""
    slopes = static_slopes()
    return {
        "static_gradient": Measured(slopes.gradient),
        "static_loss": Measured(slopes.loss),
    }


def figures() -> list[Figure]:
    """Returns none."""
    return []


def tables() -> list[Table]:
    """Returns none."""
    return []


class StaticSlopes(NamedTuple):
    """Slopes of the static theory at β* = 100, each over draws of teachers and inputs."""

    loss: Interval
    gradient: Interval


@cache
def static_slopes(draws: int = 5) -> StaticSlopes:
    """Returns the slopes of ln L and ln(-dL/dβ) against ln β in the windows of Fig. 3.

    The grid is β = linspace(0, 1, 100) β*; the loss is fitted over its indices 1 to 9, the gradient
    over 2 to 59 (notebook test-2 of the paper's code).
    """
    beta_star = 100.0
    beta_B = np.linspace(0, 1, 100) * beta_star
    slopes = []
    for seed in range(draws):
        logits_SxN = gaussian_teacher_logits(np.random.default_rng(seed))
        loss_B, force_B = sampled_statics(logits_SxN, beta_B).at(beta_B, beta_star)
        slopes.append(
            [
                np.polyfit(np.log(beta_B[part]), np.log(value_B[part]), 1)[0]
                for value_B, part in ((loss_B, slice(1, 10)), (force_B, slice(2, 60)))
            ]
        )
    loss_D, gradient_D = np.array(slopes).T
    return StaticSlopes(student_interval(loss_D), student_interval(gradient_D))
