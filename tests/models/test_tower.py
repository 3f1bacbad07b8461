"""The residual tower against the formula in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.module import functional
from jaxlab.models.tower import ResidualTower

M, N, B = 8, 6, 16


def tower(blocks):
    split = functional(lambda rngs: ResidualTower(M, blocks, N, jnp.dtype("float32"), rngs))
    return map(jax.jit, split)


def rms(x):
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True))


def reference(params, x_BxM):
    """The forward pass, block by block, in double precision."""
    p = {name: np.asarray(leaf, np.float64) for name, leaf in params.items()}
    x = rms(x_BxM)
    for kernel, bias, projection in zip(
        p["kernel_LxMxH"], p["bias_LxH"], p["projection_LxHxM"], strict=True
    ):
        x = x + np.maximum(rms(x) @ kernel + bias, 0) ** 2 @ projection
    return rms(x) @ p["head_MxN"]


def inputs():
    return np.random.default_rng(0).normal(size=(B, M))


@pytest.mark.parametrize("blocks", [1, 3])
def test_it_is_the_formula(blocks):
    init, apply = tower(blocks)
    params = init(jax.random.key(blocks))
    logits = apply(params, inputs().astype(np.float32))
    np.testing.assert_allclose(logits, reference(params, inputs()), rtol=1e-4, atol=1e-5)


def test_blocks_without_projection_are_the_identity():
    init, apply = tower(3)
    params = init(jax.random.key(0))
    silent = params | {"projection_LxHxM": jnp.zeros_like(params["projection_LxHxM"])}
    x_BxM = inputs().astype(np.float32)
    head_only = rms(inputs()) @ np.asarray(params["head_MxN"])
    np.testing.assert_allclose(apply(silent, x_BxM), head_only, rtol=1e-4, atol=1e-5)
    assert np.abs(apply(params, x_BxM) - head_only).max() > 0.01


def test_every_block_is_drawn_by_itself_within_pytorch_s_bounds():
    init, _ = tower(4)
    params = init(jax.random.key(1))
    for name, fan_in in (
        ("kernel_LxMxH", M),
        ("bias_LxH", M),
        ("projection_LxHxM", 4 * M),
        ("head_MxN", M),
    ):
        leaf = np.asarray(params[name])
        assert 0.8 * fan_in**-0.5 < np.abs(leaf).max() <= fan_in**-0.5
        assert len(np.unique(leaf)) > 0.99 * leaf.size
