"""The word problem of a finite group: the product of every prefix of a word.

NC1-complete where the group is not solvable, as A5 and S5 (Barrington 1989; for transformers Liu et
al. arXiv 2210.10749 and Merrill et al. arXiv 2404.08819); solvable groups of the same order are the
controls, A4xZ5 and the abelian Z60. A view that misses uniform letters knows nothing: the product
stays uniform.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxlab.tasks.serial.groups import Group, group
from jaxlab.tasks.serial.questions import Questions, draw_below

LETTERS = ("elements", "generators")


@dataclasses.dataclass(frozen=True)
class Words:
    """Words of `length` uniform letters and, as targets, the product of each prefix.

    Args:
        group: name of the group, see `groups.group`.
        length: letters in a word.
        letters: `elements`, where a letter is any element of the group, or `generators`, where it
            is one of a few that generate it (and their inverses).
    """

    group: str
    length: int
    letters: str

    def __post_init__(self):
        if self.letters not in LETTERS:
            raise ValueError(f"letters {self.letters!r} are unknown: choose one of {LETTERS}")
        if self.length < 1:
            raise ValueError(f"words of {self.length} letters have no product: take at least 1")
        group(self.group)

    @property
    def vocabulary(self) -> int:
        """How many letters there are."""
        return len(self.alphabet)

    @property
    def classes(self) -> int:
        """The order of the group."""
        return group(self.group).order

    @property
    def alphabet(self) -> np.ndarray:
        """The element that each letter stands for, K numbers."""
        of = group(self.group)
        return np.arange(of.order) if self.letters == "elements" else of.generator_K

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws uniform words; targets are the products of prefixes, all of them asked for."""
        tokens_BxN = draw_below(key, (batch_size, self.length), self.vocabulary)
        products_BxN = prefix_products(group(self.group), self.elements(tokens_BxN))
        return Questions(tokens_BxN, products_BxN, jnp.full(tokens_BxN.shape, True))

    def elements(self, tokens_BxN: jax.Array) -> jax.Array:
        """Returns the elements that letters stand for."""
        return jnp.asarray(self.alphabet)[tokens_BxN]

    def chance(self) -> float:
        """Accuracy, over all prefixes, of answering the likeliest product of so many letters."""
        return float(np.mean([self.ceiling(unseen) for unseen in range(1, self.length + 1)]))

    def ceiling(self, unseen: int) -> float:
        """Accuracy of the best answer that misses `unseen` neighbouring letters and sees the rest.

        What is seen multiplies the product of what is not by known elements, so that the answer is
        as uncertain as the end of a random walk of `unseen` letters.
        """
        return float(np.max(walk(group(self.group), self.alphabet, unseen)))


def prefix_products(of: Group, elements_BxN: jax.Array) -> jax.Array:
    """Returns the product of each prefix of the rows of elements."""
    table_GxG = jnp.asarray(of.table_GxG)

    def multiply(product_B, element_B):
        product_B = table_GxG[product_B, element_B]
        return product_B, product_B

    identity_B = jnp.zeros_like(elements_BxN[:, 0])
    return lax.scan(multiply, identity_B, elements_BxN.T)[1].T


def walk(of: Group, letter_K: np.ndarray, steps: int) -> np.ndarray:
    """Returns share_G, how likely each element is to be the product of `steps` uniform letters."""
    share_G = np.eye(of.order)[0]
    for _ in range(steps):
        moved_G = np.zeros(of.order)
        for letter in letter_K:
            moved_G[of.table_GxG[:, letter]] += share_G / len(letter_K)
        share_G = moved_G
    return share_G
