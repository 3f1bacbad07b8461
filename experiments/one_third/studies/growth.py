"""Why growth escapes: powers of the learning rate and of the logit scale, side by side."""

from __future__ import annotations

import numpy as np

from experiments.one_third.expected import Expected
from experiments.one_third.studies import SGD, TEACHER
from experiments.one_third.studies.ways_out import THEORY


def _scale(power: float, margin: float) -> Expected:
    return Expected(
        f"SGD at rate 10, scale ~ t^{power:g}: the loss of the last weights falls as t^-{power:g}",
        THEORY,
        None,
        (power - margin, power + margin),
        exponent=True,
        group="way out",
        short=f"rate 10, scale ~ t^{power:g}",
    )


SCALES = {"growth_scale_050": 0.5, "growth_scale_075": 0.75, "growth_scale_100": 1.0}
EXPECTED = {
    "growth_radial_flow": Expected(
        "Rates ~ t^p, p from -1/2 to 1/2, first rate 3: the radial loss is the flow's at that τ",
        THEORY,
        1.0,
        (0.9, 1.1),
    ),
    **{name: _scale(power, 0.06) for name, power in SCALES.items()},
    "growth_average": Expected(
        "Without growth of the scale, averaged weights at the best rate and p: t^-2/3",
        THEORY,
        None,
        (2 / 3 - 0.08, 2 / 3 + 0.08),
        exponent=True,
        group="way out",
        short="best rate and p, average",
    ),
    "growth_too_fast": Expected(
        "Control: scale ~ t^1.5 against ~ t, each at its best rate: ratio of end losses",
        THEORY,
        None,
        (1.0, np.inf),
        control=True,
    ),
}

PINNED = TEACHER | SGD | {
    "task.labels": "hard",
    "schedule.name": "power",
    "schedule.offset": 100.0,
    "train.steps": 20_000,
    "train.batch_size": 512,
    "window": (1_000.0, 20_000.0),
}
