"""The ring circuit sees its light cone, treats all cells alike, and is the formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.circuits.gate import threshold
from jaxlab.models.circuits.local import Local

N = 11
CIRCUIT = Local(vocabulary=3, classes=2, width=6, depth=2, tied=False, hard=False)
TOKENS = jax.random.randint(jax.random.key(7), (4, N), 0, 3)


@pytest.mark.parametrize(("depth", "tied", "hard"), [(1, False, True), (3, True, False)])
def test_a_cell_depends_on_its_light_cone_and_on_all_of_it(depth, tied, hard):
    circuit = dataclasses.replace(CIRCUIT, width=32, depth=depth, tied=tied, hard=hard)
    params = circuit.init(jax.random.key(0))
    flipped_NxBxN = (TOKENS[None] + jnp.eye(N, dtype=int)[:, None]) % 3
    logits_NxBxC = jax.jit(jax.vmap(lambda x: circuit.apply(params, x)[:, 0]))(
        jnp.concatenate((TOKENS[None], flipped_NxBxN))
    )
    changed_N = np.any(logits_NxBxC[1:] != logits_NxBxC[0], axis=(1, 2))
    distance_N = np.minimum(np.arange(N), N - np.arange(N))
    np.testing.assert_array_equal(changed_N, distance_N <= depth)


def test_a_turned_ring_has_turned_logits():
    params = CIRCUIT.init(jax.random.key(1))
    turned = CIRCUIT.apply(params, jnp.roll(TOKENS, 3, axis=1))
    np.testing.assert_allclose(
        turned, jnp.roll(CIRCUIT.apply(params, TOKENS), 3, axis=1), rtol=1e-5, atol=1e-5
    )


def reference(params, tokens_BxN, gate, depth, tied):
    """The forward pass cell by cell in double precision."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    states = p["embedding_VxW"][tokens_BxN]
    for layer in range(depth):
        own = {name: leaf[0 if tied else layer] for name, leaf in p["layers"].items()}
        new = np.empty_like(states)
        for n in range(N):
            seen = np.concatenate([states[:, (n + shift) % N] for shift in (-1, 0, 1)], axis=1)
            gates = gate(seen @ own["kernel_LxRxW"] + own["bias_LxW"])
            new[:, n] = states[:, n] + gates @ own["projection_LxWxW"] + own["projection_bias_LxW"]
        states = new
    return states @ p["head_WxC"] + p["head_bias_C"]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    ("hard", "gate"), [(False, lambda x: np.maximum(x, 0)), (True, lambda x: np.float64(x > 0))]
)
def test_it_is_the_formula(tied, hard, gate):
    circuit = dataclasses.replace(CIRCUIT, tied=tied, hard=hard)
    params = jax.tree.map(lambda leaf: leaf + 0.1, circuit.init(jax.random.key(2)))
    logits = circuit.apply(params, TOKENS)
    assert logits.shape == (4, N, 2)
    assert logits.dtype == jnp.float32
    expected = reference(params, np.asarray(TOKENS), gate, 2, tied)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_tied_circuit_has_the_same_parameters_at_every_depth():
    tied = dataclasses.replace(CIRCUIT, tied=True)
    one, nine = (dataclasses.replace(tied, depth=depth).init(jax.random.key(3)) for depth in (1, 9))
    jax.tree.map(np.testing.assert_array_equal, one, nine)
    untied = CIRCUIT.init(jax.random.key(3))
    assert untied["layers"]["bias_LxW"].shape == (2, 6)


@pytest.mark.parametrize("hard", [False, True])
def test_every_parameter_has_a_finite_gradient_that_is_not_zero(hard):
    circuit = dataclasses.replace(CIRCUIT, hard=hard)
    params = circuit.init(jax.random.key(4))
    gradient = jax.grad(lambda p: jnp.sum(jnp.square(circuit.apply(p, TOKENS))))(params)
    for leaf in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(leaf))
        assert np.any(leaf)


def test_a_threshold_is_a_step_with_a_straight_slope_near_it():
    x = jnp.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_array_equal(threshold(x), [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(jax.vmap(jax.grad(threshold))(x), [0, 0.5, 0.5, 0.5, 0])


def test_sizes_that_make_no_circuit_are_refused():
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        dataclasses.replace(CIRCUIT, width=0)
