"""The fits must recover what was planted, say so when they cannot, and refuse what is no curve."""

import functools
from pathlib import Path

import numpy as np
import pytest
import scipy
from scipy.optimize import approx_fprime, least_squares

from jaxlab.analysis import power_law
from jaxlab.analysis.power_law import Status, fit_exponential, fit_power_law, residual_ratio

# Its source is given in experiments/one_third/studies/published.py.
PYTHIA = np.genfromtxt(
    Path(__file__).parents[2] / "experiments" / "one_third" / "pythia_losses.csv",
    delimiter=",",
    names=True,
    deletechars="",
)


def planted(time, exponent, floor=0.0, noise=0.0, seed=0, amplitude=3.0):
    """A t^-a + L0 with relative noise, the same at all times."""
    rng = np.random.default_rng(seed)
    return (amplitude * time**-exponent + floor) * np.exp(noise * rng.normal(size=time.size))


@pytest.mark.parametrize("exponent", [1 / 3, 1 / 2, 1.0])
@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_recovers_noiseless_curves_exactly(exponent, floor):
    time = np.geomspace(2, 2e4, 40)
    fit = fit_power_law(time, planted(time, exponent, floor), floor=floor > 0)
    assert fit.status is Status.CONVERGED
    assert fit.at_bound == ""
    np.testing.assert_allclose(
        [fit.exponent, fit.amplitude, fit.floor], [exponent, 3.0, floor], rtol=1e-5
    )
    assert fit.r_squared == pytest.approx(1)
    np.testing.assert_allclose(fit.predict(time), planted(time, exponent, floor), rtol=1e-6)


@pytest.mark.parametrize("exponent", [1 / 3, 1 / 2, 1.0])
@pytest.mark.parametrize(("floor", "tolerance"), [(0.0, 0.006), (0.5, 0.03)])
@pytest.mark.parametrize("records", [30, 100])
def test_recovers_exponents_under_the_noise_of_real_curves(exponent, floor, tolerance, records):
    time = np.geomspace(1, 1e4, records)
    fits = [
        fit_power_law(time, planted(time, exponent, floor, 0.015, seed), floor=floor > 0)
        for seed in range(8)
    ]
    # Four of the fit's own standard errors for one draw, which hold here because the planted
    # noise is independent; and the mean of the draws within a fixed tolerance.
    assert all(abs(fit.exponent - exponent) < 4 * fit.exponent_stderr for fit in fits)
    assert np.mean([fit.exponent for fit in fits]) == pytest.approx(exponent, abs=tolerance)


@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_recovers_one_third_from_linearly_spaced_minibatch_losses(floor):
    """Relative noise grows as the loss falls, and most records are late."""
    time = np.arange(1.0, 2000, 4)
    exact = planted(time, 1 / 3, floor)
    rng = np.random.default_rng(0)
    exponents = [
        fit_power_law(
            time, exact * (1 + 0.04 * exact**-0.5 * rng.normal(size=time.size)), floor=floor > 0
        ).exponent
        for _ in range(20)
    ]
    assert np.mean(exponents) == pytest.approx(1 / 3, abs=0.02 if floor else 0.004)


@pytest.mark.parametrize("floor", [0.0, 0.6])
def test_standard_error_is_the_spread_over_draws_of_independent_noise(floor):
    time = np.geomspace(1, 1e3, 50)
    fits = [
        fit_power_law(time, planted(time, 0.4, floor, 0.003, seed), floor=floor > 0)
        for seed in range(150)
    ]
    spread = np.std([fit.exponent for fit in fits])
    assert np.mean([fit.exponent_stderr for fit in fits]) == pytest.approx(spread, rel=0.15)


def test_floor_is_not_tied_to_the_luckiest_record():
    time = np.geomspace(1, 1e4, 200)
    losses = [planted(time, 1.0, 1.0, 0.03, seed) for seed in range(10)]
    floors = [fit_power_law(time, loss, floor=True).floor for loss in losses]
    assert all(loss.min() < 0.96 for loss in losses)
    assert np.mean(floors) == pytest.approx(1.0, abs=0.005)


def test_units_change_the_amplitude_only():
    time = np.geomspace(1, 300, 40)
    loss = planted(time, 0.4, 0.3, 0.01)
    one, other = (fit_power_law(time * t, loss * k, floor=True) for t, k in [(1, 1), (1e-4, 1e3)])
    assert other.exponent == pytest.approx(one.exponent, rel=1e-6)
    assert other.floor == pytest.approx(1e3 * one.floor, rel=1e-6)
    assert other.amplitude == pytest.approx(1e3 * (1e-4) ** one.exponent * one.amplitude, rel=1e-5)


