"""Composition: where a ball is after swap upon swap of the cups, with nothing to remember.

A start x_0, a place among n, is followed by K transpositions drawn anew; after the k-th the answer
is x_k = s_k(... s_2(s_1(x_0))). Swaps are bijections and do not commute: answers are uniform, and
with n = 5 this is the word problem of S_5, on which the depth of a circuit tells (Barrington 1989;
for decoders arXiv 2404.08819). All that has to be known beforehand is what n (n - 1) / 2 tokens do.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Chains(NamedTuple):
    """Chains of K swaps: tokens_BxT with T = K + 1, and the answer_BxK after each swap.

    A token below n is the start; the others are the swaps, in the order of `swaps`.
    """

    tokens_BxT: jax.Array
    answer_BxK: jax.Array


def swaps(places: int) -> np.ndarray:
    """Returns the two places of every swap, pair_Sx2, the first below the second."""
    return np.stack(np.triu_indices(places, 1), axis=1)


def vocabulary(places: int) -> int:
    """Returns how many tokens there are: n starts and n (n - 1) / 2 swaps."""
    return places + len(swaps(places))


def draw(key: jax.Array, batch_size: int, steps: int, places: int) -> Chains:
    """Draws chains of `steps` swaps, start and swaps uniform."""
    start_key, swap_key = jax.random.split(key)
    start_B = jax.random.randint(start_key, (batch_size,), 0, places)
    token_BxK = jax.random.randint(swap_key, (batch_size, steps), places, vocabulary(places))
    tokens_BxT = jnp.concatenate((start_B[:, None], token_BxK), axis=1)
    return Chains(tokens_BxT, answers(tokens_BxT, places))


def answers(tokens_BxT: jax.Array, places: int) -> jax.Array:
    """Returns the answer_BxK after each swap of chains tokens_BxT."""
    pair_Sx2 = jnp.asarray(swaps(places))

    def swap(place_B: jax.Array, token_B: jax.Array) -> tuple[jax.Array, jax.Array]:
        first_B, second_B = pair_Sx2[token_B - places].T
        moved_B = jnp.where(place_B == second_B, first_B, place_B)
        place_B = jnp.where(place_B == first_B, second_B, moved_B)
        return place_B, place_B

    _, answer_KxB = jax.lax.scan(swap, tokens_BxT[:, 0], tokens_BxT[:, 1:].T)
    return answer_KxB.T
