"""AdamW: with weight decay the scale stops growing, and the loss is said to go on as τ^-1/3."""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import PAPER, THIRD, Expected
from experiments.one_third.studies import TEACHER

EXPECTED = {
    "decay_scale": Expected(
        "AdamW with decay 0.05 at T = 0.05, at the rate with the lowest end loss: the logit scale "
        "has stopped growing. Its exponent in the last half decade of τ",
        f"{PAPER}, Fig. 5c, d; window by this lab",
        0.0,
        (-0.05, 0.05),
    ),
    "decay_scale_without": Expected(
        "Control: at the same rate without decay it grows faster (difference of these exponents)",
        f"{PAPER}, Fig. 5c, d; control by this lab",
        None,
        (0.0, inf),
        control=True,
    ),
    "decay_loss": Expected(
        "With decay, at that rate: the loss still falls as τ^-1/3",
        f"{PAPER}, Fig. 5c, d; β* = 11.5 lies outside the regime β << β* of its own theory",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        exponent=True,
        short="AdamW with decay, T = 0.05",
    ),
}

PINNED = TEACHER | {
    "optimizer.name": "adamw",
    "schedule.name": "constant",
    "train.batch_size": 2048,
    "train.steps": 2000,
    "task.labels": "soft",
    "task.temperature": 0.05,
    "model.init_scale": 0.0,
}
