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

# What `PINNED` of several studies has in common: six pairs, and streams as published but for the
# length of their prefixes, which goes with the size.
TEXT = {"task.name": "text", "optimizer.name": "adamw", "seeds": 6}
PUBLISHED = {"streams.transform": "prefix", "streams.code": 0, "streams.smoothing": 0.1}

PARTS = Parts(__name__, NAMES, WITHOUT_RUNS)
