"""The image classifier against the formula in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.models.mlp import BatchNormMlp
from jaxlab.models.module import functional

P, H, N, B = 12, 5, 4, 64
INIT, APPLY = map(
    jax.jit, functional(lambda rngs: BatchNormMlp(P, H, N, jnp.dtype("float32"), rngs))
)


def trained():
    """Returns parameters none of which is at its special initial value."""
    leaves, tree = jax.tree.flatten(INIT(jax.random.key(0)))
    random = np.random.default_rng(1)
    moved = [leaf + random.normal(size=leaf.shape).astype(np.float32) / 2 for leaf in leaves]
    return jax.tree.unflatten(tree, moved)


def reference(params, x_BxP):
    """The forward pass, step by step, in double precision."""

    def normed(layer, x):
        deviation = np.sqrt(np.var(x, axis=0) + 1e-5)
        x = (x - x.mean(axis=0)) / deviation * layer["scale_M"] + layer["shift_M"]
        return x @ layer["kernel_MxN"].astype(np.float64)

    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    hidden = np.maximum(normed(params["hidden"], x_BxP) + params["hidden_bias_H"], 0)
    return normed(params["head"], hidden)


def test_it_is_the_formula():
    x_BxP = np.random.default_rng(2).uniform(size=(B, P))
    x_BxP[:, 0] = 0  # a pixel that is never lit has no variance
    logits = APPLY(trained(), x_BxP.astype(np.float32))
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, reference(trained(), x_BxP), rtol=1e-4, atol=1e-4)


def test_it_starts_at_equal_logits_with_a_hidden_layer_of_pytorch_s_law():
    params = INIT(jax.random.key(3))
    assert not np.any(APPLY(params, jnp.ones((3, P)) * jnp.arange(3.0)[:, None]))
    for name in ("kernel_MxN", None):
        drawn = params["hidden"][name] if name else params["hidden_bias_H"]
        assert 0 < np.abs(drawn).max() <= P**-0.5
    assert not np.any(params["head"]["kernel_MxN"])


def test_the_scale_of_a_pixel_does_not_matter_but_the_batch_does():
    x_BxP = np.random.default_rng(4).uniform(size=(B, P)).astype(np.float32)
    logits = APPLY(trained(), x_BxP)
    np.testing.assert_allclose(APPLY(trained(), 4 * x_BxP + 1), logits, atol=5e-3)
    half = APPLY(trained(), x_BxP[: B // 2])
    assert np.abs(half - logits[: B // 2]).max() > 0.01
