"""The static loss against closed forms, sampling, and the published slopes of arXiv 2602.03685."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_softmax, ndtr
from scipy.stats import norm

from jaxlab.analysis.statics import (
    Statics,
    beta_grid,
    gap_density_at_zero,
    gaussian_entropy,
    gaussian_statics,
    gaussian_teacher_logits,
    sampled_statics,
    teacher_logits,
)


def log_slope(x: np.ndarray, y: np.ndarray) -> float:
    return np.polyfit(np.log(x), np.log(y), 1)[0]


@pytest.mark.parametrize(("classes", "density"), [(10, 1.539), (128, 2.595), (32000, 4.129)])
def test_gap_density(classes, density):
    assert gap_density_at_zero(classes) == pytest.approx(density, abs=6e-4)
    mean_max, _ = quad(lambda z: classes * z * norm.pdf(z) * ndtr(z) ** (classes - 1), -9, 9)
    assert gap_density_at_zero(classes) == pytest.approx(mean_max, rel=1e-7)


@pytest.mark.parametrize("beta", [0.0, 0.4, 0.999, 1.0, 3.0, 40.0])
def test_two_gaussian_classes_have_a_closed_form(beta):
    """The gap of two unit Gaussians is a half-normal of variance 2."""

    def mean(function):
        return quad(lambda d: function(d) * norm.pdf(d, scale=np.sqrt(2)) * 2, 0, 15, limit=200)[0]

    statics = gaussian_statics(2, np.array([beta, 50.0]))
    assert statics.loss[0] == pytest.approx(mean(lambda d: np.log1p(np.exp(-beta * d))), rel=1e-9)
    assert statics.force[0] == pytest.approx(mean(lambda d: d / (1 + np.exp(beta * d))), rel=1e-9)


def test_sampling_agrees_with_quadrature():
    """Sixteen batches tell the sampling error, which the difference must not pass four-fold."""
    rng = np.random.default_rng(0)
    beta_B = np.array([0.5, 2.0, 8.0, 32.0])
    batches = [sampled_statics(rng.standard_normal((2048, 128)), beta_B) for _ in range(16)]
    exact = gaussian_statics(128, beta_B)
    for name in ("loss", "force"):
        values = np.array([getattr(batch, name) for batch in batches])
        error_B = values.std(axis=0, ddof=1) / np.sqrt(len(batches))
        assert np.all(error_B / getattr(exact, name) < 0.02)
        assert np.all(np.abs(values.mean(axis=0) - getattr(exact, name)) < 4 * error_B)


def test_low_temperature_law():
    """Loss c2/beta and force c2/beta^2, each with a correction of order 1/beta."""
    c2 = np.pi**2 / 12 * 2.594597
    statics = gaussian_statics(128, np.array([500.0, 1000.0]))
    excess_B = statics.loss * statics.beta / c2 - 1
    assert excess_B[1] == pytest.approx(excess_B[0] / 2, rel=0.02)
    assert excess_B[1] < 0.002
    assert statics.force[1] * 1e6 == pytest.approx(c2, rel=0.003)


def test_finite_temperature_loss_is_the_kl_divergence():
    logits_SxN = np.random.default_rng(1).standard_normal((500, 20))
    statics = sampled_statics(logits_SxN, np.array([0.0, 2.0, 9.0, 30.0]))
    log_q_SxN, log_p_SxN = log_softmax(9.0 * logits_SxN, 1), log_softmax(2.0 * logits_SxN, 1)
    loss, force = statics.at(2.0, beta_star=9.0)
    q_SxN, p_SxN = np.exp(log_q_SxN), np.exp(log_p_SxN)
    assert loss == pytest.approx(np.sum(q_SxN * (log_q_SxN - log_p_SxN)) / 500, rel=1e-10)
    assert force == pytest.approx(np.sum((q_SxN - p_SxN) * logits_SxN) / 500, rel=1e-10)


def test_table_is_smooth_between_its_nodes():
    table = gaussian_statics(128, beta_grid(1000.0))
    beta_B = np.geomspace(0.01, 900, 41)
    exact = gaussian_statics(128, beta_B)
    loss_B, force_B = table.at(beta_B)
    np.testing.assert_allclose(loss_B, exact.loss, rtol=1e-6)
    np.testing.assert_allclose(force_B, exact.force, rtol=1e-5)


# Fig. 3 as published in the notebook of the paper's code: beta_star = 100 and its fit windows,
# force slope -2.261 +- 0.010 and loss slope -1.151 +- 0.041.
FIGURE_BETA = np.linspace(0, 1, 100) * 100.0


@pytest.mark.parametrize("source", ["sampled", "exact"])
def test_published_slopes_of_the_static_figure(source):
    if source == "exact":
        statics = gaussian_statics(128, FIGURE_BETA)
    else:
        logits_SxN = gaussian_teacher_logits(np.random.default_rng(0))
        statics = sampled_statics(logits_SxN, FIGURE_BETA)
    loss_B, force_B = statics.at(FIGURE_BETA, beta_star=100.0)
    assert log_slope(FIGURE_BETA[2:60], force_B[2:60]) == pytest.approx(-2.26, abs=0.04)
    assert log_slope(FIGURE_BETA[1:10], loss_B[1:10]) == pytest.approx(-1.15, abs=0.08)


@pytest.mark.parametrize("source", ["sampled", "exact"])
def test_slopes_on_hard_labels(source):
    beta_B = np.geomspace(30, 100, 9)
    if source == "exact":
        statics = gaussian_statics(128, beta_B)
    else:
        logits_SxN = gaussian_teacher_logits(np.random.default_rng(0), inputs=8192)
        statics = sampled_statics(logits_SxN, beta_B)
    assert log_slope(beta_B, statics.loss) == pytest.approx(-1.02, abs=0.03)
    assert log_slope(beta_B, statics.force) == pytest.approx(-2.05, abs=0.04)
    assert 2.1 < statics.loss[-1] * 100 < 2.4
    assert 2.1 < statics.force[-1] * 100**2 < 2.4


def test_teacher_logits_are_unit_logits_of_normalised_inputs():
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(np.sum(teacher_logits(rng, 7 * np.eye(32), 10) ** 2, axis=1), 32)
    weights_NxM = rng.uniform(-1, 1, (128, 32)) / np.sqrt(32)
    assert teacher_logits(rng, weights_NxM, 20_000).std() == pytest.approx(1, abs=0.005)
    assert gaussian_teacher_logits(rng).std() == pytest.approx(1, abs=0.03)


def test_entropy_of_gaussian_logits():
    assert gaussian_entropy(32000, 0.0) == pytest.approx(np.log(32000), rel=1e-12)
    logits_SxN = 3.0 * np.random.default_rng(0).standard_normal((20_000, 50))
    entropy_S = -np.sum(np.exp(log_softmax(logits_SxN, 1)) * log_softmax(logits_SxN, 1), axis=1)
    error = entropy_S.std() / np.sqrt(len(entropy_S))
    assert error < 0.005
    assert abs(gaussian_entropy(50, 3.0) - entropy_S.mean()) < 4 * error


def test_bad_input_is_refused():
    statics = gaussian_statics(8, beta_grid(10.0, points=9))
    with pytest.raises(ValueError, match=r"from 5 to 11 is asked of a table from 0 to 10"):
        statics.at(np.array([5.0, 11.0]))
    with pytest.raises(ValueError, match="asked of a table"):
        statics.at(np.nan)
    with pytest.raises(ValueError, match="asked of a table"):
        statics.at(1.0, beta_star=20.0)
    with pytest.raises(ValueError, match="rise strictly"):
        gaussian_statics(8, np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="take more inputs"):
        sampled_statics(np.random.default_rng(0).standard_normal((3, 8)), np.array([1.0, 1e6]))
    with pytest.raises(ValueError, match="take more inputs"):
        Statics(8, np.array([1.0, 2.0]), np.array([1.0, np.nan]), np.array([1.0, 0.5]))
    with pytest.raises(ValueError, match="at least two classes"):
        gap_density_at_zero(1)
