"""The parts of the one-third report: one file per study, with all that the report says of it.

Such a file holds `EXPECTED`, `PINNED`, `measure(study)`, `figures(study)` and `tables(study)`. A
part that needs no run has the same functions without an argument, and no `PINNED`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

# Both in the order of the report. A study has the name of its config file.
NAMES = ("headline", "adam_grid", "sgd_grid", "hard_labels", "flat", "text")
WITHOUT_RUNS = ("static",)


def part(name: str) -> ModuleType:
    """Returns the part of the report of this name; parts that are not asked for are not loaded."""
    return importlib.import_module(f"{__name__}.{name}")
