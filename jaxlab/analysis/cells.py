"""The cells of a study at the end of training: members that differ in their seeds alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxlab import config as configs
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study

if TYPE_CHECKING:
    import xarray as xr


def final_metrics(study: Study, *keys: str) -> xr.Dataset:
    """Returns the metrics of every member at its last record.

    Args:
      study: may hold runs of different lengths.
      keys: values of the config that become coordinates of `member`, swept or not.

    Raises:
      NotMeasurable: a member that diverged.
    """
    import xarray as xr

    data = study.data
    if diverged := int((data["diverged_step"] >= 0).any("step").sum()):
        raise NotMeasurable(f"{diverged} of {data.sizes['member']} members diverged")
    recorded_MxR = np.isfinite(data["eval_loss"].values)
    last_M = recorded_MxR.shape[1] - 1 - np.argmax(recorded_MxR[:, ::-1], axis=1)
    found = data.isel(step=xr.DataArray(last_M, dims="member"))
    return with_values(found, study, *keys)


def with_values(data: xr.Dataset, study: Study, *keys: str) -> xr.Dataset:
    """Returns the members of a study with values of the config as coordinates, swept or not."""
    known = dict(configs.leaves(study.config))
    missing = [key for key in keys if key not in data.coords]
    count = data.sizes["member"]
    return data.assign_coords({key: ("member", [known[key]] * count) for key in missing})


def select(data: xr.Dataset, values: Mapping[str, object]) -> xr.Dataset:
    """Returns the members with these values, in the order of their seeds; there may be none."""
    chosen_M = np.ones(data.sizes["member"], bool)
    for key, value in values.items():
        found_M = data[key].values
        chosen_M &= (
            np.isclose(found_M, value, rtol=1e-6, atol=0)
            if isinstance(value, float)
            else found_M == value
        )
    return data.isel(member=chosen_M).sortby("seed")


def levels(data: xr.Dataset, key: str) -> list:
    """Returns the values of a coordinate in ascending order."""
    return np.unique(data[key].values).tolist()


def cell(data: xr.Dataset, values: Mapping[str, object]) -> xr.Dataset:
    """Returns the members of a cell, one per seed, in the order of their seeds.

    Raises:
      NotMeasurable: none, or several of one seed.
    """
    found = select(data, values)
    seeds = found["seed"].values
    if not seeds.size or np.unique(seeds).size < seeds.size:
        raise NotMeasurable(
            f"the study has {seeds.size} members with {dict(values)}, not one a seed"
        )
    return found


def range_over_seeds(values_S: ArrayLike) -> Interval:
    """Returns the mean over seeds, between the least and the greatest of them.

    For whole numbers, such as a depth: a claim that holds of this range holds of every seed.
    """
    values_S = np.asarray(values_S, np.float64)
    ends = float(values_S.min()), float(values_S.max())
    return Interval(float(values_S.mean()), *ends, values_S.size, 1.0)


def exactly(value: float) -> Interval:
    """Returns a value that hangs on no seed, such as a count of parameters."""
    return Interval(value, value, value, 0, 1.0)


def lowest(intervals: Iterable[Interval]) -> Interval:
    """Returns the least of several values, with the lowest of all ends.

    Against a range that is open above, the claim that all lie in it holds if every interval does,
    and fails if one lies wholly below it.
    """
    found = list(intervals)
    least = min(found, key=lambda part: part.value)
    low, high = min(part.low for part in found), min(part.high for part in found)
    return Interval(least.value, low, high, least.seeds, least.level)


def highest(intervals: Iterable[Interval]) -> Interval:
    """Returns the greatest of several values, with the highest of all ends; see `lowest`."""
    found = list(intervals)
    most = max(found, key=lambda part: part.value)
    low, high = max(part.low for part in found), max(part.high for part in found)
    return Interval(most.value, low, high, most.seeds, most.level)


def distance(interval: Interval, point: float = 0.0) -> Interval:
    """Returns how far a value is from a point, on either side."""
    ends = abs(interval.low - point), abs(interval.high - point)
    low = 0.0 if interval.low <= point <= interval.high else min(ends)
    return Interval(abs(interval.value - point), low, max(ends), interval.seeds, interval.level)
