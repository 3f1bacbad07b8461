"""The control without softmax: squared loss has the power law of its data, or none.

The claims of exponents fit τ in LAW_WINDOW and not in the window of the config, whose end feels
that there are only 512 modes: the exact flow of a = 2 has 0.511 in the first and 0.527 in the
second, where infinitely many modes have 1/2.
"""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import PAPER, Expected

LAW_WINDOW = (10.0, 200.0)
SOURCE = f"{PAPER}, App. D.6"

EXPECTED = {
    "regression_rate": Expected(
        "Control: squared loss on isotropic inputs falls exponentially, at rate 2 per τ",
        SOURCE,
        2.0,
        (1.94, 2.06),
        control=True,
    ),
    "regression_is_exponential": Expected(
        "Control: the same: R² of a straight line through log loss against τ",
        SOURCE,
        None,
        (0.999, inf),
        control=True,
    ),
    "regression_2": Expected(
        "Control: squared loss on inputs with the spectrum i^-2 falls as τ^-1/2",
        SOURCE,
        1 / 2,
        (0.48, 0.52),
        control=True,
        exponent=True,
        group="control",
        short="squared loss, spectrum i^-2",
    ),
    "regression_3": Expected(
        "Control: squared loss on inputs with the spectrum i^-3 falls as τ^-2/3",
        SOURCE,
        2 / 3,
        (2 / 3 - 0.02, 2 / 3 + 0.02),
        control=True,
        exponent=True,
        group="control",
        short="squared loss, spectrum i^-3",
    ),
    "regression_flow": Expected(
        "Control: on both spectra the loss is that of the exact flow for its own teacher (ratio)",
        "sum over modes by this lab",
        1.0,
        (0.95, 1.05),
        control=True,
    ),
}

PINNED = {
    "task.name": "regression",
    "task.features": 512,
    "optimizer.name": "sgd",
    "schedule.name": "constant",
}
