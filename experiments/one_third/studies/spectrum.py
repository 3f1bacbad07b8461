"""Teachers with power laws in their singular values: a softmax takes no notice of them."""

from __future__ import annotations

from experiments.one_third import measures
from experiments.one_third.expected import PAPER, THIRD, Expected
from experiments.one_third.studies import ADAM, TEACHER

EXPECTED = {
    "spectrum_exponent": Expected(
        "The headline's cell with singular values i^-a of the teacher: the loss falls as τ^-1/3 "
        "for every a from 0 to 1 (the one farthest from it)",
        f"{PAPER}, App. D.6",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
        exponent=True,
        short="Adam, teachers with a spectrum",
    ),
    "spectrum_difference": Expected(
        "The same runs: the exponent at a = 1 minus that at a = 0, of the same seeds",
        f"{PAPER}, App. D.6; measure by this lab",
        0.0,
        (-0.03, 0.03),
    ),
}

PINNED = (
    TEACHER
    | ADAM
    | {"task.labels": "soft", "task.temperature": 1e-3, "task.weights": "spectral"}
    | {"model.init_scale": 0.0, "window": (4.0, 162.0)}
    | {"optimizer.learning_rate": measures.HEADLINE_RATE, "train.steps": 2000}
)
