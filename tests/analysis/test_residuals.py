"""The correlation of residuals: planted, and by the algebra of equation 4."""

import numpy as np
import pytest

from jaxlab.analysis.residuals import residual_correlation


def equicorrelated(rng, rho, streams, draws):
    """Normal residuals of variance 1 whose pairs have the correlation rho, also below 0."""
    white = rng.normal(size=(streams, draws))
    mean = white.mean(axis=0)
    return (1 - rho) ** 0.5 * (white - mean) + ((streams - 1) * rho + 1) ** 0.5 * mean


@pytest.mark.parametrize("rho", [-0.2, 0.0, 0.5, 0.9, 1.0])
def test_the_mean_of_correlated_residuals_has_the_variance_of_the_theory(rho):
    residuals = equicorrelated(np.random.default_rng(0), rho, 4, 1_000_000)
    one, mean = residuals.var(), residuals.mean(axis=0).var()
    assert mean == pytest.approx(one * (3 * rho + 1) / 4, rel=0.01)
    assert residual_correlation(one, mean, 0, 4) == pytest.approx(rho, abs=0.01)


def test_it_inverts_equation_4():
    rng = np.random.default_rng(1)
    streams = rng.integers(2, 17, 1000)
    rho = rng.uniform(-1 / (streams - 1), 1)
    E, alpha, ratio = rng.uniform(0.5, 2, 1000), rng.uniform(0.1, 0.5, 1000), rng.uniform(0.1, 9)
    diversity = ((streams - 1) * rho + 1) ** (-1 / alpha)
    alone = ratio**alpha + E
    loss = (ratio / (streams ** (1 / alpha) * diversity)) ** alpha + E
    np.testing.assert_allclose(loss - E, (alone - E) * ((streams - 1) * rho + 1) / streams, 1e-12)
    np.testing.assert_allclose(residual_correlation(alone, loss, E, streams), rho, 0, 1e-12)


@pytest.mark.parametrize("rho", [-0.1, 0.0, 0.6, 0.9])
def test_losses_of_predictions_with_a_planted_correlation_give_it_back(rho):
    rng, streams = np.random.default_rng(2), 4
    truth = rng.dirichlet(np.full(200, 2.0), size=1000)
    residuals = 0.02 * equicorrelated(rng, rho, streams, truth.size).reshape(-1, *truth.shape)
    residuals -= np.sum(truth * residuals, axis=-1, keepdims=True)
    predicted = truth * (1 + residuals)
    np.testing.assert_allclose(predicted.sum(axis=-1), 1)

    def loss(q):
        return -np.mean(np.sum(truth * np.log(q), axis=-1))

    stream, ensemble, floor = loss(predicted), loss(predicted.mean(axis=0)), loss(truth)
    assert residual_correlation(stream, ensemble, floor, streams) == pytest.approx(rho, abs=0.02)
    assert residual_correlation(stream, ensemble, 0.0, streams) > 0.99  # a floor that is none


def test_losses_that_tell_nothing_are_refused():
    with pytest.raises(ValueError, match="at least 2 streams, got 1"):
        residual_correlation(1.2, 1.1, 1.0, [1, 2])
    with pytest.raises(ValueError, match="stream_loss 1 is not above the floor"):
        residual_correlation([1.2, 1.0], 1.0, 1.1, 2)
