"""Hops against loops that follow them, and what is left to guess against all cycles."""

import collections

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial.hops import Induction, Pointers

draw = jax.jit(lambda task, key, rows: task.draw(key, rows), static_argnums=(0, 2))


def drawn(task, rows=2000, seed=0):
    return jax.tree.map(np.asarray, draw(task, jax.random.key(seed), rows))


def test_pointers_are_followed():
    task = Pointers(8, 5)
    questions = drawn(task)
    for tokens, target in zip(questions.tokens_BxN.tolist(), questions.targets_BxN, strict=True):
        *table, place = tokens
        visited = []
        for _ in range(5):
            place = table[place]
            visited.append(place)
        assert place == target[-1]
        for _ in range(3):
            place = table[place]
            visited.append(place)
        assert sorted(visited) == list(range(8))  # one cycle
    assert questions.counted_BxN.sum() == 2000
    assert questions.tokens_BxN.shape == (2000, task.length)
    assert measured_chance(questions, 8) == pytest.approx(task.chance(), abs=0.025)
    assert (questions.targets_BxN != drawn(Pointers(8, 4)).targets_BxN).any()


def test_cycles_are_uniform():
    tables = [tuple(row) for row in drawn(Pointers(4, 1), 6000).tokens_BxN[:, :-1]]
    counts = collections.Counter(tables)
    assert len(counts) == 6
    assert max(counts.values()) < 1150


def plain_hop(letters, place):
    """The place after the last occurrence, before this one, of its letter."""
    for earlier in range(place - 1, -1, -1):
        if letters[earlier] == letters[place]:
            return earlier + 1
    return None


@pytest.mark.parametrize("hops", [1, 3])
def test_hops_of_letters(hops):
    task = Induction(12, 3, hops)
    questions = drawn(task, 1000)
    rows = (array.tolist() for array in questions)
    for letters, targets, counted in zip(*rows, strict=True):
        for start in range(12):
            place = start
            for _ in range(hops):
                place = None if place is None else plain_hop(letters, place)
            assert counted[start] == (place is not None)
            assert place is None or letters[place] == targets[start]
    shares = np.bincount(questions.targets_BxN[questions.counted_BxN]) / questions.counted_BxN.sum()
    np.testing.assert_allclose(shares, task.chance(), atol=0.03)


def test_a_key_makes_the_rows():
    task = Pointers(8, 5)
    np.testing.assert_array_equal(drawn(task).tokens_BxN, drawn(task).tokens_BxN)
    assert (drawn(task).tokens_BxN != drawn(task, seed=1).tokens_BxN).any()


def test_refusals():
    for hops in (0, 8):
        with pytest.raises(ValueError, match="take 1 to 7"):
            Pointers(8, hops)
    for letters, alphabet, hops in ((12, 1, 2), (3, 4, 3), (12, 4, 0)):
        with pytest.raises(ValueError, match="are none: take at least 1 hop"):
            Induction(letters, alphabet, hops)
