"""Warm-up and cosine against a constant rate: is τ, the sum of learning rates, the clock?"""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import PAPER, Expected
from experiments.one_third.studies import TEACHER

EXPECTED = {
    "schedule_sgd": Expected(
        "SGD: under warm-up and cosine the loss at equal τ is that of a constant rate (ratio, the "
        "farthest from 1 over τ and rates)",
        f"{PAPER}, App. D.4; SGD and measure by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "schedule_adam": Expected(
        "Adam: the same",
        f"{PAPER}, App. D.4; measure by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "schedule_steps": Expected(
        "Control: at equal steps the same losses differ (ratio, the largest over steps and rates, "
        "of SGD or of Adam, whichever is smaller)",
        f"{PAPER}, App. D.4; control by this lab",
        None,
        (1.1, inf),
        control=True,
    ),
}

PINNED = TEACHER | {
    "train.batch_size": 1024,
    "task.labels": "soft",
    "task.temperature": 6e-3,
    "model.init_scale": 0.0,
    "schedule.warmup": 0.01,
    "schedule.final": 0.1,
}
