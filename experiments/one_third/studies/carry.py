"""Does the escape carry over to finite temperatures, Adam and Muon?"""

from __future__ import annotations

from experiments.one_third.expected import Expected
from experiments.one_third.studies import TEACHER
from experiments.one_third.studies.ways_out import THEORY


def _gain(setting: str) -> Expected:
    return Expected(
        f"{setting}: a scale ~ t lowers the end loss, each at its best rate (ratio of losses)",
        THEORY,
        None,
        (0.0, 0.8),
    )


# Claim id -> the setting of configs/one_third/carry.py.
SETTINGS = {
    "carry_sgd_cold": "sgd, T 1e-3",
    "carry_sgd_warm": "sgd, T 6e-3",
    "carry_adam_hard": "adam, hard labels",
    "carry_adam_cold": "adam, T 1e-3",
    "carry_muon_hard": "muon, hard labels",
}
EXPECTED = {name: _gain(setting) for name, setting in SETTINGS.items()}

PINNED = TEACHER | {
    "schedule.offset": 100.0,
    "train.steps": 10_000,
    "train.batch_size": 512,
}
