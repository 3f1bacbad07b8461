"""The parts of the serial-depth report: one file per study, with all that the report says of it.

The paper has no experiment: its claims are theorems and citations, so nothing here is published and
every range is this lab's, written before the runs.
"""

from __future__ import annotations

from jaxlab.report.parts import Parts

NAMES = (
    "headline",
    "sudoku",
    "light_cone",
    "window",
    "gates",
    "trees",
    "words",
    "loops",
    "frontier",
    "diffusion",
    "scratchpad",
    "discs",
)
PAPER = "arXiv 2507.12549"
BY = f"{PAPER} has no experiment; range by this lab"

# Needs no run: what can be known of a return before all layers are evaluated.
WITHOUT_RUNS = {"returns": "headline"}

PARTS = Parts(__name__, NAMES, WITHOUT_RUNS)
