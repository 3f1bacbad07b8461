"""Recall: a table of random pairs, key and value, that can only be learned by heart.

Values are uniform and independent of the keys, so a model that predicts them has stored them: the
measure of arXiv 2404.05405, where language models come to hold about 2 bits per parameter. Keys
are numbers of several digits, so no row of an embedding belongs to one key.
"""

from __future__ import annotations

import jax
import numpy as np
from numpy.typing import ArrayLike


def table(key: jax.Array, pairs: int, values: int) -> jax.Array:
    """Returns the value_N of the keys 0 to `pairs` - 1, each uniform over 0 to `values` - 1."""
    return jax.random.randint(key, (pairs,), 0, values)


def digits(number_B: jax.Array, base: int, count: int) -> jax.Array:
    """Returns the last `count` digits of numbers as digit_BxD, the highest first."""
    place_D = base ** np.arange(count)[::-1].astype(np.int32)
    return number_B[:, None] // place_D[None] % base


def stored_bits(loss: ArrayLike, pairs: int, values: int) -> np.ndarray:
    """Returns N (ln V - loss) / ln 2: what a table's mean loss in nats says is known of it."""
    return pairs * (np.log(values) - np.asarray(loss)) / np.log(2)
