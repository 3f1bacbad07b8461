"""The claims of the one-third experiment, each measured by the part of the report that makes it.

A claim is measured only on a study that is what its sentence says (`PINNED` of its part), and that
is finished; otherwise it says why it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import numpy as np

from experiments.one_third.expected import Expected, Measured, Unmeasured
from experiments.one_third.studies import NAMES, WITHOUT_RUNS, part
from jaxlab import config as configs
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim


def claims(studies: Mapping[str, Study]) -> list[Claim]:
    """Returns the claims that the studies at hand can answer, and those that need no run.

    Raises:
      KeyError: a part whose measurements are not those of its EXPECTED.
    """
    found = []
    for name in NAMES:
        if name in studies:
            study, module = studies[name], part(name)
            provenance = {
                "study": name,
                "config_hash": " ".join(run.environment["config_hash"] for run in study.runs),
                "clock": getattr(module, "CLOCK", "tau"),
            }
            if getattr(module, "FITS_CONFIG_WINDOW", True):  # else the details say what they fit
                provenance["window"] = list(study.config.window)
            found += _claims(module, _measure(module, study), provenance)
    for name in WITHOUT_RUNS:
        module = part(name)
        found += _claims(module, module.measure(), {"study": name})
    return found


def expected(studies: Mapping[str, Study]) -> dict[str, Expected]:
    """Returns the same claims before their measurement, by id."""
    names = [*(name for name in NAMES if name in studies), *WITHOUT_RUNS]
    return {claim: known for name in names for claim, known in part(name).EXPECTED.items()}


def unfit(study: Study, pinned: Mapping[str, object]) -> str:
    """Returns why a study cannot answer claims that speak of these values, or "" if it can."""
    for run in study.runs:
        if run.done is None:
            return f"{run.folder.name} is not finished"
        values = dict(configs.leaves(run.config))
        for key, value in pinned.items():
            traced = key in study.data.coords
            found = np.unique(study.data[key].values).tolist() if traced else [values.get(key)]
            if len(found) > 1 or not _same(found[0], value):
                return f"{key} is {found[0] if len(found) == 1 else found}, the claim is of {value}"
    return ""


def _same(found, pinned) -> bool:
    return bool(np.isclose(found, pinned)) if isinstance(pinned, float) else found == pinned


def _measure(module: ModuleType, study: Study) -> dict[str, Measured | Unmeasured]:
    reason = unfit(study, module.PINNED)
    if not reason:
        try:
            return module.measure(study)
        except ValueError as error:  # such as a diverged member, or too few records
            reason = str(error)
    return dict.fromkeys(module.EXPECTED, Unmeasured(reason))


def _claims(module: ModuleType, found: Mapping, provenance: Mapping) -> list[Claim]:
    if set(found) != set(module.EXPECTED):
        wrong = sorted(set(found) ^ set(module.EXPECTED))
        raise KeyError(f"{module.__name__}: measured and expected claims differ in {wrong}")
    return [_claim(name, known, found[name], provenance) for name, known in module.EXPECTED.items()]


def _claim(
    name: str, known: Expected, measured: Measured | Unmeasured, provenance: Mapping
) -> Claim:
    if isinstance(measured, Unmeasured):
        measured = Measured(Interval(np.nan, np.nan, np.nan, 0, 0.95), measured.reason)
    interval = measured.interval
    return Claim(
        id=name,
        claim=known.claim,
        source=known.source,
        published=known.published,
        expected=known.range,
        measured=interval.value,
        # One seed has no interval; what is exact has no seeds and needs none.
        low=interval.low if interval.seeds != 1 else np.nan,
        high=interval.high if interval.seeds != 1 else np.nan,
        seeds=interval.seeds,
        control=known.control,
        detail=measured.detail,
        provenance=provenance,
    )
