"""The parts of the serial-depth report: one file per study, with all that the report says of it.

The paper has no experiment: its claims are theorems and citations, so every range is this lab's,
written before the runs. What a range was written after is said where it is: trees were run twice.
"""

from __future__ import annotations

from jaxlab.report.expected import AtLeast
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


# Claims are of trained models: of the smallest size that was meant for them, and of its seeds.
def of_training(steps: int) -> dict[str, object]:
    """Returns what the claims of a study need: so many steps of training, and three seeds."""
    return {"train.steps": AtLeast(steps), "seeds": AtLeast(3)}


# Need no run: what can be known of a return before all layers are evaluated, and what is serial in
# the program of each model.
WITHOUT_RUNS = {"returns": "headline", "meter": "words"}

PARTS = Parts(__name__, NAMES, WITHOUT_RUNS)
