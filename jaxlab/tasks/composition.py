"""Composition: arithmetic modulo a prime, one operation after another, with nothing to remember.

A start x_0 is followed by operations "add b" and "multiply by a" (a ≠ 0); after the k-th the
answer is x_k = m_k(... m_2(m_1(x_0))). Every operation is a bijection and they do not commute, so
answers are uniform, no operation can be left out, and k of them take k compositions (or log k, in
parallel). What has to be known beforehand is a table of p (2p - 1) results.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Chains(NamedTuple):
    """Chains of K operations: tokens_BxT with T = K + 1, and the answer_BxK after each operation.

    A token below p is the start; p + b says "add b"; 2p + a - 1 says "multiply by a".
    """

    tokens_BxT: jax.Array
    answer_BxK: jax.Array


def vocabulary(prime: int) -> int:
    """Returns how many tokens there are: p starts, p sums and p - 1 products."""
    return 3 * prime - 1


def draw(key: jax.Array, batch_size: int, steps: int, prime: int) -> Chains:
    """Draws chains of `steps` operations, starts and operations uniform."""
    start_key, operation_key = jax.random.split(key)
    start_B = jax.random.randint(start_key, (batch_size,), 0, prime)
    operation_BxK = jax.random.randint(operation_key, (batch_size, steps), 0, 2 * prime - 1)
    tokens_BxT = jnp.concatenate((start_B[:, None], prime + operation_BxK), axis=1)
    return Chains(tokens_BxT, answers(tokens_BxT, prime))


def answers(tokens_BxT: jax.Array, prime: int) -> jax.Array:
    """Returns the answer_BxK after each operation of chains tokens_BxT."""

    def apply(number_B: jax.Array, token_B: jax.Array) -> tuple[jax.Array, jax.Array]:
        sum_B = number_B + token_B - prime
        product_B = number_B * (token_B - 2 * prime + 1)
        number_B = jnp.where(token_B < 2 * prime, sum_B, product_B) % prime
        return number_B, number_B

    _, answer_KxB = jax.lax.scan(apply, tokens_BxT[:, 0], tokens_BxT[:, 1:].T)
    return answer_KxB.T
