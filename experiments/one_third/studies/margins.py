"""Where the exponent comes from: the density of near-ties, dialled, and a gap that has none."""

from __future__ import annotations

from experiments.one_third.expected import THIRD, Expected

SOURCE = "two-class flow by this lab; arXiv 2609.37745 has the same"

EXPECTED = {
    "margins_0_loss": Expected(
        "Two classes, margins of constant density at 0: the loss falls as τ^-1/3",
        SOURCE,
        THIRD,
        (THIRD - 0.02, THIRD + 0.02),
        exponent=True,
        short="margin density ~ 1",
    ),
    "margins_0_scale": Expected(
        "The same: the logit scale grows as τ^1/3",
        SOURCE,
        THIRD,
        (THIRD - 0.02, THIRD + 0.02),
    ),
    "margins_1_loss": Expected(
        "Control: margin density ~ d: the loss falls as τ^-1/2",
        SOURCE,
        1 / 2,
        (0.48, 0.54),
        control=True,
        exponent=True,
        group="control",
        short="margin density ~ d",
    ),
    "margins_1_scale": Expected(
        "Control: the same: the logit scale grows as τ^1/4",
        SOURCE,
        1 / 4,
        (0.245, 0.275),
        control=True,
    ),
    "margins_2_loss": Expected(
        "Control: margin density ~ d²: the loss falls as τ^-3/5",
        SOURCE,
        3 / 5,
        (0.57, 0.63),
        control=True,
        exponent=True,
        group="control",
        short="margin density ~ d²",
    ),
    "margins_2_scale": Expected(
        "Control: the same: the logit scale grows as τ^1/5",
        SOURCE,
        1 / 5,
        (0.185, 0.215),
        control=True,
    ),
    "margins_gap": Expected(
        "Control: no margin below 0.25: the loss falls nearly as 1/τ (faster than τ^-0.8)",
        f"arXiv 1710.10345, separable data; {SOURCE}",
        1.0,
        (0.8, 1.05),
        control=True,
        exponent=True,
        group="control",
        short="margins above a gap",
    ),
    "margins_flow": Expected(
        "The three densities: the loss is that of the exact flow, which has no fitted constant "
        "(ratio)",
        "quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
}

PINNED = {
    "task.name": "margin",
    "optimizer.name": "sgd",
    "schedule.name": "constant",
    "window": (3e3, 3e5),
}