def test_finds_the_lower_of_two_valleys():
    """Ten records under heavy noise often leave two local minima; no other start may do better."""
    rng = np.random.default_rng(8)
    for _ in range(100):
        time = np.sort(np.exp(rng.uniform(0, 4, 10)))
        loss = (time**-1.5 + 1) * np.exp(0.2 * rng.normal(size=10))
        x, y = np.log(time / time[0]), np.log(loss)
        costs = [
            least_squares(
                lambda theta, x=x, y=y: power_law._residual(x, y, *theta),
                start,
                jac=lambda theta, x=x: power_law._jacobian(x, *theta),  # pyright: ignore
                bounds=([1e-3, 0], [10, 1]),
            ).cost
            for start in [(0.1, 0.1), (0.5, 0.5), (5, 0.8)]
        ]
        fit = fit_power_law(time, loss, floor=True)
        assert fit.sum_of_squares <= 2 * min(costs) * (1 + 1e-5)


def test_jacobian_agrees_with_finite_differences():
    x, y = np.linspace(0, 5, 7), np.linspace(1, 0, 7)
    theta = np.array([0.4, 0.2])
    numeric = approx_fprime(theta, lambda theta: power_law._residual(x, y, *theta), 1e-7)
    np.testing.assert_allclose(power_law._jacobian(x, *theta), numeric, atol=1e-6)


def test_floor_at_zero_is_reported_and_equals_the_fit_without():
    time = np.geomspace(1, 1e3, 50)
    loss = planted(time, 1 / 3) - 0.02  # a negative floor: the best allowed one is 0
    fit, line = fit_power_law(time, loss, floor=True), fit_power_law(time, loss)
    assert (fit.status, fit.at_bound, fit.floor) == (Status.AT_BOUND, "floor", 0.0)
    assert (fit.exponent, fit.exponent_stderr) == (line.exponent, line.exponent_stderr)
    assert line.status is Status.CONVERGED


def test_exponent_at_its_bound_is_reported_without_an_error_bar():
    time = np.geomspace(1, 10, 30)
    fit = fit_power_law(time, 1 + 0.5 * time**-14, floor=True)
    assert (fit.status, fit.at_bound) == (Status.AT_BOUND, "exponent")
    assert fit.exponent == power_law.EXPONENT_BOUNDS[1]
    assert np.isnan(fit.exponent_stderr)


def test_constant_loss_has_no_exponent():
    fit = fit_power_law(np.arange(1.0, 11), np.full(10, 2.0), floor=True)
    assert (fit.status, fit.at_bound) == (Status.AT_BOUND, "floor")
    assert fit.exponent == pytest.approx(0, abs=1e-12)
    assert np.isnan(fit.r_squared)


def test_an_optimiser_that_gives_up_is_reported(monkeypatch):
    one_step = functools.partial(scipy.optimize.least_squares, max_nfev=1)
    monkeypatch.setattr(scipy.optimize, "least_squares", one_step)
    time = np.geomspace(1, 1e3, 30)
    assert fit_power_law(time, planted(time, 0.4, 0.5, 0.02), floor=True).status is Status.FAILED


@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_residual_ratio_tells_a_wrong_exponent_from_the_right_one(floor):
    time = np.geomspace(1, 1e4, 60)
    loss = planted(time, 1 / 3, floor, 0.01)
    right = residual_ratio(time, loss, 1 / 3, floor=floor > 0)
    wrong = residual_ratio(time, loss, 1 / 2, floor=floor > 0)
    assert 1 <= right < 1.15
    assert wrong > 2

    fit = fit_power_law(time, loss, floor=floor > 0, exponent_fixed=0.5)
    residual = np.log(loss / fit.predict(time))
    assert fit.exponent == 0.5
    assert np.isnan(fit.exponent_stderr)
    assert fit.sum_of_squares == pytest.approx(residual @ residual)
    assert residual.mean() == pytest.approx(0, abs=1e-12)


