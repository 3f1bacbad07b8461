"""The laws and the aligned flow, against numbers of arXiv 2602.03685 and against real gradients."""

import numpy as np
import pytest

from jaxlab.analysis.statics import (
    beta_grid,
    gaussian_statics,
    sampled_statics,
    teacher_logits,
)
from jaxlab.analysis.theory import (
    aligned_flow,
    c0,
    c2,
    entropy_beta,
    exponential_rate,
    finite_temperature_exponent,
    margin_exponents,
    margin_flow,
    one_third_regime,
)


def log_slope(x: np.ndarray, y: np.ndarray) -> float:
    return np.polyfit(np.log(x), np.log(y), 1)[0]


@pytest.fixture(scope="module")
def statics128():
    return gaussian_statics(128, beta_grid(1000.0))


def test_constants():
    """The densities of 10, 128 and 32 000 Gaussian classes times pi^2 / 12."""
    assert [c2(10), c2(128), c2(32000)] == pytest.approx([1.266, 2.134, 3.396], abs=6e-4)
    assert [c0(128), c0(32000)] == pytest.approx([3.115, 4.555], abs=6e-4)
    assert exponential_rate(128) == 0.015625
    low, high = one_third_regime(128, beta_star=577.0)
    assert low == pytest.approx(6.23, abs=0.01)
    assert high == pytest.approx(28.85)


def test_flow_on_hard_labels(statics128):
    tau_T = np.geomspace(1e4, 1e6, 21)
    beta_T, loss_T = aligned_flow(tau_T, statics128)
    _, force_T = statics128.at(beta_T)
    assert log_slope(tau_T, loss_T) == pytest.approx(-0.337, abs=0.01)
    assert log_slope(tau_T, beta_T) == pytest.approx(0.317, abs=0.01)
    assert log_slope(tau_T, force_T) == pytest.approx(-0.673, abs=0.01)


# Exponents of the loss by decade of tau, from an earlier solution of the flow of 128 classes whose
# statics were sampled with 82 000 inputs: good to about 0.005.
@pytest.mark.parametrize(
    ("beta_star", "first_decade", "exponents"),
    [
        (np.inf, 2, [0.522, 0.376, 0.340, 0.334, 0.332]),
        (577.0, 3, [0.383, 0.354, 0.366, 0.402]),
        (80.2, 3, [0.428, 0.455, 0.622]),
        (29.9, 3, [0.534, 0.738]),
        (11.1, 3, [0.981]),
    ],
)
def test_flow_by_decade(statics128, beta_star, first_decade, exponents):
    tau_T = np.logspace(first_decade, first_decade + len(exponents), 20 * len(exponents) + 1)
    _, loss_T = aligned_flow(tau_T, statics128, beta_star)
    decades = [slice(20 * d, 20 * d + 21) for d in range(len(exponents))]
    measured = [-log_slope(tau_T[decade], loss_T[decade]) for decade in decades]
    assert measured == pytest.approx(exponents, abs=0.015)


def test_flow_reaches_the_cube_root_law(statics128):
    tau_T = np.array([1e9])
    beta_T, loss_T = aligned_flow(tau_T, statics128, c_eff=2.0)
    assert beta_T[0] == pytest.approx((3 * c2(128) * 2.0 * 1e9 / 128) ** (1 / 3), rel=0.01)
    assert loss_T[0] == pytest.approx(c2(128) / beta_T[0], rel=0.01)


def test_flow_composes_and_its_clock_scales(statics128):
    tau_T = np.array([0.0, 1e2, 1e4])
    beta_T, loss_T = aligned_flow(tau_T, statics128, beta_star=80.0)
    assert beta_T[0] == 0
    resumed_T, _ = aligned_flow(tau_T[2:] - 1e2, statics128, beta_star=80.0, beta0=beta_T[1])
    assert resumed_T[-1] == pytest.approx(beta_T[-1], rel=1e-6)
    _, faster_T = aligned_flow(tau_T / 5, statics128, beta_star=80.0, c_eff=5.0)
    np.testing.assert_allclose(faster_T, loss_T, rtol=1e-6)


