"""Logic gates against their truth tables, and the circuit against a simulation of its wires."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.circuits.gates import FUNCTIONS, Gates, polynomials

N = 9
SOFT = Gates(classes=2, width=24, depth=2, wiring=3, hard=False)
HARD = dataclasses.replace(SOFT, hard=True)
SOFTLY, HARDLY = jax.jit(SOFT.apply), jax.jit(HARD.apply)
WIRES = jax.tree.map(np.asarray, SOFT.wires())
PARAMS = jax.jit(SOFT.init)(jax.random.key(1))
BITS = np.random.default_rng(0).integers(0, 2, size=(5, N))


def test_the_polynomials_are_the_sixteen_functions():
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    table_FxI = polynomials() @ np.stack((np.ones(4), a, b, a * b))
    assert len(np.unique(table_FxI, axis=0)) == FUNCTIONS
    assert set(np.unique(table_FxI)) == {0, 1}
    named = {6: a ^ b, 8: a & b, 14: a | b, 12: a, 10: b, 7: 1 - (a & b), 0: 0 * a, 15: 0 * a + 1}
    for number, expected in named.items():
        np.testing.assert_array_equal(table_FxI[number], expected)


def simulated(params):
    """Counts gate by gate with Python's operators, each gate looked up in its table."""
    bits = [[[int(bit)] for bit in row] for row in BITS]
    for layer, (first, second) in zip(params["layers"], WIRES, strict=True):
        functions = np.argmax(layer["preference_WxF"], axis=1)
        new = []
        for row in bits:
            seen = [row[n - 1] + row[n] + row[(n + 1) % N] for n in range(N)]
            new.append(
                [
                    [
                        int(f) >> (2 * wires[i] + wires[j]) & 1
                        for f, i, j in zip(functions, first, second, strict=True)
                    ]
                    for wires in seen
                ]
            )
        bits = new
    return np.reshape(bits, (*BITS.shape, 2, -1)).sum(axis=-1)


def test_hard_gates_are_the_circuit():
    logits = HARDLY(PARAMS, BITS)
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits * 12**0.5, simulated(PARAMS), rtol=1e-5)


def test_soft_gates_that_are_sure_are_hard_gates():
    sure = jax.tree.map(lambda leaf: 1e4 * leaf, PARAMS)
    hard = HARDLY(PARAMS, BITS)
    np.testing.assert_allclose(SOFTLY(sure, BITS), hard, atol=1e-4)
    assert np.abs(SOFTLY(PARAMS, BITS) - hard).max() > 0.1


def test_a_cell_sees_its_light_cone_and_nothing_else():
    flipped_NxBxN = BITS[None] ^ np.eye(N, dtype=int)[:, None]
    run = jax.jit(jax.vmap(lambda bits: SOFT.apply(PARAMS, bits)[:, 0]))
    logits_NxBxC = run(np.concatenate((BITS[None], flipped_NxBxN)))
    changed_N = np.any(logits_NxBxC[1:] != logits_NxBxC[:1], axis=(1, 2))
    distance_N = np.minimum(np.arange(N), N - np.arange(N))
    np.testing.assert_array_equal(changed_N, distance_N <= 2)


def test_gradients_are_finite():
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(jnp.square(SOFT.apply(p, BITS)))))(PARAMS)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_one_program_has_every_wiring():
    @jax.jit
    def run(wiring):
        circuit = dataclasses.replace(HARD, wiring=wiring)
        return circuit.wires(), circuit.apply(PARAMS, BITS)

    own, other = run(jnp.int32(3)), run(jnp.int32(4))
    assert all(map(np.array_equal, own[0], WIRES))
    assert not all(map(np.array_equal, own[0], other[0]))
    np.testing.assert_allclose(own[1], HARDLY(PARAMS, BITS), rtol=1e-6)
    assert not np.allclose(own[1], other[1])
    for wire_2xW, places in zip(own[0], (3, 3 * 24), strict=True):
        assert 0 <= wire_2xW.min() < wire_2xW.max() < places


def test_gates_that_no_class_can_share_are_refused():
    with pytest.raises(ValueError, match="width 24 gives 5 classes no equal number of gates"):
        dataclasses.replace(SOFT, classes=5)