def test_window_decides_which_records_count():
    time = np.geomspace(1, 1e4, 81)
    loss = np.where(time < 100, time**-0.5, 100 ** (-0.5 + 1 / 3) * time ** (-1 / 3))
    early, late = (
        fit_power_law(time, loss, window=(1, 99)),
        fit_power_law(time, loss, window=(100, np.inf)),
    )
    assert early.exponent == pytest.approx(1 / 2)
    assert late.exponent == pytest.approx(1 / 3)
    assert (early.points, late.points) == (40, 41)
    assert late.window == pytest.approx((100, 1e4))


def test_exponential_is_recovered_and_beats_both_power_laws():
    time = np.linspace(0.5, 300, 80)
    loss = 4 * np.exp(-0.0156 * time + 0.01 * np.random.default_rng(0).normal(size=80))
    fit = fit_exponential(time, loss)
    assert fit.rate == pytest.approx(0.0156, rel=0.01)
    assert abs(fit.rate - 0.0156) < 4 * fit.rate_stderr
    assert fit.amplitude == pytest.approx(4, rel=0.01)
    assert fit.r_squared > 0.999
    np.testing.assert_allclose(fit.predict(time), loss, rtol=0.05)
    for floor in (False, True):
        assert fit_power_law(time, loss, floor=floor).sum_of_squares > 50 * fit.sum_of_squares


def test_power_law_beats_the_exponential():
    time = np.geomspace(1, 1e3, 60)
    loss = planted(time, 1 / 3, noise=0.02)
    assert (
        fit_exponential(time, loss).sum_of_squares > 20 * fit_power_law(time, loss).sum_of_squares
    )


@pytest.mark.parametrize(
    ("model", "exponent", "floor", "against_steps"),
    [
        ("70M", 0.342, 3.52, 0.76),
        ("410M", 0.372, 2.78, 0.78),
        ("2.8B", 0.339, 2.35, 0.72),
        ("12B", 0.311, 2.07, 0.68),
    ],
)
def test_pythia_against_tau_and_against_steps(model, exponent, floor, against_steps):
    """Digitised losses, first two checkpoints dropped (70M: first and last two), as the paper does.

    Published against tau: 0.341, 0.367, 0.337, 0.307 (arXiv 2602.03685, figure 6).
    """
    part = slice(1, -2) if model == "70M" else slice(2, None)
    loss = PYTHIA[model][part]
    fit = fit_power_law(PYTHIA["tau"][part], loss, floor=True)
    assert fit.exponent == pytest.approx(exponent, abs=0.002)
    assert fit.floor == pytest.approx(floor, abs=0.01)
    assert fit.status is Status.CONVERGED
    steps = fit_power_law(PYTHIA["step"][part], loss, floor=True)
    assert steps.exponent == pytest.approx(against_steps, abs=0.015)
    assert 0.6 < steps.exponent < 0.8


GOOD = np.geomspace(1, 100, 20)


@pytest.mark.parametrize(
    ("time", "loss", "window", "message"),
    [
        (GOOD, np.where(np.arange(20) == 7, np.nan, 1.0), None, "loss is nan at record 7 of 20"),
        (GOOD, np.where(np.arange(20) == 7, np.inf, 1.0), (50, 100), "loss is inf at record 7"),
        (GOOD, np.where(np.arange(20) == 3, -1.0, 1.0), None, "loss is -1 at time"),
        (GOOD[:3], GOOD[:3], None, "at least 5 points, the curve has 3"),
        (GOOD[:3], GOOD[:3], (0, 10), "at least 5 points, the curve has 3"),
        (np.r_[GOOD, 5.0], np.ones(21), None, r"record 20 \(5\) follows 100"),
        (np.r_[1.0, 1, 2, 3, 4, 5], np.ones(6), None, r"record 1 \(1\) follows 1"),
        (GOOD, np.ones(19), None, "same length"),
        (GOOD, GOOD, (40, 60), "holds 1 of 20 records"),
        (GOOD, GOOD, (200, 300), "time runs from 1 to 100"),
        (GOOD, GOOD, (60, 40), "low < high"),
        (GOOD - 1, GOOD, None, "time is 0 at the first record"),
    ],
)
def test_bad_curves_get_one_clear_error(time, loss, window, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(time, loss, window=window)


def test_records_outside_the_window_may_have_no_logarithm():
    time = np.arange(0.0, 30)  # step 0 has τ = 0
    loss = 1 / np.maximum(time, 0.5)
    loss[-1] = -1e-9  # a KL divergence that rounding took below zero
    assert fit_power_law(time, loss, window=(1, 28)).exponent == pytest.approx(1)
