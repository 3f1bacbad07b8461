"""Packing against its law: every token once, nothing but true next tokens."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxlab.tasks.packing import fit, pack, read_rows

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any)


def place_by_place(pieces, rows, length):
    """What is at each place: (corpus index, piece, whether counted), or None."""
    places = [None] * (rows * length)
    for piece, (place, token, tokens, targets) in enumerate(zip(*pieces, strict=True)):
        for offset in range(tokens):
            assert places[place + offset] is None
            places[place + offset] = (token + offset, piece, offset < targets)
    return places


@given(lengths=LENGTHS, length=st.integers(1, 17))
@settings(deadline=None)
def test_every_token_is_an_input_once_and_a_target_if_it_follows_one(lengths, length):
    pieces, rows = pack(np.array(lengths), length)
    places = place_by_place(pieces, rows, length)
    filled = [place for place in places if place is not None]
    assert sorted(index for index, _, _ in filled) == list(range(sum(lengths)))
    ends = set(np.cumsum(lengths) - 1)
    assert all(counted == (index not in ends) for index, _, counted in filled)
    assert all(column.dtype == np.int32 for column in pieces)
    assert np.all(np.diff(pieces.place_K) > 0)
    last_K = pieces.place_K + pieces.tokens_K - 1
    assert np.array_equal(pieces.place_K // length, last_K // length)  # none lies in two rows
    documents = np.repeat(np.arange(len(lengths)), lengths)
    for token, tokens in zip(pieces.token_K, pieces.tokens_K, strict=True):
        assert len(set(documents[token : token + tokens])) == 1
    assert all(any(places[row * length : (row + 1) * length]) for row in range(rows))


@given(lengths=LENGTHS, length=st.integers(1, 17))
@settings(deadline=None)
def test_no_two_rows_would_fit_into_one(lengths, length):
    pieces, rows = pack(np.array(lengths), length)
    used = np.bincount(pieces.place_K // length, weights=pieces.tokens_K, minlength=rows)
    assert np.sum(np.sort(used)[:2]) > length or rows == 1


def test_best_fit_takes_the_tightest_bin():
    bins, count = fit(np.array([3, 6, 5, 4, 2]), 10)
    assert count == 2
    assert [set(np.flatnonzero(bins == number)) for number in range(count)] == [{1, 3}, {0, 2, 4}]


def test_rows_hold_what_the_table_says():
    lengths, length = np.array([9, 3, 0, 1, 6, 2]), 4
    tokens_N = np.arange(100, 100 + lengths.sum()).astype(np.uint8)
    pieces, rows = pack(lengths, length)
    read = jax.jit(partial(read_rows, length=length))(pieces, tokens_N, np.arange(rows))
    for at, place in enumerate(place_by_place(pieces, rows, length)):
        token, target, document, counted = (np.asarray(leaf).flat[at] for leaf in read)
        if place is None:
            assert (token, target, document, counted) == (0, 0, -1, False)
        else:
            index, piece, has_target = place
            assert (token, document, counted) == (100 + index, piece, has_target)
            assert target == (101 + index if has_target else 0)
    turned = jax.jit(partial(read_rows, length=length))(pieces, tokens_N, np.arange(rows)[::-1])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[::-1], b), read, turned)


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(ValueError, match="length must be at least 1"):
        pack(np.array([3]), 0)
    with pytest.raises(ValueError, match="no token"):
        pack(np.array([0, 0]), 4)
    with pytest.raises(ValueError, match="take less text"):
        pack(np.array([2**31]), 2**30)
