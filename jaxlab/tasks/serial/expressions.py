"""Nested arithmetic modulo a small prime, in Polish notation: + a × b c.

Evaluating a formula is NC1-complete, over Boolean gates (Buss 1987) as over a fixed finite field:
log depth suffices, constant depth does not unless TC0 = NC1 (Feng et al. arXiv 2305.15408, with
infix expressions). The control is one operator in rows of the same length.
"""

from __future__ import annotations

import dataclasses
from math import comb

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxlab.tasks.serial.questions import Questions, ask_last, draw_below

OPERATORS = ("+", "-", "*")


@dataclasses.dataclass(frozen=True)
class Expressions:
    """Expressions after padding; the answer, their value, is asked for at the last token.

    All ways to nest are equally likely, and so are operators and numbers. Tokens below `prime` are
    numbers, then come the operators, then the padding.

    Args:
        operators: in an expression.
        prime: what is computed modulo.
        length: tokens in a row, at least 2 `operators` + 1.
    """

    operators: int
    prime: int
    length: int

    def __post_init__(self):
        if self.operators < 0 or self.length < 2 * self.operators + 1:
            raise ValueError(
                f"{self.operators} operators do not fit in {self.length} tokens: give a length of "
                f"{2 * self.operators + 1} or more"
            )
        if self.prime < 2 or any(self.prime % divisor == 0 for divisor in range(2, self.prime)):
            raise ValueError(f"{self.prime} is no prime: take a small one such as 11")

    @property
    def vocabulary(self) -> int:
        """Numbers, operators and padding."""
        return self.prime + len(OPERATORS) + 1

    @property
    def classes(self) -> int:
        """The numbers."""
        return self.prime

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws expressions; the target at the last token is the value."""
        size = 2 * self.operators + 1
        order_key, token_key = jax.random.split(key)
        is_operator_BxN = draw_shapes(order_key, batch_size, self.operators)
        kinds_BxN = jnp.where(is_operator_BxN, len(OPERATORS), self.prime)
        first_BxN = jnp.where(is_operator_BxN, self.prime, 0)
        tail_BxN = first_BxN + draw_below(token_key, (batch_size, size), kinds_BxN)
        padding_BxN = jnp.full((batch_size, self.length - size), self.vocabulary - 1)
        tokens_BxN = jnp.concatenate((padding_BxN, tail_BxN), axis=1)
        return ask_last(tokens_BxN, values(tail_BxN, self.prime))

    def chance(self) -> float:
        """Accuracy of always answering the most common value, which is 0."""
        return float(np.max(value_shares(self.operators, self.prime)))


def draw_shapes(key: jax.Array, batch_size: int, operators: int) -> jax.Array:
    """Draws is_operator_BxN of Polish words, uniform over the ways to nest.

    Of the rotations of any row of n operators and n + 1 numbers exactly one is a Polish word (the
    cycle lemma, Dvoretzky and Motzkin 1947): it begins behind the first place where numbers are
    furthest ahead of operators.
    """
    size = 2 * operators + 1
    order_BxN = jnp.argsort(jax.random.bits(key, (batch_size, size)), axis=1)
    is_operator_BxN = order_BxN < operators
    ahead_BxN = jnp.cumsum(jnp.where(is_operator_BxN, -1, 1), axis=1)
    start_Bx1 = jnp.argmax(ahead_BxN, axis=1)[:, None] + 1
    place_BxN = (start_Bx1 + jnp.arange(size)[None]) % size
    return jnp.take_along_axis(is_operator_BxN, place_BxN, axis=1)


def values(tokens_BxN: jax.Array, prime: int) -> jax.Array:
    """Returns value_B of Polish words, read from the right on a stack."""
    batch_size, size = tokens_BxN.shape
    row_B = jnp.arange(batch_size)

    def read(carry, token_B):
        stack_BxS, height_B = carry  # the number of values on the stack
        first_B, second_B = stack_BxS[row_B, height_B - 1], stack_BxS[row_B, height_B - 2]
        results = jnp.stack((first_B + second_B, first_B - second_B, first_B * second_B)) % prime
        is_number_B = token_B < prime
        result_B = results[jnp.clip(token_B - prime, 0, 2), row_B]
        height_B = jnp.where(is_number_B, height_B + 1, height_B - 1)
        stack_BxS = stack_BxS.at[row_B, height_B - 1].set(jnp.where(is_number_B, token_B, result_B))
        return (stack_BxS, height_B), None

    empty = jnp.zeros((batch_size, size // 2 + 1), jnp.int32), jnp.zeros(batch_size, jnp.int32)
    (stack_BxS, _), _ = lax.scan(read, empty, tokens_BxN.T, reverse=True)
    return stack_BxS[:, 0]


def value_shares(operators: int, prime: int) -> np.ndarray:
    """Returns how likely each value is, share_P.

    With i of the other operators in the left operand and j in the right, C_i C_j of the C_n ways to
    nest have that split, C_n being Catalan's numbers; the operands are independent.
    """
    number = np.arange(prime)
    left_PxP, right_PxP = number[:, None], number[None]
    results = [
        f % prime for f in (left_PxP + right_PxP, left_PxP - right_PxP, left_PxP * right_PxP)
    ]
    shares = [np.full(prime, 1 / prime)]
    for total in range(1, operators + 1):
        pair_PxP = np.zeros((prime, prime))
        for left, right in enumerate(range(total - 1, -1, -1)):
            weight = _catalan(left) * _catalan(right) / _catalan(total)
            pair_PxP += weight * shares[left][:, None] * shares[right][None]
        counts = [np.bincount(f.ravel(), pair_PxP.ravel(), prime) for f in results]
        shares.append(np.mean(counts, axis=0))
    return shares[operators]


def _catalan(number: int) -> int:
    return comb(2 * number, number) // (number + 1)