def test_finite_temperature_exponent():
    """A teacher so sharp that only u = beta / beta_star matters."""
    beta_star = 1e4
    statics = gaussian_statics(128, beta_grid(beta_star))
    tau_T = np.geomspace(1e8, 1e14, 1201)
    beta_T, loss_T = aligned_flow(tau_T, statics, beta_star)
    exponent_T = -np.gradient(np.log(loss_T), np.log(tau_T))
    for u, tolerance in [(0.02, 0.001), (0.05, 0.002), (0.1, 0.005)]:
        measured = np.interp(u, beta_T / beta_star, exponent_T)
        assert measured == pytest.approx(finite_temperature_exponent(u), rel=tolerance)
    for u in (0.1, 0.3, 0.5, 0.7):  # further on, the form that the docstring gives
        measured = np.interp(u, beta_T / beta_star, exponent_T)
        assert measured == pytest.approx((1 + u) ** 2 * (np.arctanh(u) - u) / u**3, rel=1e-3)
    assert finite_temperature_exponent(0.0) == pytest.approx(1 / 3)


@pytest.mark.parametrize("beta_star", [0.05, 0.577])
def test_flat_target_is_learnt_exponentially(beta_star):
    tau_T = np.linspace(0, 600, 31)
    _, loss_T = aligned_flow(tau_T, gaussian_statics(128, beta_grid(beta_star)), beta_star)
    rate, _ = -np.polyfit(tau_T, np.log(loss_T), 1)
    assert rate == pytest.approx(exponential_rate(128), rel=0.03)
    assert np.corrcoef(tau_T, np.log(loss_T))[0, 1] ** 2 > 0.9999


def test_flow_is_gradient_descent_of_a_teacher_that_symmetry_keeps_aligned():
    """Five classes at the corners of a pentagon, inputs all around: W can only grow."""
    corner_N, angle_S = np.arange(5) * 2 * np.pi / 5, (np.arange(400) + 0.5) * 2 * np.pi / 400
    teacher_NxM = np.stack([np.cos(corner_N), np.sin(corner_N)], axis=1)
    x_SxM = np.sqrt(2) * np.stack([np.cos(angle_S), np.sin(angle_S)], axis=1)
    label_SxN = np.eye(5)[np.argmax(x_SxM @ teacher_NxM.T, axis=1)]
    student_NxM, rate, tau_T, beta_T = np.zeros((5, 2)), 0.02, [], []
    for step in range(1, 5001):
        p_SxN = np.exp(x_SxM @ student_NxM.T)
        p_SxN /= p_SxN.sum(axis=1, keepdims=True)
        student_NxM += rate * (label_SxN - p_SxN).T @ x_SxM / len(x_SxM)
        if step % 1000 == 0:
            tau_T.append(rate * step)
            beta_T.append(np.linalg.norm(student_NxM) / np.sqrt(5))
    assert np.vdot(student_NxM, teacher_NxM) == pytest.approx(
        np.linalg.norm(student_NxM) * np.linalg.norm(teacher_NxM)
    )
    statics = sampled_statics(x_SxM @ teacher_NxM.T, beta_grid(20.0))
    flow_T, _ = aligned_flow(np.array(tau_T), statics)
    np.testing.assert_allclose(flow_T, beta_T, rtol=2e-3)


def test_flow_of_one_given_teacher_is_near_the_gaussian_flow(statics128):
    """32 dimensions correlate the logits of 128 classes: a few per cent in the loss, no more."""
    rng = np.random.default_rng(0)
    weights_NxM = rng.uniform(-1, 1, (128, 32)) / np.sqrt(32)
    sampled = sampled_statics(teacher_logits(rng, weights_NxM, 10_000), beta_grid(40.0, points=33))
    tau_T = np.geomspace(1e2, 2e5, 8)
    _, loss_T = aligned_flow(tau_T, sampled)
    _, gaussian_T = aligned_flow(tau_T, statics128)
    np.testing.assert_allclose(loss_T, gaussian_T, rtol=0.1)


