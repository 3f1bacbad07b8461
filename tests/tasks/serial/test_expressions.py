"""Expressions against a recursive reader, their shapes and values against counting."""

import collections
import itertools

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import expressions
from jaxlab.tasks.serial.expressions import Expressions

draw = jax.jit(lambda task, key, rows: task.draw(key, rows), static_argnums=(0, 2))
DEEP, CONTROL = Expressions(6, 5, 15), Expressions(1, 5, 15)


def drawn(task, seed=0):
    return jax.tree.map(np.asarray, draw(task, jax.random.key(seed), 5000))


def plain(tokens, prime):
    """Reads one expression from an iterator of tokens."""
    token = next(tokens)
    if token < prime:
        return token
    left, right = plain(tokens, prime), plain(tokens, prime)
    return [left + right, left - right, left * right][token - prime] % prime


@pytest.mark.parametrize("task", [DEEP, CONTROL])
def test_values_are_those_of_a_recursive_reader(task):
    questions = drawn(task)
    padding = 15 - 2 * task.operators - 1
    assert (questions.tokens_BxN[:, :padding] == task.vocabulary - 1).all()
    for tokens, target in zip(questions.tokens_BxN.tolist(), questions.targets_BxN, strict=True):
        reader = iter(tokens[padding:])
        assert plain(reader, 5) == target[-1]
        assert not list(reader)
        assert sum(token >= 5 for token in tokens[padding:]) == task.operators
    assert questions.counted_BxN.sum() == 5000
    assert questions.counted_BxN[:, -1].all()


def test_another_operator_is_noticed():
    tokens = drawn(DEEP).tokens_BxN[:, 2:]
    swapped = np.select([tokens == 5, tokens == 6], [6, 5], tokens)
    plain_values = [plain(iter(row), 5) for row in swapped.tolist()]
    assert np.mean(plain_values == drawn(DEEP).targets_BxN[:, -1]) < 0.5


def test_ways_to_nest_are_uniform():
    shapes = drawn(Expressions(4, 5, 9)).tokens_BxN >= 5
    counts = collections.Counter(map(tuple, shapes.tolist()))
    assert len(counts) == 14  # Catalan's fourth number
    assert max(counts.values()) < 1.25 * 5000 / 14


def test_shares_of_values_are_counted():
    def values(operators):
        """The value of every expression, and so often as it is written."""
        if operators == 0:
            return range(3)
        return [
            result % 3
            for left in range(operators)
            for a, b in itertools.product(values(left), values(operators - 1 - left))
            for result in (a + b, a - b, a * b)
        ]

    for operators in range(4):
        shares = np.bincount(values(operators)) / len(values(operators))
        np.testing.assert_allclose(expressions.value_shares(operators, 3), shares)


@pytest.mark.parametrize("task", [DEEP, CONTROL])
def test_chance_is_the_share_of_zero(task):
    assert measured_chance(drawn(task), 5) == pytest.approx(task.chance(), abs=0.02)
    assert task.chance() == expressions.value_shares(task.operators, 5)[0]


def test_a_key_makes_the_rows():
    np.testing.assert_array_equal(drawn(DEEP).tokens_BxN, drawn(DEEP).tokens_BxN)
    assert (drawn(DEEP).tokens_BxN != drawn(DEEP, seed=1).tokens_BxN).any()


def test_refusals():
    with pytest.raises(ValueError, match="do not fit in 8 tokens: give a length of 9"):
        Expressions(4, 5, 8)
    with pytest.raises(ValueError, match="9 is no prime"):
        Expressions(4, 9, 9)
