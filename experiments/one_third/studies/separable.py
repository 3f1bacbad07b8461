"""Control: a finite set that can be separated has no near-ties left, and no one third."""

from __future__ import annotations

from experiments.one_third.expected import Expected
from experiments.one_third.studies import SGD

SOURCE = "arXiv 1710.10345: loss ~ 1/τ and norm ~ ln τ"

EXPECTED = {
    "separable_loss": Expected(
        "Control: 64 examples of 16 classes, all in every step: the loss falls as 1/τ",
        SOURCE,
        1.0,
        (0.96, 1.02),
        control=True,
        exponent=True,
        group="control",
        short="separable set",
    ),
    "separable_norm": Expected(
        "Control: the same runs: the norm of the weights has no power, d ln|W| / d ln τ sinks "
        "below 0.15 in the last decade",
        SOURCE,
        None,
        (0.0, 0.15),
        control=True,
    ),
}

PINNED = (SGD | {"train.batch_size": 64}) | {
    "task.name": "teacher",
    "task.labels": "hard",
    "task.classes": 16,
    "task.examples": 64,
    "window": (1e3, 1e5),
}