@pytest.mark.parametrize(
    ("nu", "loss", "scale"), [(0, 1 / 3, 1 / 3), (1, 1 / 2, 1 / 4), (2, 0.6, 0.2)]
)
def test_margins_with_a_power_law(nu, loss, scale):
    assert margin_exponents(nu) == pytest.approx((loss, scale))
    tau_T = np.geomspace(1e9, 1e12, 7)
    beta_T, loss_T, force_T = margin_flow(tau_T, nu, c=3.0)
    assert -log_slope(tau_T, loss_T) == pytest.approx(loss, abs=0.002)
    assert log_slope(tau_T, beta_T) == pytest.approx(scale, abs=0.001)
    assert -log_slope(tau_T, force_T) == pytest.approx(loss + scale, abs=0.002)
    # The amplitude too: L = (nu+1)! eta(nu+2) / beta^(nu+1), eta being Dirichlet's.
    constant = {0: np.pi**2 / 12, 1: 2 * 0.9015426773696957, 2: 6 * 7 * np.pi**4 / 720}[nu]
    assert loss_T[-1] * beta_T[-1] ** (nu + 1) == pytest.approx(constant, rel=1e-3)
    np.testing.assert_allclose(beta_T, margin_flow(3 * tau_T, nu)[0], rtol=1e-6)


def test_margins_with_a_gap():
    """The classical separable problem: L ~ 1/tau, beta ~ ln tau (arXiv 1710.10345)."""
    tau_T = np.geomspace(1e10, 1e12, 9)
    beta_T, loss_T, _ = margin_flow(tau_T, gap=0.25)
    assert -log_slope(tau_T, loss_T) == pytest.approx(1.0, abs=0.07)
    assert log_slope(tau_T, beta_T) < 0.06
    early_T = np.geomspace(1, 1e3, 9)
    assert -log_slope(early_T, margin_flow(early_T, gap=0.25)[1]) < 0.8


def test_margin_flow_starts_as_the_gradient_says():
    """At beta = 0 the loss is ln 2 and the force half the mean margin."""
    beta_T, loss_T, force_T = margin_flow(np.array([0.0, 1e-3]), nu=1, gap=0.5)
    mean_margin = 0.5 + 2 / 3
    assert (loss_T[0], force_T[0]) == pytest.approx((np.log(2), mean_margin / 2))
    assert beta_T[1] == pytest.approx(1e-3 * mean_margin / 2, rel=1e-3)


def test_entropy_beta():
    """Fig. 6 has 6.868 for 1.69 nats, the middle of a coarse grid, from 1024 rows of logits.

    Rows have an entropy of 0.9 +- nats each, so 1024 of them leave 0.07 in beta; 10 240 rows gave
    1.697 +- 0.009 nats at the beta found here.
    """
    beta = entropy_beta(32000, 1.69)
    assert beta == pytest.approx(6.773, abs=0.002)
    assert abs(beta - 6.868) < 2 * 0.07
    assert entropy_beta(128, 3.0) < entropy_beta(128, 2.0)


def test_bad_input_is_refused(statics128):
    with pytest.raises(ValueError, match="tau must rise strictly"):
        aligned_flow(np.array([2.0, 1.0]), statics128)
    with pytest.raises(ValueError, match="beyond beta_star"):
        aligned_flow(np.array([1.0]), statics128, beta_star=2.0, beta0=3.0)
    with pytest.raises(ValueError, match="asked of a table from 0 to 5: widen"):
        aligned_flow(np.array([1e6]), gaussian_statics(128, beta_grid(5.0)))
    with pytest.raises(ValueError, match=r"u = beta/beta_star must lie in \[0, 1\)"):
        finite_temperature_exponent(1.0)
    with pytest.raises(ValueError, match="nu > -1"):
        margin_exponents(-1)
    with pytest.raises(ValueError, match="cannot be negative"):
        margin_flow(np.array([1.0]), gap=-0.1)
    with pytest.raises(ValueError, match="tau must rise strictly"):
        margin_flow(np.array([2.0, 1.0]))
    with pytest.raises(ValueError, match="entropy must lie in"):
        entropy_beta(128, 5.0)
