"""Claims before and after their measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxlab import config as configs
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study


@dataclass(frozen=True)
class Expected:
    """A claim before its measurement; see `jaxlab.report.claims.Claim`.

    Attributes:
      claim: the sentence.
      source: where it is published.
      published: the published value, None where the source gives no number.
      range: (low, high), stated beforehand.
      control: whether it is of a thing that must not obey the law.
      in_overview: whether its value stands on the one axis of the overview.
      group: the heading under which it stands there, a key of the experiment's headings.
      short: its name there; without one, its id.
    """

    claim: str
    source: str
    published: float | None
    range: tuple[float, float]
    control: bool = False
    in_overview: bool = False
    group: str = "law"
    short: str = ""


@dataclass(frozen=True)
class Measured:
    """What a study says of a claim: a value with its interval, and a remark for the reader."""

    interval: Interval
    detail: str = ""


@dataclass(frozen=True)
class Unmeasured:
    """Why a study that can answer other claims cannot answer this one."""

    reason: str


@dataclass(frozen=True)
class AtLeast:
    """The least value that claims speak of, such as the steps of their smallest size."""

    value: float


def unfit(study: Study, pinned: Mapping[str, object]) -> str:
    """Returns why a study cannot answer claims that speak of these values, or "" if it can.

    pinned: the value of each key, the same in all runs, or `AtLeast` of them.
    """
    for run in study.runs:
        if run.done is None:
            return f"{run.folder.name} is not finished"
        values = dict(configs.leaves(run.config))
        for key, value in pinned.items():
            traced = key in study.data.coords
            found = np.unique(study.data[key].values).tolist() if traced else [values.get(key)]
            if isinstance(value, AtLeast):
                least = float(np.min(np.array(found, float)))
                if least < value.value:
                    return f"{key} is {least:g}, the claim is of {value.value:g} or more"
                continue
            if len(found) > 1 or not _same(found[0], value):
                return f"{key} is {found[0] if len(found) == 1 else found}, the claim is of {value}"
    return ""


def _same(found, pinned) -> bool:
    return bool(np.isclose(found, pinned)) if isinstance(pinned, float) else found == pinned
