"""Rows of equal length out of documents of any length, with every token in exactly one row.

Documents are cut into pieces no longer than a row, and pieces share rows. The table of the pieces
is all that is kept (a few numbers per document); rows are put together where they are asked for.
"""

from __future__ import annotations

import bisect
import collections
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MAX_PLACES = 2**31 - 1  # places are int32, the widest index that JAX has by default


class Pieces(NamedTuple):
    """What lies where, when the rows are laid end to end; int32, ascending by place.

    A piece ends before the next begins; what is between them is padding.

    Attributes:
        place_K: of the piece's first token.
        token_K: the index of that token in the corpus.
        tokens_K: how many they are.
        targets_K: how many of them have a next token in their document, be it in another row:
            all, or all but the last.
    """

    place_K: np.ndarray | jax.Array
    token_K: np.ndarray | jax.Array
    tokens_K: np.ndarray | jax.Array
    targets_K: np.ndarray | jax.Array


class Rows(NamedTuple):
    """A batch of rows, int32 but for `counted_BxT`.

    Attributes:
        tokens_BxT: the inputs; 0 in padding.
        targets_BxT: the true next token of each in its document; 0 where there is none.
        documents_BxT: a number per piece, to tell them apart; the padding of a row has its own.
        counted_BxT: bool, whether there is a target. Padding has none, nor has a document's end.
    """

    tokens_BxT: jax.Array
    targets_BxT: jax.Array
    documents_BxT: jax.Array
    counted_BxT: jax.Array


def pack(lengths_D: np.ndarray, length: int) -> tuple[Pieces, int]:
    """Packs documents into rows of `length` tokens.

    A long document fills rows of its own from its beginning on; its rest and the short documents
    go, the longest first, each into the row that it fills best (best-fit decreasing). The same
    lengths give the same rows.

    Args:
        lengths_D: tokens of each document; they lie one after another in the corpus.
        length: of a row.

    Returns:
        The pieces and the number of rows.

    Raises:
        ValueError: `length` is below 1, there is no token, or rows have more than 2**31 - 1 places.
    """
    lengths_D = np.asarray(lengths_D, np.int64)
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    if not lengths_D.sum():
        raise ValueError("there is nothing to pack: the documents have no token")
    starts_D = np.cumsum(lengths_D) - lengths_D
    whole_D, rest_D = np.divmod(lengths_D, length)
    rests = np.flatnonzero(rest_D)
    row_of_rest, rows = fit(rest_D[rests], length)
    long_K = np.repeat(np.arange(len(lengths_D)), whole_D)  # the document of every full row
    turn_K = np.arange(len(long_K)) - np.repeat(np.cumsum(whole_D) - whole_D, whole_D)
    full_rows = len(long_K)
    if (full_rows + rows) * length > MAX_PLACES:
        raise ValueError(
            f"{full_rows + rows} rows of {length} are more than {MAX_PLACES} places: take less text"
        )

    document_K = np.concatenate((long_K, rests))
    row_K = np.concatenate((np.arange(full_rows), full_rows + row_of_rest))
    token_K = starts_D[document_K] + np.concatenate((turn_K * length, (whole_D * length)[rests]))
    tokens_K = np.concatenate((np.full(full_rows, length), rest_D[rests]))
    order = np.argsort(row_K, kind="stable")  # in a row as the documents lie in the corpus
    document_K, row_K, token_K, tokens_K = (
        column[order] for column in (document_K, row_K, token_K, tokens_K)
    )
    before_K = np.cumsum(tokens_K) - tokens_K
    first_K = np.searchsorted(row_K, row_K)  # the first piece of each one's row
    place_K = row_K * length + before_K - before_K[first_K]
    ends_K = token_K + tokens_K == (starts_D + lengths_D)[document_K]
    columns = (place_K, token_K, tokens_K, tokens_K - ends_K)
    return Pieces(*(column.astype(np.int32) for column in columns)), full_rows + rows


def fit(sizes: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """Returns the bin of every size, and how many bins there are: best-fit decreasing."""
    bin_of = np.zeros(len(sizes), np.int64)
    bins_by_space: dict[int, list[int]] = collections.defaultdict(list)
    spaces: list[int] = []  # those that some bin has, ascending
    count = 0
    for item in np.argsort(-sizes, kind="stable"):
        size = int(sizes[item])
        tightest = bisect.bisect_left(spaces, size)
        if tightest == len(spaces):
            space, chosen, count = capacity, count, count + 1
        else:
            space = spaces[tightest]
            chosen = bins_by_space[space].pop()
            if not bins_by_space[space]:
                del spaces[tightest]
        bin_of[item] = chosen
        left = space - size
        if left and not bins_by_space[left]:
            bisect.insort(spaces, left)
        if left:
            bins_by_space[left].append(chosen)
    return bin_of, count


def read_rows(pieces: Pieces, tokens_N: jax.Array, row_B: jax.Array, length: int) -> Rows:
    """Puts rows together; for use in a compiled function.

    Args:
        pieces: of `pack`.
        tokens_N: the corpus, any integer dtype.
        row_B: which rows, each below the number of rows.
        length: that `pack` was given.
    """
    place_BxT = row_B[:, None] * length + jnp.arange(length)[None]
    flat = jnp.searchsorted(jnp.asarray(pieces.place_K), place_BxT.reshape(-1), side="right") - 1
    piece_BxT = flat.reshape(place_BxT.shape)
    place_K, token_K, tokens_K, targets_K = (jnp.asarray(column) for column in pieces)
    offset_BxT = place_BxT - place_K[piece_BxT]
    filled_BxT = offset_BxT < tokens_K[piece_BxT]
    counted_BxT = offset_BxT < targets_K[piece_BxT]
    index_BxT = token_K[piece_BxT] + offset_BxT

    def read(index_BxT: jax.Array, there_BxT: jax.Array) -> jax.Array:
        found_BxT = tokens_N[jnp.where(there_BxT, index_BxT, 0)].astype(jnp.int32)
        return jnp.where(there_BxT, found_BxT, 0)

    return Rows(
        tokens_BxT=read(index_BxT, filled_BxT),
        targets_BxT=read(index_BxT + 1, counted_BxT),
        documents_BxT=jnp.where(filled_BxT, piece_BxT, -1),
        counted_BxT=counted_BxT,
    )
