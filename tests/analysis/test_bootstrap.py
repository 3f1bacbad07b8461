"""Bootstrap intervals: as wide as Student's, exact for few members, honest where values lack."""

import numpy as np
import pytest
from scipy import stats

from jaxlab.analysis.bootstrap import bootstrap_interval, percentile_interval, resample
from jaxlab.analysis.interval import student_interval


@pytest.mark.parametrize("members", [6, 12])
def test_bootstrap_of_a_mean_is_as_wide_as_the_student_interval(members):
    """The plain percentile interval is 31 % too narrow for six members, 15 % for twelve."""
    values = stats.norm.ppf((np.arange(members) + 0.5) / members)
    bootstrap, student = bootstrap_interval(np.mean, values), student_interval(values)
    assert bootstrap.value == pytest.approx(student.value)
    assert bootstrap.high - bootstrap.low == pytest.approx(student.high - student.low, rel=0.1)


def test_bootstrap_keeps_what_belongs_to_one_member_together():
    """Two curves of a pair share their noise: their ratio is certain, their means are not."""
    rng = np.random.default_rng(7)
    scale_Sx1 = np.exp(rng.normal(size=(8, 1)))
    pairs_Sx2 = scale_Sx1 * np.array([[2.0, 1.0]])
    ratio = bootstrap_interval(
        lambda members: members[:, 0].mean() / members[:, 1].mean(), pairs_Sx2
    )
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))
    mean = bootstrap_interval(lambda members: members[:, 0].mean(), pairs_Sx2)
    assert mean.high > 1.5 * mean.low
    assert mean == bootstrap_interval(lambda members: members[:, 0].mean(), pairs_Sx2)
    assert mean.seeds == 8


def test_bootstrap_refuses_too_few_members_and_broken_statistics():
    with pytest.raises(ValueError, match="at least three members, not 2"):
        bootstrap_interval(np.mean, [1.0, 2.0])
    # A slope over members has no value where one member was drawn three times.
    with pytest.raises(ValueError, match=r"not finite on 11\.1% of the resamples"):
        bootstrap_interval(lambda m: 0.0 if np.ptp(m) else np.nan, [1.0, 2.0, 3.0])


def test_few_members_are_resampled_in_every_way():
    drawn = resample(6)
    assert len(drawn.count_BxS) == 462
    assert len(np.unique(drawn.count_BxS, axis=0)) == 462
    assert (drawn.count_BxS.sum(axis=1) == 6).all()
    assert drawn.probability_B.sum() == pytest.approx(1)
    all_of_one = drawn.probability_B[drawn.count_BxS.max(axis=1) == 6]
    assert all_of_one == pytest.approx([6.0**-6] * 6)
    members = np.array([0.0, 1, 2, 5, 7, 9])
    exact = bootstrap_interval(np.mean, members)
    assert exact == bootstrap_interval(np.mean, members, seed=1)  # no draw is left to chance
    index_BxS = np.random.default_rng(0).integers(6, size=(100_000, 6))
    tail = stats.norm.cdf(-np.sqrt(6 / 5) * stats.t.ppf(0.975, 5))
    ends = np.quantile(members[index_BxS].mean(axis=1), [tail, 1 - tail])
    assert (exact.low, exact.high) == pytest.approx(tuple(ends), abs=0.1)


def test_resamples_without_a_value_lie_beyond_the_ends():
    drawn, members = resample(6), np.exp(np.linspace(0, 2, 6))
    mean_B = drawn.count_BxS @ members / 6
    plain = percentile_interval(2.5, mean_B, drawn)
    assert plain.lost == 0
    few = percentile_interval(2.5, np.where(mean_B == mean_B.max(), np.inf, mean_B), drawn)
    assert (few.low, few.high) == (plain.low, plain.high)
    assert few.lost == pytest.approx(6.0**-6)
    # NaN may lie on either side: the interval widens on both.
    some = percentile_interval(2.5, np.where(drawn.count_BxS[:, 2] == 5, np.nan, mean_B), drawn)
    assert some.low < plain.low
    assert some.high > plain.high
    with pytest.raises(ValueError, match=r"2.5 \[\d.\d+, inf\], is not finite on"):
        percentile_interval(2.5, np.where(mean_B > 5, np.inf, mean_B), drawn)
