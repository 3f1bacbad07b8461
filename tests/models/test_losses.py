"""Every loss against NumPy, and its slope where the logarithm of a power would have none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.losses import LOSSES

STRENGTHS = {"smoothed": 0.1, "focal": 2.0, "squared": 4.0, "z_loss": 0.3}


def by_hand(name, logits_BxN, class_B, strength):
    """The formulas of the docstrings, row by row in float64."""
    rows = []
    for logits_N, own in zip(logits_BxN.astype(float), class_B, strict=True):
        log_z = float(np.log(np.exp(logits_N - logits_N.max()).sum()) + logits_N.max())
        logp_N, label_N = logits_N - log_z, np.eye(len(logits_N))[own]
        smooth_N = (1 - strength) * label_N + strength / len(logits_N)
        rows.append(
            {
                "cross_entropy": -logp_N[own],
                "smoothed": -(smooth_N * logp_N).sum(),
                "focal": -((1 - np.exp(logp_N[own])) ** strength) * logp_N[own],
                "brier": ((np.exp(logp_N) - label_N) ** 2).sum(),
                "squared": ((logits_N - strength * label_N) ** 2).mean(),
                "z_loss": -logp_N[own] + strength * log_z**2,
            }[name]
        )
    return np.array(rows)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("scale", [0.0, 1.0, 20.0])
def test_a_loss_is_its_formula(name, scale):
    random = np.random.default_rng(0)
    logits_BxN = (scale * random.normal(size=(16, 5))).astype(np.float32)
    class_B, strength = random.integers(5, size=16), STRENGTHS.get(name, 0.0)
    found_B = LOSSES[name](jnp.asarray(logits_BxN), jnp.asarray(class_B), jnp.float32(strength))
    expected_B = by_hand(name, logits_BxN, class_B, strength)
    np.testing.assert_allclose(found_B, expected_B, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_a_certain_student_has_a_finite_slope(name, strength):
    logits_1xN = jnp.array([[200.0, 0.0, -200.0]])

    def loss(logits_1xN):
        return jnp.sum(LOSSES[name](logits_1xN, jnp.array([0]), jnp.float32(strength)))

    assert np.isfinite(jax.grad(loss)(logits_1xN)).all()


def test_without_strength_three_of_them_are_cross_entropy():
    logits_BxN, class_B = jnp.array([[1.0, -2.0, 0.5]]), jnp.array([2])
    plain = LOSSES["cross_entropy"](logits_BxN, class_B, jnp.zeros(()))
    for name in ("smoothed", "focal", "z_loss"):
        found = LOSSES[name](logits_BxN, class_B, jnp.zeros(()))
        np.testing.assert_allclose(found, plain, rtol=1e-6)
