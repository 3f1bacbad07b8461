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
TOKENS = np.random.default_rng(7).integers(0, 3, (4, N))


@pytest.mark.parametrize(("depth", "tied", "hard"), [(1, False, True), (3, True, False)])
def test_a_cell_depends_on_its_light_cone_and_on_all_of_it(drawn, depth, tied, hard):
    circuit = dataclasses.replace(CIRCUIT, width=32, depth=depth, tied=tied, hard=hard)
    changed_NxBxN = (TOKENS[None] + np.eye(N, dtype=int)[:, None]) % 3
    run = jax.jit(jax.vmap(lambda params, x: circuit.apply(params, x)[:, 0], (None, 0)))
    logits_NxBxC = run(drawn(circuit), np.concatenate((TOKENS[None], changed_NxBxN)))
    changed_N = np.any(logits_NxBxC[1:] != logits_NxBxC[:1], axis=(1, 2))
    distance_N = np.minimum(np.arange(N), N - np.arange(N))
    np.testing.assert_array_equal(changed_N, distance_N <= depth)


def reference(params, tokens_BxN, gate, depth, tied):
    """The forward pass cell by cell in double precision."""
    p = jax.tree.map(np.float64, params)
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


@pytest.mark.parametrize(
    ("tied", "hard", "gate"),
    [
        (False, False, lambda x: np.maximum(x, 0)),
        (True, True, lambda x: np.float64(x > 0)),
    ],
)
def test_it_is_the_formula_on_a_ring_that_may_turn_and_learns_everywhere(drawn, tied, hard, gate):
    circuit = dataclasses.replace(CIRCUIT, tied=tied, hard=hard)
    params = drawn(circuit)

    def loss(params, tokens):
        logits = circuit.apply(params, tokens)
        return jnp.sum(jnp.square(logits)), logits

    run = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (_, logits), gradient = run(params, TOKENS)
    assert logits.dtype == jnp.float32
    expected = reference(params, TOKENS, gate, 2, tied)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    turned = run(params, np.roll(TOKENS, 3, axis=1))[0][1]
    np.testing.assert_allclose(turned, np.roll(logits, 3, axis=1), rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_a_tied_circuit_has_the_same_parameters_at_every_depth():
    def shapes(depth, tied):
        circuit = dataclasses.replace(CIRCUIT, depth=depth, tied=tied)
        return jax.eval_shape(circuit.init, jax.random.key(0))

    assert shapes(1, True) == shapes(9, True) == shapes(1, False) != shapes(2, False)


def test_it_starts_with_gates_about_as_large_as_what_they_read():
    init = dataclasses.replace(CIRCUIT, width=32).init
    layers = jax.jit(lambda key: init(key)["layers"])(jax.random.key(0))
    assert np.std(layers["kernel_LxRxW"]) == pytest.approx((2 / 96) ** 0.5, rel=0.05)
    assert np.std(layers["projection_LxWxW"]) == pytest.approx((1 / 32) ** 0.5, rel=0.05)
    assert not np.any(layers["bias_LxW"])
    assert np.any(layers["kernel_LxRxW"][0] != layers["kernel_LxRxW"][1])


def test_a_threshold_is_a_step_with_a_straight_slope_near_it():
    x = np.array([-2.0, -0.5, 0.0, 0.5, 2.0], np.float32)
    y, slope = jax.vmap(jax.value_and_grad(threshold))(x)
    np.testing.assert_array_equal(y, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(slope, [0, 0.5, 0.5, 0.5, 0])


def test_sizes_that_make_no_circuit_are_refused():
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        dataclasses.replace(CIRCUIT, width=0)
