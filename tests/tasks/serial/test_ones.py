"""The depth of ones against search over all walks, and its law against counting."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.tasks.serial import circuits, ones
from jaxlab.tasks.serial.ones import DepthOfOnes, Place

KINDS = ("and", "or")
PLAIN = DepthOfOnes(4, 4, KINDS, 0, "circuit")
CHAINED = DepthOfOnes(4, 3, ("and", "and", "or"), 7, "circuit")


@functools.cache
def world(task):
    """A thousand circuits of a task: values, best and greedy returns; and its questions."""

    @jax.jit
    def run(key):
        sizes = (task.width, task.width, task.layers, task.kinds)
        circuit = ones.with_chain(circuits.draw_circuit(key, 1000, *sizes), task.kinds, task.chain)
        values = ones.all_values(circuit, task.kinds)
        return circuit, values, *ones.returns(circuit, values), task.draw(key, 1000)

    return jax.tree.map(np.asarray, run(jax.random.key(0)))


def walks(source_LxGx2, value_LxM, layer, gate):
    """The best return of all walks from a gate, and that of always taking the first that pays."""
    if layer == len(source_LxGx2):
        return 0, 0
    paying = [
        action
        for action, sources in enumerate(source_LxGx2[layer])
        if gate in sources and value_LxM[layer + 1][action]
    ]
    results = [walks(source_LxGx2, value_LxM, layer + 1, action) for action in paying]
    if not results:
        return 0, 0
    return 1 + max(best for best, _ in results), 1 + results[0][1]


@pytest.mark.parametrize("task", [PLAIN, CHAINED])
def test_returns_are_those_of_search(task):
    circuit, values, best, greedy, questions = world(task)
    for row in range(60):
        sources, value = circuit.source_BxLxGx2[row].tolist(), values[row].tolist()
        found = [walks(sources, value, 0, gate) for gate in range(4)]
        assert found == list(zip(best[row, 0], greedy[row, 0], strict=True))
    np.testing.assert_array_equal(best[:, 0].max(axis=1), questions.targets_BxN[:, -1])
    assert (greedy <= best).all()
    assert (greedy < best).any()
    assert questions.counted_BxN.sum() == 1000
    assert questions.counted_BxN[:, -1].all()


def test_a_chain_decides_the_output():
    _, values, best, _, _ = world(CHAINED)
    output, depth = values[:, 3, -1], best[:, 0].max(axis=1)
    np.testing.assert_array_equal(depth[output == 1], 10)
    assert depth[output == 0].max() == 3
    assert 0.1 < output.mean() < 0.9


def test_the_best_actions_earn_the_best_return():
    circuit, values, best, _, questions = world(PLAIN)
    step = jax.jit(ones.step)
    rows = np.arange(1000)
    place = Place(np.zeros(1000, int), best[:, 0].argmax(axis=1), np.ones(1000, bool))
    earned = 0
    for layer in range(1, 5):
        reads = (
            circuit.source_BxLxGx2[:, layer - 1] == np.asarray(place.gate_B)[:, None, None]
        ).any(-1)
        worth = np.where(reads & (values[:, layer] == 1), 1 + best[:, layer], 0)
        place, reward = step(circuit, values, place, jnp.asarray(worth.argmax(axis=1)))
        earned += np.asarray(reward)
    np.testing.assert_array_equal(earned, questions.targets_BxN[:, -1])
    _, beyond = step(circuit, values, place, jnp.zeros(1000, int))
    assert not beyond.any()
    wrong = Place(np.zeros(1000, int), np.zeros(1000, int), np.ones(1000, bool))
    _, reward = step(circuit, values, wrong, jnp.ones(1000, int))
    reads = (circuit.source_BxLxGx2[:, 0, 1] == 0).any(axis=1)
    np.testing.assert_array_equal(reward, reads & (values[rows, 1, 1] == 1))


@pytest.mark.parametrize("task", [PLAIN, CHAINED])
def test_depths_are_as_likely_as_the_chain_says(task):
    depths = world(task)[-1].targets_BxN[:, -1]
    share = np.bincount(depths, minlength=task.classes) / 1000
    np.testing.assert_allclose(share, task.depth_shares(), atol=0.05)
    assert task.depth_shares().sum() == pytest.approx(1)
    assert task.chance() == task.depth_shares().max()


def test_depths_of_sixteen_layers():
    shares = DepthOfOnes(16, 16, KINDS, 0, "circuit").depth_shares()
    assert shares[-1] == pytest.approx(0.73, abs=0.01)
    assert shares @ np.arange(17) == pytest.approx(13.9, abs=0.1)
    narrow = DepthOfOnes(8, 16, KINDS, 0, "circuit").depth_shares()
    assert narrow[-1] == pytest.approx(0.57, abs=0.015)


def test_values_given_answer_at_once():
    task = DepthOfOnes(4, 4, KINDS, 0, "values")
    drawn = jax.jit(task.draw, static_argnums=1)(jax.random.key(0), 1000)
    np.testing.assert_array_equal(drawn.targets_BxN[:, -1], world(PLAIN)[-1].targets_BxN[:, -1])
    np.testing.assert_array_equal(drawn.tokens_BxN, world(PLAIN)[1].reshape(1000, -1))
    assert drawn.tokens_BxN.shape[1] == task.length
    assert world(CHAINED)[-1].tokens_BxN.shape[1] == CHAINED.length


def test_refusals():
    with pytest.raises(ValueError, match="are not all gates"):
        DepthOfOnes(4, 4, ("and", "xor"), 0, "circuit")
    with pytest.raises(ValueError, match="add 'or'"):
        DepthOfOnes(4, 4, ("and",), 5, "circuit")
    with pytest.raises(ValueError, match="given 'all' is unknown"):
        DepthOfOnes(4, 4, KINDS, 0, "all")


@pytest.mark.parametrize("kinds", [KINDS, ("and", "and", "or")])
def test_what_ones_promise_is_counted_over_all_circuits(kinds):
    gates = np.array(list(itertools.product(range(len(kinds)), (0, 1), (0, 1))))
    layer_Nx2x3 = np.array(
        [gates[list(pair)] for pair in itertools.product(range(len(gates)), repeat=2)]
    )
    choice_Bx3 = np.stack(
        [part.ravel() for part in np.indices((4, len(layer_Nx2x3), len(layer_Nx2x3)))], 1
    )
    input_Bx2 = np.stack(np.divmod(choice_Bx3[:, 0], 2), axis=1)
    gate_BxLx2x3 = layer_Nx2x3[choice_Bx3[:, 1:]]
    circuit = circuits.Circuit(
        *map(jnp.asarray, (input_Bx2, gate_BxLx2x3[..., 0], gate_BxLx2x3[..., 1:]))
    )
    values_BxLx2 = np.asarray(ones.all_values(circuit, kinds))
    depth_B = np.asarray(ones.depth_of_ones(values_BxLx2))
    moment_LxMx2 = ones.climb_moments(2, 2, kinds)
    for height in range(3):
        seen_Bx2 = values_BxLx2[:, : height + 1].reshape(len(depth_B), -1)
        for seen in np.unique(seen_Bx2, axis=0):
            more_B = depth_B[(seen_Bx2 == seen[None]).all(axis=1)] - height
            count = seen[-2:].sum()
            if count:
                expected = more_B.mean(), (more_B**2).mean()
                np.testing.assert_allclose(moment_LxMx2[height, count], expected, rtol=1e-12)
    assert (moment_LxMx2[:, 0] == 0).all()
    assert (moment_LxMx2[2] == 0).all()
