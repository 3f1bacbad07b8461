"""Local exponents must show where a power law bends, and not mistake noise or a floor for it."""

import csv
from pathlib import Path

import numpy as np
import pytest

from jaxlab.analysis.local_exponent import floor_free_exponent, local_exponents

MPL = Path(__file__).parents[1] / "data" / "mpl_100M_constant_24000.csv"
TIME = np.geomspace(1, 1e4, 161)


def test_a_power_law_has_the_same_exponent_everywhere():
    local = local_exponents(TIME, 3 * TIME ** (-1 / 3))
    np.testing.assert_allclose(local.exponent, np.full(8, 1 / 3))
    np.testing.assert_allclose(local.centre, 10 ** (np.arange(8) / 2 + 0.25))
    assert local.points.sum() == TIME.size


def test_a_bend_is_seen_where_it_is():
    loss = np.where(TIME < 100, TIME**-0.5, 100 ** (-0.5 + 1 / 3) * TIME ** (-1 / 3))
    local = local_exponents(TIME, loss, per_decade=1)
    np.testing.assert_allclose(local.exponent, [0.5, 0.5, 1 / 3, 1 / 3], rtol=0.02)


def test_an_exponential_has_an_exponent_that_grows_with_time():
    """-dlnL/dlnt of exp(-rt) is rt, so each half decade multiplies it by sqrt(10)."""
    time = np.geomspace(1, 1000, 400)
    local = local_exponents(time, 4 * np.exp(-0.01 * time))
    np.testing.assert_allclose(local.exponent[1:] / local.exponent[:-1], 10**0.5, rtol=0.02)


def test_the_part_above_a_floor_keeps_its_exponent_even_where_records_fall_below():
    rng = np.random.default_rng(0)
    time = np.geomspace(1, 1e4, 400)
    loss = (time**-0.5 + 1) * np.exp(0.01 * rng.normal(size=400))
    assert loss.min() < 1
    local = local_exponents(time, loss, floor=1.0)
    assert (np.abs(local.exponent - 0.5) < 4 * local.stderr).all()
    assert local.stderr[-1] > 20 * local.stderr[0]  # late, the noise is larger than the rest
    raw = local_exponents(time, loss)
    assert raw.exponent[-1] < 0.05


def test_a_window_has_no_exponent_without_records_or_below_the_floor():
    linear = np.arange(1.0, 1000)
    local = local_exponents(linear, linear**-0.5)
    assert local.points[0] == 3  # 1, 2, 3
    sparse = local_exponents(np.r_[1.0, 100:120], np.r_[1.0, 100:120] ** -0.5)
    assert np.isnan(sparse.exponent[:-1]).all()
    assert sparse.exponent[-1] == pytest.approx(0.5)
    assert np.isnan(local_exponents(TIME, TIME**-0.5 + 1, floor=1.05).exponent[-1])


def test_curves_with_slightly_different_clocks_are_cut_alike():
    one, other = (local_exponents(TIME * c, TIME**-0.5, window=(2, 5000)) for c in (1.0, 1.02))
    np.testing.assert_array_equal(one.centre, other.centre)


@pytest.mark.parametrize("exponent", [1 / 3, 1 / 2, 1.0])
@pytest.mark.parametrize("floor", [0.0, 0.2, 5.0])
def test_floor_free_exponent_knows_no_floor(exponent, floor):
    value, _ = floor_free_exponent(TIME, TIME**-exponent + floor)
    assert value == pytest.approx(exponent, rel=0.01)


def test_floor_free_exponent_agrees_with_its_own_error_under_noise():
    rng = np.random.default_rng(1)
    loss = (3 * TIME ** (-1 / 3) + 0.5) * np.exp(0.005 * rng.normal(size=TIME.size))
    value, error = floor_free_exponent(TIME, loss)
    assert error < 0.1
    assert abs(value - 1 / 3) < 3 * error


def test_floor_free_exponent_is_a_second_opinion_on_a_real_curve():
    """100M parameters, constant learning rate: the fit with a floor gives 0.448."""
    with open(MPL, newline="") as file:
        rows = [(float(row["tau"]), float(row["loss"])) for row in csv.DictReader(file)]
    value, _ = floor_free_exponent(*np.transpose(rows))
    assert value == pytest.approx(0.45, abs=0.01)


def test_floor_free_exponent_is_not_measurable_where_the_loss_does_not_fall():
    loss = TIME**-0.5 + np.where(TIME > 3000, 0.5 * np.log(TIME / 3000), 0)
    assert np.isnan(floor_free_exponent(TIME, loss)).all()
    assert np.isnan(floor_free_exponent(TIME[:40], TIME[:40] ** -0.5)).all()  # two windows
