"""Parameters with which streams differ, and how their outputs are compared."""

import jax
import numpy as np


def drawn(model):
    """Parameters with which streams and their weights differ, shaped as those of the model."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        about = 1.0 if "norm" in jax.tree_util.keystr(path) else 0.0
        return (about + 0.2 * rng.normal(size=leaf.shape)).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(model.init, jax.random.key(0)))


def close(got, expected, tolerance=1e-5):
    """Compares on the scale of the largest value."""
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)
