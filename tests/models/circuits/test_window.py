"""The perceptron on a window against its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.circuits.window import Window

MODEL = Window(vocabulary=2, classes=3, length=5, width=8, depth=3)
TOKENS = np.random.default_rng(0).integers(0, 2, size=(6, 5))


def test_it_is_the_formula_and_learns_everywhere(drawn):
    params = drawn(MODEL)
    assert len(params["layers"]) == MODEL.depth - 1

    def loss(params):
        logits = MODEL.apply(params, TOKENS)
        return jnp.sum(jnp.square(logits)), logits

    (_, logits), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    gates = sum(p["kernel_NxVxW"][n, TOKENS[:, n]] for n in range(5)) + p["bias_W"]
    for layer in p["layers"]:
        gates = np.maximum(gates, 0) @ layer["kernel_WxW"] + layer["bias_W"]
    expected = np.maximum(gates, 0) @ p["head_WxC"] + p["head_bias_C"]
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, expected[:, None], rtol=1e-4, atol=1e-5)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_another_window_is_refused():
    with pytest.raises(ValueError, match="a window has 5 tokens, got 4"):
        MODEL.apply(jax.eval_shape(MODEL.init, jax.random.key(0)), TOKENS[:, :4])
