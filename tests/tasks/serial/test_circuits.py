"""Circuits against plain evaluation of what their tokens say."""

import functools

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import circuits
from jaxlab.tasks.serial.circuits import Circuits

MIX = ("and", "or", "xor")
GATES = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: int(a != b),
    "nand": lambda a, b: int(not (a and b)),
}


def plain(row, inputs, gates, layers, names):
    """The values of all gates in the order of their tokens, read from a row of tokens."""
    below, values, place = list(row[:inputs]), [], inputs
    for _ in range(layers):
        layer = []
        for _ in range(gates):
            kind, first, second = row[place : place + 3]
            layer.append(
                GATES[names[kind - 2]](*(below[t - 2 - len(names)] for t in (first, second)))
            )
            place += 3
        values += layer
        below = layer
    assert place == len(row)
    return values


draw = jax.jit(lambda task, key, rows: task.draw(key, rows), static_argnums=(0, 2))


@functools.cache
def drawn(task, rows, seed):
    return jax.tree.map(np.asarray, draw(task, jax.random.key(seed), rows))


MIXED = Circuits(4, 3, 3, MIX, "gates")
NANDS = Circuits(16, 16, 4, ("nand",), "output")


@pytest.mark.parametrize("task", [MIXED, NANDS, Circuits(4, 9, 1, MIX, "gates")])
def test_values_are_those_of_plain_evaluation(task):
    questions = drawn(task, 20_000, 2)
    assert questions.tokens_BxN.shape == (20_000, task.length)
    assert set(np.unique(questions.tokens_BxN)) == set(range(task.vocabulary))
    asked = set(np.flatnonzero(questions.counted_BxN.any(axis=0)))
    last = range(task.inputs + 2, task.length, 3)  # of the three tokens of each gate
    assert asked == (set(last) if task.asks == "gates" else {task.length - 1})
    names = sorted(set(task.kinds))
    for row, targets, counted in zip(*(array[:500] for array in questions), strict=True):
        values = plain(row.tolist(), task.inputs, task.gates, task.layers, names)
        assert list(targets[counted]) == (values if task.asks == "gates" else values[-1:])


def test_a_gate_of_another_kind_is_noticed():
    questions = drawn(MIXED, 20_000, 2)
    row, values = questions.tokens_BxN[0].tolist(), questions.targets_BxN[0]
    wrong = plain(row, 4, 3, 3, ["nand", "nand", "xor"])
    assert wrong != list(values[questions.counted_BxN[0]])


@pytest.mark.parametrize("task", [MIXED, NANDS])
def test_chance_is_that_of_the_markov_chain(task):
    assert measured_chance(drawn(task, 20_000, 2), 2) == pytest.approx(task.chance(), abs=0.01)


def test_shares_of_ones():
    nands = [1 - Circuits(16, 16, d, ("nand",), "output").chance() for d in (2, 4, 8, 16)]
    assert nands == pytest.approx([0.43, 0.37, 0.32, 0.29], abs=0.006)
    mixed = [1 - Circuits(16, 16, d, MIX, "output").chance() for d in (2, 4, 8, 16)]
    assert mixed == pytest.approx([0.48, 0.46, 0.43, 0.40], abs=0.006)
    frozen = circuits.ones_shares(16, 16, 16, ("and", "or"))[-1]
    assert frozen[[0, -1]] == pytest.approx([0.27, 0.27], abs=0.015)


def test_a_key_makes_the_circuits():
    first, again, other = (draw(MIXED, jax.random.key(seed), 20_000) for seed in (2, 2, 3))
    np.testing.assert_array_equal(first.tokens_BxN, again.tokens_BxN)
    assert (first.tokens_BxN != other.tokens_BxN).any(axis=1).mean() > 0.99


def test_refusals():
    with pytest.raises(ValueError, match="are no circuit: take at least 1"):
        Circuits(0, 4, 2, MIX, "gates")
    with pytest.raises(ValueError, match="are not all gates"):
        Circuits(4, 4, 2, ("nor",), "gates")
    with pytest.raises(ValueError, match="asks 'all' is unknown"):
        Circuits(4, 4, 2, MIX, "all")
