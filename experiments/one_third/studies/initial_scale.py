"""Starts that are large and misaligned: do they come back to the law of a student of zeros?"""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import PAPER, THIRD, Expected
from experiments.one_third.studies import ADAM, TEACHER

EXPECTED = {
    "start_alignment": Expected(
        "Adam from an independent teacher at scales up to that of the target, each at its best "
        "rate: the student realigns. Its alignment at the end, the smallest over scales",
        f"{PAPER}, Fig. 5a, b",
        None,
        (0.95, inf),
    ),
    "start_exponent": Expected(
        "The same runs: the loss falls as τ^-1/3 in their last decade, from every scale (the one "
        "farthest from it)",
        f"{PAPER}, Fig. 5a, b; window by this lab",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
        exponent=True,
        short="Adam, misaligned starts",
    ),
    "start_as_zero": Expected(
        "The same runs: that exponent is the one of a student of zeros at the same rate "
        "(difference, the largest over scales)",
        f"{PAPER}, Fig. 5a, b; comparison by this lab",
        0.0,
        (-0.05, 0.05),
    ),
}

PINNED = TEACHER | ADAM | {"task.labels": "soft", "task.temperature": 6e-3}
