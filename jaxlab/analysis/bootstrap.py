"""Intervals for numbers of several members jointly: the members are resampled together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import Interval

MOST_EXACT = 8  # members of which all 6435 resamples are made


@dataclass(frozen=True)
class BootstrapInterval(Interval):
    """A number of all members jointly.

    Attributes:
      lost: the part of the resamples on which it has no finite value.
    """

    lost: float


class Resamples(NamedTuple):
    """How often each of S members is drawn in each of B resamples, and how probable those are."""

    count_BxS: NDArray[np.int64]
    probability_B: NDArray[np.float64]


def bootstrap_interval(
    statistic: Callable[[NDArray], float],
    members_S: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> BootstrapInterval:
    """An interval for a number that depends on several members jointly.

    Members are resampled whole, with replacement, so what is correlated within a member (the
    records of one curve, the two curves of a pair) stays together; see `resample` for which
    resamples, and `percentile_interval` for the ends.

    Args:
      statistic: maps resampled members, of the same shape as `members_S`, to one number.
      members_S: [S, ...] with the independent members on the leading axis.
      level: confidence level.
      resamples, seed: as in `resample`.

    Raises:
      ValueError: fewer than three members, or a statistic that is not finite too often.
    """
    members_S = np.asarray(members_S)
    count = members_S.shape[0] if members_S.ndim else 0
    drawn = resample(count, resamples=resamples, seed=seed)
    values_B = [statistic(np.repeat(members_S, own_S, axis=0)) for own_S in drawn.count_BxS]
    return percentile_interval(float(statistic(members_S)), values_B, drawn, level=level)


def resample(members: int, *, resamples: int = 2000, seed: int = 0) -> Resamples:
    """How often each of S members is in each of B bootstrap resamples.

    Up to eight members these are all the ways to draw S of them (462 ways for six), each with its
    multinomial probability: an exact bootstrap. The ends of an interval of six lie where 0.24 % of
    the resamples are beyond, which draws by the hundred would leave to chance.

    Args:
      members: S.
      resamples, seed: how many are drawn at random for more members, and from which seed.

    Raises:
      ValueError: fewer than three members.
    """
    if members < 3:
        raise NotMeasurable(f"a bootstrap needs at least three members, not {members}")
    if members > MOST_EXACT:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(members, np.full(members, 1 / members), size=resamples)
        return Resamples(drawn, np.full(resamples, 1 / resamples))
    ways = combinations_with_replacement(range(members), members)
    count_BxS = np.array([np.bincount(way, minlength=members) for way in ways])
    return Resamples(
        count_BxS, scipy.stats.multinomial(members, [1 / members] * members).pmf(count_BxS)
    )


def percentile_interval(
    value: float, values_B: ArrayLike, drawn: Resamples, *, level: float = 0.95
) -> BootstrapInterval:
    """The interval of a statistic from its values on bootstrap resamples.

    The ends are expanded percentiles (Hesterberg, arXiv 1411.5279): the plain percentile interval
    of five members is more than a third too narrow, for the resampled spread lacks a factor
    sqrt(S / (S - 1)) and the tails should be Student's; its level is raised by just that much.
    Resamples still cannot leave the range of the members: of normal means, 95 % intervals were
    measured to cover 77 % with three members, 92 % with five and 94 % with ten.

    Args:
      value: of the statistic on the members themselves.
      values_B: [B] on the resamples. What is ±inf lies beyond that end, and NaN beyond either: a
        few of them leave the ends where they are.
      drawn: the resamples.
      level: confidence level.

    Raises:
      ValueError: the value or an end is not finite.
    """
    values_B, (count_BxS, probability_B) = np.asarray(values_B, np.float64), drawn
    members = count_BxS.shape[1]
    spread = np.sqrt(members / (members - 1)) * scipy.stats.t.ppf((1 + level) / 2, members - 1)
    tail = scipy.stats.norm.cdf(-spread)
    low, high = (
        np.quantile(
            np.where(np.isnan(values_B), beyond, values_B),
            part,
            weights=probability_B,
            method="inverted_cdf",
        )
        for beyond, part in ((-np.inf, tail), (np.inf, 1 - tail))
    )
    lost = float(probability_B[~np.isfinite(values_B)].sum())
    if not all(map(math.isfinite, (value, low, high))):
        raise NotMeasurable(
            f"the statistic, {value:.4g} [{low:.4g}, {high:.4g}], is not finite on {lost:.1%} of "
            f"the resamples; at most {tail:.2%} may lie beyond an end"
        )
    return BootstrapInterval(value, float(low), float(high), members, level, lost)
