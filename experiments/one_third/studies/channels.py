"""The radial and the tangential part of the loss, with SGD and with Adam."""

from __future__ import annotations

from experiments.one_third.expected import Expected
from experiments.one_third.studies import TEACHER

FOLLOW_UP = "arXiv 2609.37745"
PUBLISHED = {  # exponents against τ after 1000 steps, all as positive numbers
    "sgd": {"loss": 0.34, "radial": 0.35, "tangential": 0.33, "norm": 0.33},
    "adam": {"radial": 0.48, "tangential": 0.08, "norm": 0.44},
}
CELLS = {"sgd": (20.0, 256), "adam": (0.07, 64)}  # learning rate, batch size
NAMES = {"sgd": "SGD at rate 20, batch 256", "adam": "Adam at rate 0.07, batch 64"}
PARTS = {
    "loss": ("the loss falls", "eval_loss"),
    "radial": ("its radial part (the scale is not sharp enough) falls", "eval_loss_radial"),
    "tangential": ("its tangential part (wrong directions) falls", "eval_loss_tangential"),
    "norm": ("the norm of the weights grows", "param_norm"),
}


def _expected() -> dict[str, Expected]:
    found = {}
    for optimizer, exponents in PUBLISHED.items():
        for part, value in exponents.items():
            sign = "" if part == "norm" else "-"
            found[f"channels_{optimizer}_{part}"] = Expected(
                f"{NAMES[optimizer]}, hard labels: {PARTS[part][0]} as τ^{sign}{value:.2f}",
                FOLLOW_UP,
                value,
                (value - 0.04, value + 0.04),
                exponent=True,
                short=f"{optimizer.upper() if optimizer == 'sgd' else 'Adam'}: {part}",
            )
        found[f"channels_{optimizer}_relation"] = Expected(
            f"{NAMES[optimizer]}: twice the radial exponent plus the tangential one is 1",
            f"{FOLLOW_UP}, radial flow slowed by the tangential part",
            1.0,
            (0.97, 1.07),
        )
    return found


EXPECTED = _expected()

PINNED = TEACHER | {"task.labels": "hard", "schedule.name": "constant", "from_step": 1000}
