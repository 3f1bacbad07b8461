"""Which tokens a loss is of: by frequency, by position, copied against new, and by document.

Each of the four divides the held-out tokens, so what a change gains on the kinds of one of them
adds up to what it gains at all.
"""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.tasks.corpus import Corpus

QUARTERS = 4
PARTS = 16  # of the held-out documents, in the order of their paths
POSITION = tuple(f"position_{n + 1}" for n in range(QUARTERS))  # in the row, from its start
FREQUENCY = tuple(f"frequency_{n + 1}" for n in range(QUARTERS))  # the most frequent tokens first
COPIES = ("copied", "repeated", "new", "other")
DOCUMENTS = tuple(f"part_{n + 1}" for n in range(PARTS))


def tables(train: Corpus, held_out: Corpus, starts_R: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what `kinds` looks up.

    `quarter_V`: the quarter of the training tokens to which a token belongs, the most frequent
    ones in the first. `word_V`: whether a token has a letter or `_`. `part_R`: the part of the
    held-out documents in which the row begins that has the start starts_R.
    """
    vocabulary = len(train.pieces)
    count_V = np.bincount(train.tokens_N, minlength=vocabulary)
    order_V = np.argsort(-count_V, kind="stable")
    before_V = (np.cumsum(count_V[order_V]) - count_V[order_V]) / max(1, count_V.sum())
    quarter_V = np.empty(vocabulary, np.int32)
    quarter_V[order_V] = np.minimum(QUARTERS * before_V, QUARTERS - 1)
    document_R = np.searchsorted(held_out.document_starts_D, starts_R, side="right") - 1
    part_R = document_R * PARTS // len(held_out.document_starts_D)
    word_V = np.array([bool(re.search(rb"[A-Za-z_]", piece)) for piece in train.pieces])
    return {"quarter_V": quarter_V, "word_V": word_V, "part_R": part_R.astype(np.int32)}


def kinds(
    tables: dict[str, jax.Array], row_B: jax.Array, tokens_BxT: jax.Array, targets_BxT: jax.Array
) -> dict[str, jax.Array]:
    """Returns mask_BxT of each kind, over the targets.

    A word is `copied` where it follows the same token as it did earlier in the row, `repeated`
    where it stood earlier in the row but not after that token, else `new`; all else is `other`.
    """
    length = tokens_BxT.shape[1]
    earlier_1xTxT = jnp.tri(length, length, -1, dtype=bool)[None]
    known_1xTxT = jnp.tri(length, length, dtype=bool)[None]
    same_target_BxTxT = targets_BxT[:, :, None] == targets_BxT[:, None, :]
    same_token_BxTxT = tokens_BxT[:, :, None] == tokens_BxT[:, None, :]
    is_token_BxTxT = targets_BxT[:, :, None] == tokens_BxT[:, None, :]
    pair_BxT = jnp.any(same_target_BxTxT & same_token_BxTxT & earlier_1xTxT, axis=-1)
    seen_BxT = jnp.any(is_token_BxTxT & known_1xTxT, axis=-1)
    word_BxT = tables["word_V"][targets_BxT]
    found = {
        "copied": word_BxT & pair_BxT,
        "repeated": word_BxT & seen_BxT & ~pair_BxT,
        "new": word_BxT & ~seen_BxT,
        "other": ~word_BxT,
    }
    quarter_BxT = tables["quarter_V"][targets_BxT]
    place_BxT = jnp.broadcast_to(jnp.arange(length)[None] * QUARTERS // length, targets_BxT.shape)
    part_BxT = jnp.broadcast_to(tables["part_R"][row_B][:, None], targets_BxT.shape)
    for names, number_BxT in (
        (FREQUENCY, quarter_BxT),
        (POSITION, place_BxT),
        (DOCUMENTS, part_BxT),
    ):
        found |= {name: number_BxT == number for number, name in enumerate(names)}
    return found
