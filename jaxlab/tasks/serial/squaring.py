"""Repeated squaring modulo a prime, x to x^2 to x^4, and modular sums as its control.

No way around the rounds is known where the order of the group is not (Rivest, Shamir and Wagner
1996, "Time-lock puzzles"; a task for transformers in Li et al. arXiv 2402.12875). With a prime the
order is p - 1 and the exponent 2^r can be reduced first, which leaves about log2 p squarings:
rounds beyond that are no deeper. Small primes are a table to be learned by heart: take 20 bits or
more, or a fresh prime in every row.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxlab.tasks import recall
from jaxlab.tasks.serial.questions import Questions

MAX_BITS = 24  # half a million primes


@dataclasses.dataclass(frozen=True)
class Modular:
    """Numbers as digits, highest first: the prime, what is computed from, and blanks to answer at.

    Args:
        bits: of the prime, 3 to 24; it is at least 2^(bits - 1).
        base: of the digits. The token `base` is the blank.
        fresh: whether every row has a prime of its own, uniform, or all have the largest one.
    """

    bits: int
    base: int
    fresh: bool

    def __post_init__(self):
        if not 3 <= self.bits <= MAX_BITS:
            raise ValueError(f"primes of {self.bits} bits are not at hand: take 3 to {MAX_BITS}")
        if not 2 <= self.base <= 2**self.bits:
            raise ValueError(f"base {self.base} writes no digits: take 2 to 2^{self.bits}")

    @property
    def vocabulary(self) -> int:
        """The digits and the blank."""
        return self.base + 1

    @property
    def classes(self) -> int:
        """The digits."""
        return self.base

    @property
    def digits(self) -> int:
        """Digits D of every number."""
        return next(d for d in range(1, self.bits + 1) if self.base**d >= 2**self.bits)

    def moduli(self) -> np.ndarray:
        """Returns the primes that rows may have, each as likely."""
        return primes(self.bits) if self.fresh else primes(self.bits)[-1:]

    def chance(self) -> float:
        """Accuracy of the likeliest digit of each place, for answers uniform from 0 to p - 1.

        Sums are; iterated squares up to a share of order log(p) / sqrt(p) (Polya and Vinogradov).
        """
        prime_Px1 = self.moduli().astype(np.int64)[:, None]
        digit_C = np.arange(self.base)
        best = []
        for unit in self.base ** np.arange(self.digits):  # numbers below p with such a digit there
            whole_Px1, rest_Px1 = np.divmod(prime_Px1, unit * self.base)
            count_PxC = whole_Px1 * unit + np.clip(rest_Px1 - digit_C * unit, 0, unit)
            best.append(np.max(np.mean(count_PxC / prime_Px1, axis=0)))
        return float(np.mean(best))

    def draw_prime(self, key: jax.Array, batch_size: int) -> jax.Array:
        """Draws prime_B, uint32."""
        prime_P = jnp.asarray(self.moduli(), jnp.uint32)
        return prime_P[jax.random.randint(key, (batch_size,), 0, len(prime_P))]

    def ask(self, numbers: list[jax.Array], answer_B: jax.Array) -> Questions:
        """Returns the digits of the numbers, then blanks that ask for those of the answer."""
        write = functools.partial(recall.digits, base=self.base, count=self.digits)
        given = [write(number_B.astype(jnp.int32)) for number_B in numbers]
        answer_BxD = write(answer_B.astype(jnp.int32))
        blank_BxD = jnp.full_like(answer_BxD, self.base)
        tokens_BxN = jnp.concatenate((*given, blank_BxD), axis=1)
        targets_BxN = jnp.concatenate(
            [jnp.zeros_like(blank_BxD)] * len(given) + [answer_BxD], axis=1
        )
        return Questions(tokens_BxN, targets_BxN, tokens_BxN == self.base)


@dataclasses.dataclass(frozen=True)
class Squaring(Modular):
    """The prime and x; the answer is x squared `rounds` times, modulo the prime."""

    rounds: int

    @property
    def length(self) -> int:
        """Digits of the prime, of x and of the answer."""
        return 3 * self.digits

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws primes and, below them, numbers."""
        prime_key, number_key = jax.random.split(key)
        prime_B = self.draw_prime(prime_key, batch_size)
        x_B = _below(number_key, prime_B)
        return self.ask([prime_B, x_B], square(x_B, prime_B, self.rounds, self.bits))


@dataclasses.dataclass(frozen=True)
class Summing(Modular):
    """The control: the prime and `terms` numbers; the answer is their sum modulo the prime."""

    terms: int

    def __post_init__(self):
        super().__post_init__()
        if self.terms < 1:
            raise ValueError(f"{self.terms} terms have no sum: take at least 1")

    @property
    def length(self) -> int:
        """Digits of the prime, of the terms and of the sum."""
        return (2 + self.terms) * self.digits

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws primes and, below them, terms."""
        prime_key, number_key = jax.random.split(key)
        prime_B = self.draw_prime(prime_key, batch_size)
        terms = list(_below(number_key, jnp.broadcast_to(prime_B, (self.terms, batch_size))))
        sum_B = functools.reduce(lambda total_B, term_B: (total_B + term_B) % prime_B, terms)
        return self.ask([prime_B, *terms], sum_B)


@functools.cache
def primes(bits: int) -> np.ndarray:
    """Returns every prime from 2^(bits - 1) to 2^bits, by the sieve of Eratosthenes."""
    is_prime = np.ones(2**bits, bool)
    is_prime[:2] = False
    for number in range(2, int(2 ** (bits / 2)) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = False
    is_prime[: 2 ** (bits - 1)] = False
    return np.flatnonzero(is_prime)


def square(x_B: jax.Array, modulus_B: jax.Array, rounds: int, bits: int) -> jax.Array:
    """Returns x^(2^rounds) modulo numbers of at most `bits` bits, all of them uint32."""
    return lax.fori_loop(0, rounds, lambda _, x_B: multiply(x_B, x_B, modulus_B, bits), x_B)


def multiply(a_B: jax.Array, b_B: jax.Array, modulus_B: jax.Array, bits: int) -> jax.Array:
    """Returns a b modulo numbers of at most `bits` bits (to 31), in 32-bit words.

    b is taken in pieces, the highest first, so short that a piece of b times a is still a word.
    """
    piece = 32 - bits
    total_B = jnp.zeros_like(a_B)
    for shift in range(-(-bits // piece) * piece - piece, -1, -piece):
        piece_B = b_B >> shift & (2**piece - 1)
        total_B = ((total_B << piece) % modulus_B + a_B * piece_B % modulus_B) % modulus_B
    return total_B


def _below(key: jax.Array, bound: jax.Array) -> jax.Array:
    """Draws uniform numbers below each bound of any shape, uint32."""
    return jax.random.randint(key, bound.shape, 0, bound.astype(jnp.int32)).astype(jnp.uint32)
