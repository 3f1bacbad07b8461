"""Temperatures at length: direction before scale, finite-temperature exponents, curvature."""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import PAPER, Expected
from experiments.one_third.studies import ADAM, TEACHER

EXPECTED = {
    "scan_direction_first": Expected(
        "Adam at rate 3e-3: the direction is learned long before the scale. τ where β = β*/2 over "
        "τ where the alignment passes 0.95, the smallest over temperatures",
        f"{PAPER}, Fig. 2; measure by this lab",
        None,
        (10.0, inf),
    ),
    "scan_rise": Expected(
        "The same runs: a warmer teacher has a larger exponent. T = 10^-1.2 minus T = 10^-2",
        f"{PAPER}, Fig. 2; finite β*: (1/3)(1+u)/(1-u)",
        None,
        (0.0, inf),
    ),
    "scan_finite_temperature": Expected(
        "The same runs: the local exponent is that of the aligned flow at the same u = β/β*, "
        "without any fitted constant (median ratio where β > 2 c0 and u < 0.5)",
        f"{PAPER}, aligned-student ansatz at finite β*; the flow is SGD's, and this is Adam",
        1.0,
        (0.9, 1.1),
    ),
    "scan_trace": Expected(
        "The same runs: the Hessian's trace is m ρ(0)/β, that of near-ties (largest deviation of "
        "the ratio where β > 2 c0, T = 10^-2)",
        f"{PAPER}, Fig. 2; two-level integral by this lab",
        1.0,
        (0.85, 1.15),
    ),
    "scan_top_eigenvalue": Expected(
        "The same runs: the Hessian's largest eigenvalue falls as 1/β too (largest over smallest "
        "product with β where β > 2 c0, T = 10^-2)",
        f"{PAPER}, Fig. 2; two-level integral by this lab",
        None,
        (-inf, 1.5),
    ),
    "scan_gradient_norm": Expected(
        "Control: the norm of a batch's gradient does not fall as τ^-2/3, at T = 10^-2 its "
        "exponent is below 0.57 (2/3 is of the radial projection)",
        f"{PAPER}, Fig. 2; control by this lab",
        None,
        (-inf, 0.57),
        control=True,
    ),
}

PINNED = (
    TEACHER
    | ADAM
    | {"task.labels": "soft", "model.init_scale": 0.0, "window": (4.0, 150.0)}
    | {"optimizer.learning_rate": 3e-3, "train.steps": 50_000}
)
