"""Group tables against the axioms, products against plain permutations, chance against walks."""

import itertools
import math

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import groups
from jaxlab.tasks.serial.groups import group
from jaxlab.tasks.serial.words import Words

ORDERS = {"Z2": 2, "Z6": 6, "Z60": 60, "S3": 6, "S4": 24, "A4": 12, "A5": 60, "A4xZ5": 60}
ABELIAN = {"Z2", "Z6", "Z60"}


@pytest.mark.parametrize("name", ORDERS)
def test_tables_are_groups(name):
    table = group(name).table_GxG
    everyone = np.arange(ORDERS[name])
    assert table.shape == (ORDERS[name],) * 2
    np.testing.assert_array_equal(table[0], everyone)
    np.testing.assert_array_equal(table[:, 0], everyone)
    for square in (table, table.T):  # each element once in a row and a column, so inverses exist
        np.testing.assert_array_equal(np.sort(square), np.tile(everyone, (len(table), 1)))
    np.testing.assert_array_equal(table[table], table[:, table])  # (ab)c = a(bc)
    assert (table == table.T).all() == (name in ABELIAN)


def test_a_wrong_table_is_no_group():
    wrong = group("S3").table_GxG.copy()
    wrong[[1, 2]] = wrong[[2, 1]]
    assert (wrong[wrong] != wrong[:, wrong]).any()


def test_larger_groups_have_their_orders():
    assert group("S5").order == 120
    assert group("A6").order == math.factorial(6) // 2
    assert len(group("A5").generator_K) == 4
    assert len(group("S3").generator_K) == 3


def commutators(of):
    table = of.table_GxG
    inverse_G = np.argmin(table, axis=1)
    pairs = itertools.product(range(of.order), repeat=2)
    return {table[table[inverse_G[a], inverse_G[b]], table[a, b]] for a, b in pairs}


def test_only_a5_is_made_of_commutators():
    # Every element of A5 is one (Ore 1951), so no chain of abelian quotients ends it: not solvable.
    assert len(commutators(group("A5"))) == 60
    assert len(commutators(group("A4xZ5"))) == 4
    assert len(commutators(group("Z60"))) == 1


@pytest.mark.parametrize(
    ("name", "letters"), [("S5", "elements"), ("A5", "generators"), ("A4xZ5", "generators")]
)
def test_prefixes_multiply_as_permutations_do(name, letters):
    elements = groups.closure(_with_inverses(groups._generators(name)))
    task = Words(name, 7, letters)
    drawn = task.draw(jax.random.key(0), 300)
    assert drawn.counted_BxN.all()
    for row, targets in zip(
        np.asarray(drawn.tokens_BxN), np.asarray(drawn.targets_BxN), strict=True
    ):
        points = list(range(len(elements[0])))
        for letter, target in zip(row, targets, strict=True):
            acting = elements[task.alphabet[letter]]
            points = [acting[point] for point in points]
            assert tuple(points) == elements[target]


def _with_inverses(generators):
    both = generators + [groups.inverse(generator) for generator in generators]
    return list(dict.fromkeys(both))


def test_a_missing_letter_leaves_nothing():
    for name in ("A5", "Z60", "S3"):
        task = Words(name, 8, "elements")
        assert task.ceiling(0) == 1
        assert [task.ceiling(unseen) for unseen in (1, 5)] == pytest.approx([1 / task.classes] * 2)
        assert task.chance() == pytest.approx(1 / task.classes)


def test_chance_of_generators_is_a_random_walk():
    task = Words("S3", 4, "generators")
    assert measured_chance(task.draw(jax.random.key(2), 30_000), 6) == pytest.approx(
        task.chance(), abs=0.005
    )
    ends = [
        groups.closure(groups._generators("S3")).index(_apply(word)) for word in _words("S3", 3)
    ]
    shares = np.bincount(ends, minlength=6) / len(ends)
    assert task.ceiling(3) == pytest.approx(shares.max())


def _words(name, length):
    return itertools.product(_with_inverses(groups._generators(name)), repeat=length)


def _apply(word):
    points = tuple(range(len(word[0])))
    for acting in word:
        points = tuple(acting[point] for point in points)
    return points


def test_refusals():
    for name in ("B5", "Z1", "A3", "A5x", "S12"):
        with pytest.raises(ValueError, match="is unknown: name S3"):
            Words(name, 4, "elements")
    with pytest.raises(ValueError, match="letters 'all' are unknown"):
        Words("A5", 4, "all")
    with pytest.raises(ValueError, match="at least 1"):
        Words("A5", 0, "elements")
