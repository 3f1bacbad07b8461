"""Intervals must cover what they say they cover: seeds at the stated rate, and windows."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from jaxlab.analysis.interval import (
    exponent_interval,
    student_interval,
    window_family,
)
from jaxlab.analysis.power_law import fit_power_law

MPL = Path(__file__).parents[1] / "data" / "mpl_100M_constant_24000.csv"
TIME = np.geomspace(4, 162, 40)


def draw_seeds(seeds, rng, floor=0.0, noise=0.02):
    """Seeds differ in their true exponent (0.01) and in the noise of their records."""
    exponent_Sx1 = 1 / 3 + 0.01 * rng.normal(size=(seeds, 1))
    return (2 * TIME**-exponent_Sx1 + floor) * np.exp(noise * rng.normal(size=(seeds, TIME.size)))


def covers(interval, truth):
    return interval.low <= truth <= interval.high


def test_student_interval_is_the_textbook_one():
    values = np.array([0.335, 0.341, 0.337, 0.336, 0.339])
    interval = student_interval(values, level=0.9)
    expected = stats.t.interval(0.9, 4, loc=values.mean(), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert (interval.value, interval.seeds, interval.level) == (pytest.approx(0.3376), 5, 0.9)


def test_one_seed_has_unknown_ends_rather_than_none():
    interval = student_interval([0.3])
    assert interval.value == 0.3
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize("values", [[], [0.3, np.nan], [[0.3, 0.4]]])
def test_student_interval_refuses_what_has_no_mean(values):
    with pytest.raises(ValueError, match=r"an interval needs (a vector of|finite) numbers"):
        student_interval(values)


def test_seed_interval_covers_at_its_level_and_the_whole_more_often():
    rng = np.random.default_rng(0)
    draws = 300
    intervals = [exponent_interval(TIME, draw_seeds(5, rng)) for _ in range(draws)]
    seed_hits = sum(i.seed_low <= 1 / 3 <= i.seed_high for i in intervals)
    # A rate of 95 % gives a count in this range in all but one of a thousand repetitions.
    low, high = stats.binom.interval(0.999, draws, 0.95)
    assert low <= seed_hits <= high
    assert sum(covers(i, 1 / 3) for i in intervals) >= seed_hits


def test_seed_interval_covers_with_a_floor_too():
    rng = np.random.default_rng(0)
    draws = 60
    hits = 0
    for _ in range(draws):
        losses = draw_seeds(5, rng, floor=0.3, noise=0.002)
        exponents = [fit_power_law(TIME, loss, floor=True).exponent for loss in losses]
        hits += covers(student_interval(exponents), 1 / 3)
    low, high = stats.binom.interval(0.999, draws, 0.95)
    assert low <= hits <= high


def test_family_starts_with_the_reference_and_keeps_half_of_the_log_range():
    family = window_family(4, 1024)
    assert family[0] == (4, 1024)
    assert family[2] == pytest.approx((64, 1024))
    for low, high in family:
        assert 4 <= low < high <= 1024
        assert high / low >= 16 * (1 - 1e-12)


def test_interval_is_the_envelope_of_its_parts():
    interval = exponent_interval(TIME, draw_seeds(4, np.random.default_rng(1)))
    assert interval.low == min(part.mean.low for part in interval.windows)
    assert interval.high == max(part.mean.high for part in interval.windows)
    assert interval.low <= interval.seed_low < interval.value < interval.seed_high <= interval.high
    assert interval.low <= interval.window_low <= interval.value
    assert interval.value <= interval.window_high <= interval.high
    assert (interval.seeds, len(interval.windows), interval.left_out) == (4, 6, ())
    for part in interval.windows:
        assert part.mean == student_interval(part.exponents)


def test_interval_covers_a_drift_that_seeds_agree_on():
    """All seeds bend from 1/2 to 1/3 alike: their interval is narrow, the windows' is not."""
    rng = np.random.default_rng(2)
    bent = np.where(TIME < 25, (TIME / 25) ** -0.5, (TIME / 25) ** (-1 / 3))
    interval = exponent_interval(TIME, bent * np.exp(0.002 * rng.normal(size=(5, TIME.size))))
    assert interval.seed_high - interval.seed_low < 0.01
    assert covers(interval, 1 / 3)
    assert covers(interval, 1 / 2)
    assert interval.window_high - interval.window_low > 0.15


def test_windows_move_a_real_exponent_far_more_than_least_squares_admits():
    with open(MPL, newline="") as file:
        rows = [(float(row["tau"]), float(row["loss"])) for row in csv.DictReader(file)]
    time, loss = np.transpose(rows)
    interval = exponent_interval(time, loss, floor=True)
    fit = fit_power_law(time, loss, floor=True)
    assert interval.value == fit.exponent == pytest.approx(0.448, abs=0.002)
    assert interval.high - interval.low > 20 * fit.exponent_stderr


def test_one_seed_covers_windows_only():
    interval = exponent_interval(TIME, draw_seeds(1, np.random.default_rng(3)))
    assert interval.seeds == 1
    assert np.isnan([interval.seed_low, interval.seed_high]).all()
    assert (interval.low, interval.high) == (interval.window_low, interval.window_high)


def test_every_seed_may_have_its_own_clock():
    """Learning rates differ between the rows, so τ does too; windows are those all rows share."""
    time_SxR = np.array([[1.0], [1.1], [1.2]]) * TIME
    interval = exponent_interval(time_SxR, time_SxR**-0.5, window=(5, np.inf))
    assert interval.value == pytest.approx(0.5)
    low, high = interval.windows[0].window
    assert low >= 5
    assert high == TIME[-1]


def test_a_diverged_seed_is_named_and_not_dropped():
    loss_SxR = draw_seeds(4, np.random.default_rng(4))
    loss_SxR[2, 30:] = np.nan
    with pytest.raises(ValueError, match="seed 2: loss is nan at record 30 of 40"):
        exponent_interval(TIME, loss_SxR, window=(4, 20))


def test_windows_without_records_are_listed_and_never_all():
    linear = np.linspace(1, 100, 40)
    interval = exponent_interval(linear, linear**-0.5)
    assert interval.left_out == (pytest.approx((1, 10)),)  # the early half holds four records
    with pytest.raises(ValueError, match="too few records to move the window"):
        exponent_interval([1.0, 20, 25, 30, 100], np.ones(5))


def test_fits_at_a_bound_are_counted():
    losses = draw_seeds(3, np.random.default_rng(5)) - 0.1  # a negative floor
    assert exponent_interval(TIME, losses, floor=True).suspect_fits > 9
    assert exponent_interval(TIME, losses).suspect_fits == 0


def test_shapes_must_fit():
    with pytest.raises(ValueError, match="does not fit loss of shapes"):
        exponent_interval(TIME, np.ones((2, 30)))
    with pytest.raises(ValueError, match="share no window"):
        exponent_interval([TIME, TIME * 1e3], np.ones((2, 40)))
