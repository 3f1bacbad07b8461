"""What the serial tasks share: questions about a row of tokens, and what a guess is worth.

A task is a frozen dataclass of static sizes. Its `draw` is a pure function of a key (fold the step
into the seed's key), runs on the device and may be compiled; its `chance` is what an accuracy has
to be read against.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


class Questions(NamedTuple):
    """Rows of N tokens; `counted` says at which of them an answer is asked for.

    Targets are classes from 0; where nothing is asked they are numbers without meaning.
    """

    tokens_BxN: jax.Array
    targets_BxN: jax.Array
    counted_BxN: jax.Array


class Task(Protocol):
    """What every serial task can say of itself."""

    @property
    def length(self) -> int:
        """Tokens in a row, N."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    @property
    def classes(self) -> int:
        """How many answers there are."""
        ...

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws questions."""
        ...

    def chance(self) -> float:
        """Accuracy of the best guess that knows where it is asked but reads no token."""
        ...


def draw_below(key: jax.Array, shape: tuple[int, ...], bound: ArrayLike) -> jax.Array:
    """Draws int32 numbers from 0 to `bound` - 1, a scalar or an array of the shape's rank.

    Each is the remainder of one word: uniform but for a share bound / 2^32, and compiled in half
    the time of `jax.random.randint`, which takes two.
    """
    return (jax.random.bits(key, shape) % jnp.asarray(bound, jnp.uint32)).astype(jnp.int32)


def ask_last(tokens_BxN: jax.Array, target_B: jax.Array) -> Questions:
    """Returns questions that ask for one answer, at the last token."""
    counted_N = jnp.arange(tokens_BxN.shape[1]) == tokens_BxN.shape[1] - 1
    targets_BxN = jnp.where(counted_N[None], target_B[:, None], 0)
    return Questions(tokens_BxN, targets_BxN, jnp.broadcast_to(counted_N, tokens_BxN.shape))
