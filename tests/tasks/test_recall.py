"""The table of random pairs: uniform values, keys that digits tell apart, and what is stored."""

import jax
import numpy as np
import pytest
from scipy import stats

from jaxlab.tasks import recall


def test_values_are_uniform_and_belong_to_their_key():
    value_N = np.asarray(recall.table(jax.random.key(1), 1 << 14, 16))
    assert stats.chisquare(np.bincount(value_N, minlength=16)).pvalue > 1e-3
    np.testing.assert_array_equal(value_N, recall.table(jax.random.key(1), 1 << 14, 16))
    other_N = np.asarray(recall.table(jax.random.key(2), 1 << 14, 16))
    assert np.mean(value_N == other_N) == pytest.approx(1 / 16, abs=0.01)


def test_values_tell_nothing_of_each_other_by_their_digits():
    value_DxDxD = np.asarray(recall.table(jax.random.key(0), 16**3, 4)).reshape(16, 16, 16)
    for axis in range(3):  # keys that share a digit
        of_digit = np.moveaxis(value_DxDxD, axis, 0).reshape(16, -1)
        counts_DxV = np.stack([np.bincount(row, minlength=4) for row in of_digit])
        assert stats.chi2_contingency(counts_DxV).pvalue > 1e-3


def test_digits_are_those_of_the_number():
    number_B = np.array([0, 7, 123, 999])
    digit_BxD = recall.digits(number_B, 10, 3)
    np.testing.assert_array_equal(digit_BxD, [[0, 0, 0], [0, 0, 7], [1, 2, 3], [9, 9, 9]])
    every = np.asarray(recall.digits(np.arange(4**3), 4, 3))
    assert len({tuple(row) for row in every}) == 4**3


def test_bits_are_none_by_chance_and_all_without_loss():
    assert recall.stored_bits(np.log(64), 4096, 64) == pytest.approx(0)
    assert recall.stored_bits(0.0, 4096, 64) == pytest.approx(4096 * 6)
    # Half of the pairs known exactly, the others by chance.
    assert recall.stored_bits(np.log(64) / 2, 4096, 64) == pytest.approx(2048 * 6)
