"""The parts of the one-third report: one file per study, with all that the report says of it.

Such a file holds `EXPECTED`, `PINNED`, `measure(study)`, `figures(study)` and `tables(study)`. A
part that needs no run has the same functions without an argument, and no `PINNED`. `CLOCK` names
what it fits against where that is not τ, and `FITS_CONFIG_WINDOW = False` says that its claims have
other windows than that of the config.
"""

from __future__ import annotations

import importlib
from types import ModuleType

# Both in the order of the report. A study has the name of its config file.
NAMES = (
    "headline",
    "adam_grid",
    "sgd_grid",
    "temperature_scan",
    "initial_scale",
    "weight_decay",
    "schedules",
    "spectrum",
    "causes",
    "hard_labels",
    "channels",
    "margins",
    "flat",
    "regression",
    "separable",
    "text",
    "images",
    "tower",
    "ways_out",
    "growth",
    "escape",
    "carry",
    "text_ways",
)
WITHOUT_RUNS = ("static", "published")

# What `PINNED` of several studies has in common.
TEACHER = {"task.name": "teacher", "task.features": 32, "task.classes": 128}
ADAM = {"optimizer.name": "adam", "train.batch_size": 1024, "schedule.name": "constant"}
SGD = {"optimizer.name": "sgd", "train.batch_size": 1024, "schedule.name": "constant"}


def part(name: str) -> ModuleType:
    """Returns the part of the report of this name; parts that are not asked for are not loaded."""
    return importlib.import_module(f"{__name__}.{name}")
