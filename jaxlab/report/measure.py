"""Asks a study its claims. A claim that fails to compute is reported, and costs no other one."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

import numpy as np

from jaxlab import config as configs
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim, Result
from jaxlab.study_file import StudyFile

# What may always differ from a file's default: more or other seeds, finer evaluation, the machine.
ALWAYS_FREE = ("study", "seed", "seeds", "first_seed", "*_dir", "start.study")
ALWAYS_FREE += ("eval.*", "records.*", "checkpoint.*", "devices.*")


def measure_claims(study: Study, file: StudyFile) -> list[Result]:
    """Returns a result for every claim of the study's file, in their order."""
    provenance = {"config_hashes": [run.environment["config_hash"] for run in study.runs]}
    differing = differing_keys(study, file)
    return [_measure(claim, study, differing, provenance) for claim in file.claims]


def differing_keys(study: Study, file: StudyFile) -> dict[str, tuple[Any, Any]]:
    """Returns the keys at which the study that ran differs from its file's default.

    A claim's sentence speaks of the default. Left out are the keys that its sweep sets, since every
    run has its own there, and those that only one of both has: a record may be older than its file.

    Returns:
      key to (value that ran, value by default).
    """
    ran = dict(configs.leaves(study.config))
    config, swept = file.get_config(None), set[str]()
    if file.sweep:
        file.sweep(lambda **member: swept.update(member), config)
    default = dict(configs.leaves(config))
    return {
        key: (ran[key], default[key])
        for key in sorted(ran.keys() & default.keys() - swept)
        if not _same(ran[key], default[key])
        and not any(fnmatch(key, pattern) for pattern in ALWAYS_FREE)
    }


def _measure(
    claim: Claim,
    study: Study,
    differing: Mapping[str, tuple[Any, Any]],
    provenance: Mapping[str, Any],
) -> Result:
    reason = ""
    for key, (ran, default) in differing.items():
        if not any(fnmatch(key, pattern) for pattern in claim.free):
            reason = f"{key} is {ran}, the claim is of {default}"
            break
    if study.unfinished:
        reason = f"{study.unfinished[0]} is not finished"
    if reason and claim.needs_runs:
        return Result(claim, study.name, None, reason, provenance=provenance)
    try:
        estimate = claim.measure(study)
    except NotMeasurable as error:
        return Result(claim, study.name, None, str(error), provenance=provenance)
    except Exception:  # a bug in one claim must not cost the page; it is shown as what it is
        text = traceback.format_exc(limit=-3)
        return Result(claim, study.name, None, text, failed=True, provenance=provenance)
    if estimate.seeds == 1 and not np.isfinite(estimate.low):
        estimate = estimate.noting(estimate.detail or "a single seed has no interval")
    return Result(claim, study.name, estimate, provenance=provenance)


def _same(ran: Any, default: Any) -> bool:
    if isinstance(ran, float) and isinstance(default, float):
        return bool(np.isclose(ran, default, rtol=1e-6, atol=0))
    return ran == default
