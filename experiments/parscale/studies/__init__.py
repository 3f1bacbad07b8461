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

# What `PINNED` of several studies has in common: streams as published, but for the number of slots,
# which goes with the length of the text.
TEXT = {"task.name": "text", "optimizer.name": "adamw"}
PUBLISHED = {"streams.transform": "prefix", "streams.code": 0}
PUBLISHED |= {"streams.smoothing": 0.1}

PARTS = Parts(__name__, NAMES, WITHOUT_RUNS)
