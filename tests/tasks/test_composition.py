"""Chains of swaps against an oracle that moves the cups, and the chances of guessing."""

import itertools

import jax
import numpy as np
import pytest
from scipy import stats

from jaxlab.tasks import composition

PLACES, STEPS = 5, 6


@pytest.fixture(scope="module")
def chains():
    return jax.tree.map(np.asarray, composition.draw(jax.random.key(0), 4000, STEPS, PLACES))


def followed(tokens_T, places):
    """Moves the cups themselves, and looks under each for the ball."""
    pairs = list(itertools.combinations(range(places), 2))
    cups = [place == tokens_T[0] for place in range(places)]
    found = []
    for token in tokens_T[1:]:
        a, b = pairs[token - places]
        cups[a], cups[b] = cups[b], cups[a]
        found.append(cups.index(True))
    return found


def test_answers_are_those_of_the_oracle(chains):
    expected = [followed(tokens_T, PLACES) for tokens_T in chains.tokens_BxT.tolist()]
    np.testing.assert_array_equal(chains.answer_BxK, expected)


def test_every_token_is_drawn_uniformly(chains):
    start_B, swap_BxK = chains.tokens_BxT[:, 0], chains.tokens_BxT[:, 1:] - PLACES
    assert set(start_B) == set(range(PLACES))
    assert set(swap_BxK.flat) == set(range(10))
    assert composition.vocabulary(PLACES) == PLACES + 10
    assert stats.chisquare(np.bincount(start_B)).pvalue > 1e-3
    assert stats.chisquare(np.bincount(swap_BxK.ravel())).pvalue > 1e-3


def test_answers_are_uniform_and_no_swap_tells_them(chains):
    for k in range(STEPS):
        answer_B = chains.answer_BxK[:, k]
        assert stats.chisquare(np.bincount(answer_B, minlength=PLACES)).pvalue > 1e-3
        # Without the start, the last swap says nothing.
        table = np.histogram2d(answer_B, chains.tokens_BxT[:, k + 1], bins=(5, 10))[0]
        assert stats.chi2_contingency(table).pvalue > 1e-3


def test_who_never_moves_is_less_and_less_often_right(chains):
    stays_K = (chains.answer_BxK == chains.tokens_BxT[:, :1]).mean(axis=0)
    # A swap moves the ball with 2 / n, to each other place alike: its place is forgotten at rate r.
    rate = 1 - 2 / (PLACES - 1)
    expected_K = 1 / PLACES + (1 - 1 / PLACES) * rate ** np.arange(1, STEPS + 1)
    np.testing.assert_allclose(stays_K, expected_K, atol=0.03)


def test_swaps_do_not_commute_and_undo_themselves():
    pairs = list(itertools.combinations(range(3), 2))
    first, second = (3 + pairs.index(pair) for pair in ((0, 1), (1, 2)))
    tokens = np.array([[0, first, second], [0, second, first], [0, first, first]])
    last_B = np.asarray(composition.answers(tokens, 3))[:, -1]
    assert last_B.tolist() == [2, 1, 0]
