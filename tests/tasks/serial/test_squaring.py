"""Squares and sums modulo primes, against Python's integers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import squaring
from jaxlab.tasks.serial.squaring import Squaring, Summing

draw = jax.jit(lambda task, key, rows: task.draw(key, rows), static_argnums=(0, 2))
ROWS = 4000
TASKS = [
    Squaring(bits=20, base=16, fresh=True, rounds=5),
    Squaring(bits=6, base=10, fresh=False, rounds=2),
    Summing(bits=20, base=10, fresh=True, terms=4),
]


def drawn(task, seed=0):
    return jax.tree.map(np.asarray, draw(task, jax.random.key(seed), ROWS))


def number(digits, base):
    return sum(int(digit) * base**place for place, digit in enumerate(reversed(digits)))


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_those_of_python(task):
    questions, count, base = drawn(task), task.digits, task.base
    assert questions.tokens_BxN.shape == (ROWS, task.length)
    for tokens, targets, counted in zip(*questions, strict=True):
        prime, *terms, _ = (number(part, base) for part in tokens.reshape(-1, count))
        assert all(term < prime for term in terms)
        rounds = task.rounds if isinstance(task, Squaring) else 0
        assert number(targets[counted], base) == pow(sum(terms), 2**rounds, prime)
        assert counted[-count:].all()
        assert not counted[:-count].any()
    moduli = {number(row, base) for row in questions.tokens_BxN[:, :count]}
    assert (len(moduli) > 3000) if task.fresh else (moduli == {61})


@pytest.mark.parametrize("bits", [5, 24, 31])
def test_products_fit_in_words(bits):
    generator = np.random.default_rng(bits)
    modulus = generator.integers(2 ** (bits - 1), 2**bits, 1000)
    modulus[0] = 2**bits - 1
    a, b = generator.integers(0, modulus), generator.integers(0, modulus)
    a[0] = b[0] = modulus[0] - 1
    words = (jnp.asarray(array, jnp.uint32) for array in (a, b, modulus))
    product = jax.jit(squaring.multiply, static_argnums=3)(*words, bits)
    assert [int(x) * int(y) % int(p) for x, y, p in zip(a, b, modulus, strict=True)] == list(
        product
    )


def test_primes_are_all_primes():
    plain = [n for n in range(512, 1024) if all(n % divisor for divisor in range(2, 32))]
    assert list(squaring.primes(10)) == plain
    assert len(squaring.primes(20)) == 38_635


@pytest.mark.parametrize("task", TASKS[::2])
def test_chance_is_that_of_a_uniform_answer(task):
    assert measured_chance(drawn(task), task.classes) == pytest.approx(task.chance(), abs=0.02)


def test_chance_counts_digits():
    task = Summing(bits=6, base=10, fresh=False, terms=2)
    tens, ones = (np.bincount(digit) / 61 for digit in np.divmod(np.arange(61), 10))
    assert task.chance() == pytest.approx((tens.max() + ones.max()) / 2)


def test_a_key_makes_the_rows():
    np.testing.assert_array_equal(drawn(TASKS[0]).tokens_BxN, drawn(TASKS[0]).tokens_BxN)
    assert (drawn(TASKS[0]).tokens_BxN != drawn(TASKS[0], seed=1).tokens_BxN).any()


def test_refusals():
    with pytest.raises(ValueError, match="primes of 25 bits are not at hand"):
        Squaring(bits=25, base=10, fresh=True, rounds=1)
    with pytest.raises(ValueError, match="base 1 writes no digits"):
        Summing(bits=20, base=1, fresh=True, terms=2)
    with pytest.raises(ValueError, match="0 terms have no sum"):
        Summing(bits=20, base=10, fresh=True, terms=0)
