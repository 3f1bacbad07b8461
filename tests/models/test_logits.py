import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.logits import logit_statistics


def test_statistics_are_those_of_the_counted_tokens():
    random = np.random.default_rng(0)
    logits = random.normal(1.0, 3.0, (2, 3, 5))
    targets, counted = random.integers(0, 5, (2, 3)), np.array([[1, 0, 1], [1, 1, 0]], bool)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    correct = np.take_along_axis(logits, targets[..., None], -1)[..., 0]
    expected = {
        "loss": -np.log(np.take_along_axis(p, targets[..., None], -1)[..., 0]),
        "logit_mean": logits.mean(-1),
        "logit_std": logits.std(-1),
        "logit_range": logits.max(-1) - logits.min(-1),
        "correct_margin": correct - logits.mean(-1),
        "top_margin": logits.max(-1) - logits.mean(-1),
        "entropy": -(p * np.log(p)).sum(-1),
    }
    found = logit_statistics(jnp.float32(logits), jnp.int32(targets), jnp.array(counted))
    assert {name: float(value) for name, value in found.items()} == {
        name: pytest.approx(value[counted].mean(), rel=1e-5) for name, value in expected.items()
    }
