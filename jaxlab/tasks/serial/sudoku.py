"""Sudoku whose serial depth is known: how many rounds of forced moves a puzzle takes.

In a round every blank whose row, column and box leave one digit is filled, all at once. A puzzle of
one round asks for no chain of moves: all blanks follow from the givens, the parallel control. A
puzzle of r rounds takes r of a solver that sees forced moves alone. Rounds are unit propagation,
which is P-complete for formulas in general; of Sudoku itself that is not proven. A puzzle that
rounds solve has no second solution.

Grids are rows of cells, C = side^2 with side = box^2; digits are 1 to side, and 0 is a blank.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.tasks.serial.questions import Questions, draw_below


class Puzzles(NamedTuple):
    """P puzzles with their solutions and the rounds that they take."""

    givens_PxC: np.ndarray
    solution_PxC: np.ndarray
    rounds_P: np.ndarray


class Kind(NamedTuple):
    """A set of puzzles of one size that all have as many blanks and take as many rounds."""

    box: int
    blanks: int
    rounds: int
    puzzles: int  # of each split


# The frozen sets, named after the side and the rounds; see `jaxlab.tasks.serial.sudoku_set`.
KINDS = {
    **{f"4x4_{rounds}": Kind(2, 7, rounds, 1000) for rounds in (1, 2, 3)},
    **{f"9x9_{rounds}": Kind(3, 28, rounds, 1000) for rounds in (1, 2, 4, 8)},
}


def kind(name: str) -> Kind:
    """Returns the sizes of a set, such as `9x9_8`; ValueError: there is none of this name."""
    if name not in KINDS:
        raise ValueError(f"no puzzles {name!r}: choose one of {list(KINDS)}")
    return KINDS[name]


class Board:
    """The sizes of a task on boards whose boxes have sides of `box` cells."""

    box: int

    @property
    def length(self) -> int:
        """Tokens in a row, one per cell."""
        return self.box**4

    @property
    def vocabulary(self) -> int:
        """The blank and the digits."""
        return self.box**2 + 1

    @property
    def classes(self) -> int:
        """The digits; class 0 is digit 1."""
        return self.box**2


@dataclasses.dataclass(frozen=True, eq=False)  # equal to itself alone: arrays have no hash
class Sudoku(Board):
    """Puzzles of a set, each time in another of their symmetric forms; blanks are asked for.

    Digits are renamed, bands and stacks, and rows and columns within them, change places, and the
    grid is transposed, uniformly: rounds stay as they were.
    """

    box: int
    puzzles: Puzzles

    def __post_init__(self):
        cells = self.puzzles.givens_PxC.shape[1]
        if self.box < 2 or cells != self.box**4:
            raise ValueError(f"grids of {cells} cells have no boxes of {self.box} by {self.box}")

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws puzzles uniformly, and forms of them."""
        row_key, column_key, digit_key, rest_key = jax.random.split(key, 4)
        bounds_2 = jnp.asarray([len(self.puzzles.rounds_P), 2])
        puzzle_B, is_turned_B = draw_below(rest_key, (batch_size, 2), bounds_2[None]).T
        row_BxS = _line_order(row_key, batch_size, self.box)
        column_BxS = _line_order(column_key, batch_size, self.box)
        source_BxSxS = row_BxS[:, :, None] * self.classes + column_BxS[:, None, :]
        turned_BxSxS = jnp.swapaxes(source_BxSxS, 1, 2)
        source_BxSxS = jnp.where(is_turned_B[:, None, None] == 1, turned_BxSxS, source_BxSxS)
        digit_BxS = 1 + jnp.argsort(jax.random.bits(digit_key, (batch_size, self.classes)), axis=1)
        digit_BxV = jnp.pad(digit_BxS, ((0, 0), (1, 0)))  # a blank stays a blank

        def form(grid_PxC):
            grid_BxC = jnp.asarray(grid_PxC, jnp.int32)[puzzle_B]
            moved_BxC = jnp.take_along_axis(grid_BxC, source_BxSxS.reshape(batch_size, -1), axis=1)
            return jnp.take_along_axis(digit_BxV, moved_BxC, axis=1)

        return ask_blanks(form(self.puzzles.givens_PxC), form(self.puzzles.solution_PxC))

    def chance(self) -> float:
        """Accuracy of any constant answer: digits are renamed at random."""
        return 1 / self.classes


def ask_blanks(givens_BxC: jax.Array, solution_BxC: jax.Array) -> Questions:
    """Returns questions for the digits of all blanks."""
    return Questions(givens_BxC, solution_BxC - 1, givens_BxC == 0)


def solve(givens_PxC: np.ndarray, box: int) -> Puzzles:
    """Fills blanks that have one digit left, round by round, until there are none.

    Returns:
        The puzzles, grids as far as they were filled, and the rounds, -1 for those that stay
        unfinished.
    """
    seen_CxN, every_digit = neighbours(box), 2 ** (box**2 + 1) - 2
    grid_PxC = givens_PxC.astype(np.int32)
    rounds_P = np.zeros(len(grid_PxC), np.int32)
    while True:
        is_used_PxC = np.bitwise_or.reduce((1 << grid_PxC)[:, seen_CxN], axis=2)
        left_PxC = every_digit & ~is_used_PxC
        is_forced_PxC = (grid_PxC == 0) & (left_PxC != 0) & (left_PxC & (left_PxC - 1) == 0)
        if not is_forced_PxC.any():
            rounds_P[np.any(grid_PxC == 0, axis=1)] = -1
            return Puzzles(givens_PxC, grid_PxC, rounds_P)
        rounds_P += is_forced_PxC.any(axis=1)
        digit_PxC = np.log2(np.where(is_forced_PxC, left_PxC, 1)).astype(np.int32)
        grid_PxC = np.where(is_forced_PxC, digit_PxC, grid_PxC)


@functools.cache
def neighbours(box: int) -> np.ndarray:
    """Returns seen_CxN, the other cells of the row, column and box of each cell."""
    cell_C = np.arange(box**4)
    row_C, column_C = np.divmod(cell_C, box**2)
    box_C = row_C // box * box + column_C // box
    groups = np.stack((row_C, column_C, box_C))
    is_seen_CxC = np.any(groups[:, :, None] == groups[:, None, :], axis=0)
    np.fill_diagonal(is_seen_CxC, False)
    return np.nonzero(is_seen_CxC)[1].reshape(box**4, -1)


def _line_order(key: jax.Array, batch_size: int, box: int) -> jax.Array:
    """Draws line_BxS: bands of lines change places, and lines within each band."""
    band_key, line_key = jax.random.split(key)
    band_BxK = jnp.argsort(jax.random.bits(band_key, (batch_size, box)), axis=1)
    line_BxKxK = jnp.argsort(jax.random.bits(line_key, (batch_size, box, box)), axis=2)
    return (band_BxK[:, :, None] * box + line_BxKxK).reshape(batch_size, -1)
