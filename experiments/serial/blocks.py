"""Words that are multiplied block by block: a tree's levels are asked for what lies below them."""

from __future__ import annotations

import dataclasses
from math import comb
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.circuits.tree import Tree
from jaxlab.tasks.serial.groups import group
from jaxlab.tasks.serial.questions import Questions
from jaxlab.tasks.serial.words import prefix_products

MAJORITY = "majority"
LETTERS = 60  # of the control, those of A5 and Z60


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Uniform words; asked are the products of blocks below the roots, and of the roots the whole.

    A tree of `depth` levels with `fan_in` ^ `depth` < `length` has several roots. Each is asked for
    the product of the whole word, of which it misses letters: then any product is as likely, and
    the ceiling is 1 / |G|. In place of a group, the control `majority` asks whether more than half
    of the letters have a number of 30 or more, with as many letters and answers as A5.
    """

    group: str
    length: int
    fan_in: int
    depth: int

    def __post_init__(self):
        if self.group != MAJORITY:
            group(self.group)
        if self.length < self.fan_in**self.depth or self.length % self.fan_in**self.depth:
            raise ValueError(
                f"{self.length} letters are no whole number of blocks of "
                f"{self.fan_in}^{self.depth}: change one of them"
            )

    @property
    def vocabulary(self) -> int:
        """How many letters there are."""
        return LETTERS if self.group == MAJORITY else group(self.group).order

    @property
    def classes(self) -> int:
        """How many answers there are."""
        return self.vocabulary

    @property
    def parts(self) -> dict[str, slice]:
        """Where the answers of each level stand, the roots last."""
        counts = [self.length // self.fan_in**level for level in range(1, self.depth + 1)]
        ends = [sum(counts[: level + 1]) for level in range(self.depth)]
        names = [f"level_{level}" for level in range(1, self.depth)] + ["root"]
        return {
            name: slice(end - count, end)
            for name, count, end in zip(names, counts, ends, strict=True)
        }

    def chance(self) -> float:
        """Accuracy of the best guess of a root that reads no letter."""
        if self.group != MAJORITY:
            return 1 / self.classes
        more = sum(comb(self.length, high) for high in range(self.length // 2 + 1, self.length + 1))
        return max(more, 2**self.length - more) / 2**self.length

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws words; targets are those of every level, one after another."""
        tokens_BxN = jax.random.randint(key, (batch_size, self.length), 0, self.vocabulary)
        targets = [self.products(tokens_BxN, level) for level in range(1, self.depth)]
        roots = self.length // self.fan_in**self.depth
        targets.append(jnp.repeat(self.whole(tokens_BxN), roots, axis=1))
        targets_BxM = jnp.concatenate(targets, axis=1)
        return Questions(tokens_BxN, targets_BxM, jnp.full(targets_BxM.shape, True))

    def products(self, tokens_BxN: jax.Array, level: int) -> jax.Array:
        """Returns answer_BxR of every block of `fan_in` ^ `level` letters."""
        size = self.fan_in**level
        block_RxS = tokens_BxN.reshape(-1, size)
        return self.whole(block_RxS).reshape(len(tokens_BxN), -1)

    def whole(self, tokens_BxN: jax.Array) -> jax.Array:
        """Returns answer_Bx1 of whole rows."""
        if self.group == MAJORITY:
            high_B = jnp.sum(tokens_BxN >= LETTERS // 2, axis=1)
            return (2 * high_B > tokens_BxN.shape[1]).astype(jnp.int32)[:, None]
        return prefix_products(group(self.group), tokens_BxN)[:, -1:]


@dataclasses.dataclass(frozen=True)
class Levels:
    """A tree that answers at every level, one level after another."""

    tree: Tree

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Draws the parameters of the tree."""
        return self.tree.init(key)

    def apply(self, params: dict[str, Any], tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to logits_BxMxC of all M blocks."""
        return jnp.concatenate(self.tree.levels(params, tokens_BxN), axis=1)
