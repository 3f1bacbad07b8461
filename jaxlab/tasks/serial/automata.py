"""Elementary cellular automata: the state of a ring of cells after T steps of a rule.

Bit 4a + 2b + c of the rule's number is the next state of a cell b between a and c. Under Rule 110
the state of one cell at time T is P-complete to predict (Neary and Woods, ICALP 2006). Of Rule 30
nothing is proven, but its answer is a fair coin to whoever misses the window's leftmost cell.
Controls: Rule 204 copies; Rule 90 is linear, and for T a power of two an XOR of two cells; and the
majority of the window.

An answer is a function of the 2T + 1 cells around it, so all of them can be listed: a truth table
answer_W of W = 2^(2T + 1) windows, the leftmost cell the highest bit. What a view of fewer cells
can know is counted, not estimated.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxlab.tasks.serial.questions import Questions, draw_below

ASKS = ("every", "middle")
MAX_TABLE_STEPS = 10  # two million windows


@dataclasses.dataclass(frozen=True)
class Automaton:
    """Random bits on a ring and, as targets, the cells after `steps` steps of `rule`.

    Args:
        rule: the rule's number, 0 to 255.
        cells: of the ring, at least 2 `steps` + 1, so that no window meets itself.
        steps: of the rule.
        asks: `every` cell, or the `middle` one alone.
    """

    rule: int
    cells: int
    steps: int
    asks: str

    vocabulary = 2
    classes = 2

    def __post_init__(self):
        if not 0 <= self.rule <= 255:
            raise ValueError(f"rule {self.rule} is no elementary rule: choose 0 to 255")
        _check_ring(self.cells, self.steps, self.asks)

    @property
    def length(self) -> int:
        """Tokens in a row, one per cell."""
        return self.cells

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws uniform first rows; targets are the cells `steps` later."""
        tokens_BxN = draw_below(key, (batch_size, self.cells), 2)
        return _ask(tokens_BxN, evolve(self.rule, tokens_BxN, self.steps), self.asks)

    def chance(self) -> float:
        """Accuracy of always answering the more common state."""
        one = float(np.mean(truth_table(self.rule, self.steps)))
        return max(one, 1 - one)


@dataclasses.dataclass(frozen=True)
class Majority:
    """The control: which state most of the 2 `radius` + 1 cells around a cell have."""

    cells: int
    radius: int
    asks: str

    vocabulary = 2
    classes = 2

    def __post_init__(self):
        _check_ring(self.cells, self.radius, self.asks)

    @property
    def length(self) -> int:
        """Tokens in a row, one per cell."""
        return self.cells

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws uniform rows; targets are the majorities around each cell."""
        tokens_BxN = draw_below(key, (batch_size, self.cells), 2)
        shifts = range(-self.radius, self.radius + 1)
        around = [jnp.roll(tokens_BxN, shift, axis=1) for shift in shifts]
        ones_BxN = jnp.sum(jnp.stack(around), axis=0)
        return _ask(tokens_BxN, (ones_BxN > self.radius).astype(jnp.int32), self.asks)

    def chance(self) -> float:
        """Accuracy of a constant answer: a window has an odd number of cells."""
        return 0.5


@jax.jit
def evolve(rule: ArrayLike, cells_BxN: jax.Array, steps: ArrayLike) -> jax.Array:
    """Returns the cells of a ring after `steps` steps, as int32."""
    next_8 = rule >> jnp.arange(8) & 1

    def step(_, cells_BxN):
        left_BxN, right_BxN = jnp.roll(cells_BxN, 1, axis=1), jnp.roll(cells_BxN, -1, axis=1)
        return next_8[4 * left_BxN + 2 * cells_BxN + right_BxN]

    return lax.fori_loop(0, steps, step, cells_BxN.astype(jnp.int32))


def windows(steps: int) -> np.ndarray:
    """Returns every window as bits, cells_Wx(2T+1), in the order of a truth table."""
    if not 0 <= steps <= MAX_TABLE_STEPS:
        raise ValueError(
            f"2^{2 * steps + 1} windows cannot be listed: take 0 to {MAX_TABLE_STEPS} steps, or "
            "measure on drawn rows"
        )
    width = 2 * steps + 1
    return (np.arange(2**width)[:, None] >> np.arange(width)[::-1] & 1).astype(np.int8)


def truth_table(rule: int, steps: int) -> np.ndarray:
    """Returns answer_W, the middle cell of every window after `steps` steps."""
    cells_WxM, next_8 = windows(steps), rule >> np.arange(8) & 1
    for _ in range(steps):
        cells_WxM = next_8[4 * cells_WxM[:, :-2] + 2 * cells_WxM[:, 1:-1] + cells_WxM[:, 2:]]
    return cells_WxM[:, 0]


def majority_table(radius: int) -> np.ndarray:
    """Returns answer_W, the majority of every window of 2 `radius` + 1 cells."""
    return (np.sum(windows(radius), axis=1) > radius).astype(np.int8)


def posterior(answer_W: np.ndarray, radius: int) -> np.ndarray:
    """Returns the probability of a 1 given the middle 2 `radius` + 1 cells, one_V of V views.

    Args:
        answer_W: a truth table, over windows that are equally likely.
        radius: of the view. A circuit of D layers that each read the nearest neighbours has a view
            of radius D, whatever its width; beyond the window there is nothing to see.
    """
    steps = (len(answer_W).bit_length() - 2) // 2
    unseen = 2 ** max(steps - radius, 0)
    return np.mean(answer_W.reshape(unseen, -1, unseen), axis=(0, 2))


def ceiling(answer_W: np.ndarray, radius: int) -> float:
    """Returns the accuracy of the best answer that sees `radius` cells to either side."""
    one_V = posterior(answer_W, radius)
    return float(np.mean(np.maximum(one_V, 1 - one_V)))


def sampled_accuracy(answer_W: np.ndarray, radius: int) -> float:
    """Returns the accuracy of one answer drawn from the posterior, E[sum of its squares].

    What a generative model with an exact posterior scores; votes of many draws tend to `ceiling`.
    """
    one_V = posterior(answer_W, radius)
    return float(np.mean(one_V**2 + (1 - one_V) ** 2))


def _ask(tokens_BxN: jax.Array, targets_BxN: jax.Array, asks: str) -> Questions:
    cells = tokens_BxN.shape[1]
    counted_N = jnp.full(cells, True) if asks == "every" else jnp.arange(cells) == cells // 2
    return Questions(tokens_BxN, targets_BxN, jnp.broadcast_to(counted_N, tokens_BxN.shape))


def _check_ring(cells: int, radius: int, asks: str) -> None:
    if radius < 0 or cells < 2 * radius + 1:
        raise ValueError(
            f"a ring of {cells} cells is too small for windows of radius {radius}: take at least "
            f"{2 * radius + 1} cells and a radius of 0 or more"
        )
    if asks not in ASKS:
        raise ValueError(f"asks {asks!r} is unknown: choose one of {ASKS}")
