"""The parts of the ParScale report: one file per study, with all that the report says of it."""

from __future__ import annotations

from jaxlab.report.parts import Parts

NAMES = (
    "widths",
    "controls",
    "variants",
    "stage_one",
    "two_stage",
    "frozen",
    "memory",
)
WITHOUT_RUNS = {"law": "widths"}  # the published grid beside that of this lab

# What `PINNED` of several studies has in common: the corpus, six pairs, the rate, and streams as
# published but for the length of their prefixes, which goes with the size.
TEXT = {"task.name": "text", "task.dataset": "python_source", "task.vocabulary": 256}
TEXT |= {"optimizer.name": "adamw", "model.layers": 2, "seeds": 6}
RATE = {"optimizer.learning_rate": 1e-2}
PUBLISHED = {"streams.transform": "prefix", "streams.code": 0, "streams.smoothing": 0.1}

PARTS = Parts(__name__, NAMES, WITHOUT_RUNS)
