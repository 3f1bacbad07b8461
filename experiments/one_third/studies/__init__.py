"""The parts of the one-third report: one file per study, with all that the report says of it.

`jaxlab.report.parts` says what such a file holds. Here `CLOCK` also names what it fits against
where that is not τ, and `FITS_CONFIG_WINDOW = False` says that its claims have other windows than
that of the config.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from jaxlab.analysis.study import Study
from jaxlab.report.parts import Parts

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
# The theory of static teachers explains the paper's cell; its other refits are of language models.
WITHOUT_RUNS = {"static": "headline", "published": "headline"}

# What `PINNED` of several studies has in common.
TEACHER = {"task.name": "teacher", "task.features": 32, "task.classes": 128}
ADAM = {"optimizer.name": "adam", "train.batch_size": 1024, "schedule.name": "constant"}
SGD = {"optimizer.name": "sgd", "train.batch_size": 1024, "schedule.name": "constant"}


def _provenance(module: ModuleType, study: Study) -> Mapping[str, object]:
    clock = {"clock": getattr(module, "CLOCK", "tau")}
    if not getattr(module, "FITS_CONFIG_WINDOW", True):  # then the details say what they fit
        return clock
    return {**clock, "window": list(study.config.window)}


PARTS = Parts(__name__, NAMES, WITHOUT_RUNS, _provenance)
