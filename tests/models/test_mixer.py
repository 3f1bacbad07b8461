"""The mixer sees the whole row in one layer, and is the formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.mixer import Mixer

N = 5
MIXER = Mixer(vocabulary=3, classes=2, length=N, width=6, heads=2, depth=2, tied=False)
TOKENS = np.random.default_rng(7).integers(0, 3, (4, N))


def reference(params, tokens_BxN, depth, tied):
    """The forward pass token by token in double precision."""
    p = jax.tree.map(np.float64, params)

    def scaled(states):
        return states / np.sqrt(np.mean(states**2, axis=-1, keepdims=True) + 1e-6)

    states = p["embedding_VxW"][tokens_BxN] + p["place_NxW"]
    for layer in range(depth):
        own = {name: leaf[0 if tied else layer] for name, leaf in p["layers"].items()}
        unit, new = scaled(states), np.empty_like(states)
        for n in range(N):
            halves = unit[:, :, :3].swapaxes(1, 2), unit[:, :, 3:].swapaxes(1, 2)
            sums = [half @ own["mix_LxHxNxN"][h, n] for h, half in enumerate(halves)]
            read = np.concatenate((unit[:, n], *sums), axis=1)
            gates = np.maximum(read @ own["kernel_Lx2WxW"] + own["bias_LxW"], 0)
            new[:, n] = states[:, n] + gates @ own["projection_LxWxW"] + own["projection_bias_LxW"]
        states = new
    return scaled(states) @ p["head_WxC"] + p["head_bias_C"]


@pytest.mark.parametrize("tied", [False, True])
def test_it_is_the_formula_and_learns_everywhere(drawn, tied):
    mixer = dataclasses.replace(MIXER, tied=tied)
    params = drawn(mixer)

    def loss(params):
        logits = mixer.apply(params, TOKENS)
        return jnp.sum(jnp.square(logits)), logits

    (_, logits), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, reference(params, TOKENS, 2, tied), rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_a_tied_mixer_has_the_same_parameters_at_every_depth():
    def shapes(depth, tied):
        mixer = dataclasses.replace(MIXER, depth=depth, tied=tied)
        return jax.eval_shape(mixer.init, jax.random.key(0))

    assert shapes(1, True) == shapes(9, True) == shapes(1, False) != shapes(2, False)


def test_features_that_heads_do_not_share_evenly_are_refused():
    with pytest.raises(ValueError, match="no multiple of 4 heads"):
        dataclasses.replace(MIXER, heads=4)
