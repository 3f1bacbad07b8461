"""Hops: pointers that are followed k times, in a table or from a letter to its last occurrence.

Log depth is enough (a table is squared, k halved): transformers of floor(log2 k) + 2 layers do it
(Sanford et al. arXiv 2402.09268), while recurrence over the tokens needs memory of all of them. The
control is k = 1.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax

from jaxlab.tasks.serial.questions import Questions, ask_last, draw_below


@dataclasses.dataclass(frozen=True)
class Pointers:
    """A table of pointers, then a start; the answer is where `hops` pointers lead from there.

    The table is one cycle through all `places`, uniform among such: nothing is visited twice.
    """

    places: int
    hops: int

    def __post_init__(self):
        if not 1 <= self.hops < self.places:
            raise ValueError(
                f"{self.hops} hops on a cycle of {self.places} places are circular: take 1 to "
                f"{self.places - 1}"
            )

    @property
    def length(self) -> int:
        """Tokens in a row: token i is where place i points, and the last is the start."""
        return self.places + 1

    @property
    def vocabulary(self) -> int:
        """One token per place."""
        return self.places

    @property
    def classes(self) -> int:
        """One answer per place."""
        return self.places

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws tables and starts; the target at the last token is the place that is reached."""
        cycle_key, start_key = jax.random.split(key)
        cycle_BxP = jnp.argsort(jax.random.bits(cycle_key, (batch_size, self.places)), axis=1)
        row_Bx1 = jnp.arange(batch_size)[:, None]
        table_BxP = jnp.zeros_like(cycle_BxP)
        table_BxP = table_BxP.at[row_Bx1, cycle_BxP].set(jnp.roll(cycle_BxP, -1, axis=1))
        start_B = draw_below(start_key, (batch_size,), self.places)
        tokens_BxN = jnp.concatenate((table_BxP, start_B[:, None]), axis=1)
        return ask_last(tokens_BxN, follow(table_BxP, start_B[:, None], self.hops)[:, 0])

    def chance(self) -> float:
        """Accuracy of any constant answer."""
        return 1 / self.places


@dataclasses.dataclass(frozen=True)
class Induction:
    """Uniform letters; the answer at each is that of its k-th hop (k-hop induction heads).

    A hop leads from a place to the one that follows the last occurrence, before it, of its letter.
    Where `hops` hops do not lead anywhere nothing is asked.
    """

    letters: int
    alphabet: int
    hops: int

    def __post_init__(self):
        if self.alphabet < 2 or self.hops < 1 or self.letters <= self.hops:
            raise ValueError(
                f"{self.hops} hops in {self.letters} letters of {self.alphabet} are none: take at "
                "least 1 hop, more letters than hops, and 2 different ones"
            )

    @property
    def length(self) -> int:
        """Tokens in a row, one per letter."""
        return self.letters

    @property
    def vocabulary(self) -> int:
        """The letters of the alphabet."""
        return self.alphabet

    @property
    def classes(self) -> int:
        """The letters of the alphabet."""
        return self.alphabet

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws letters; targets are the letters that the hops lead to."""
        shape = (batch_size, self.letters)
        tokens_BxN = draw_below(key, shape, self.alphabet)
        start_BxN = jnp.broadcast_to(jnp.arange(self.letters), shape)
        place_BxN = follow(hop_table(tokens_BxN), start_BxN, self.hops)
        return Questions(tokens_BxN, follow(tokens_BxN, place_BxN, 1), place_BxN > 0)

    def chance(self) -> float:
        """Accuracy of any constant answer: renaming letters changes no hop."""
        return 1 / self.alphabet


def follow(table_BxP: jax.Array, start_BxN: jax.Array, hops: int) -> jax.Array:
    """Returns place_BxN where `hops` pointers of the table lead from each start."""
    return lax.fori_loop(
        0, hops, lambda _, place_BxN: jnp.take_along_axis(table_BxP, place_BxN, axis=1), start_BxN
    )


def hop_table(letters_BxN: jax.Array) -> jax.Array:
    """Returns hop_BxN, the place that each leads to; 0, where no hop can end, for nowhere."""
    place_N = jnp.arange(letters_BxN.shape[1])
    before_BxN = jnp.roll(letters_BxN, 1, axis=1)
    matches_BxNxN = letters_BxN[:, :, None] == before_BxN[:, None, :]
    earlier_NxN = (place_N[None, :] <= place_N[:, None]) & (place_N > 0)[None]
    return jnp.max(jnp.where(matches_BxNxN & earlier_NxN[None], place_N[None, None], 0), axis=2)
