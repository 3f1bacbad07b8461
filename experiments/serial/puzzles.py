"""Sudoku boards of a frozen set; those of the evaluation are never among those of training."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.tasks.serial.questions import Questions, draw_below
from jaxlab.tasks.serial.sudoku import Board, Puzzles, Sudoku, kind

SPLITS = {"train": "train", "eval": "validation"}  # of batches, and of the set
WEIGHTS_C = np.random.RandomState(0).randint(0, 2**32, 81, dtype=np.uint32)  # of a checksum


@dataclasses.dataclass(frozen=True)
class Boards(Board):
    """Puzzles of a set in their symmetric forms, where every board belongs to one split.

    That two puzzles differ is not enough: small ones are often forms of each other. So a checksum
    of the board decides, see `is_held_out`: one in as many boards as there are digits is kept from
    training. Beside this, draws are those of `Sudoku`.
    """

    puzzles: str  # such as 4x4_3: the side, and the rounds of forced moves
    data_dir: str

    def __post_init__(self):
        object.__setattr__(self, "box", kind(self.puzzles).box)  # unknown: refused

    @property
    def splits(self) -> dict[str, Puzzles]:
        """The puzzles by split of batches; the set is prepared where it is not.

        Raises:
          ValueError: `data_dir` cannot be written, or holds a damaged set.
        """
        from jaxlab.tasks.serial import sudoku_set  # takes a second: only for those who read one

        return {
            split: sudoku_set.load(self.data_dir, self.puzzles, name)
            for split, name in SPLITS.items()
        }

    @property
    def info(self) -> dict[str, Any]:
        """What to record of the set: its name with the version, and a hash of each split."""
        from jaxlab.tasks.serial.sudoku_set import SudokuPuzzles

        return {"dataset": f"{SudokuPuzzles.name}/{self.puzzles}/{SudokuPuzzles.VERSION}"} | {
            split: {"puzzles": len(own.rounds_P), "content_hash": content_hash(own)}
            for split, own in self.splits.items()
        }

    def draw(self, key: jax.Array, batch_size: int, split: str) -> Questions:
        """Draws boards of a split of batches: train or eval."""
        board_key, digit_key = jax.random.split(key)
        asked = Sudoku(self.box, self.splits[split]).draw(board_key, batch_size)
        return keep_to(split, digit_key, asked, self.classes)


def keep_to(split: str, key: jax.Array, asked: Questions, side: int) -> Questions:
    """Shifts the digits of each board by one number, so that all boards belong to the split.

    Digits that were renamed uniformly still are, within the split.
    """
    shape = asked.tokens_BxN[:, 0].shape
    aside_B = 0 if split == "eval" else 1 + draw_below(key, shape, side - 1)
    first_B, checksum_B = first_and_checksum(asked.tokens_BxN, side)
    shift_Bx1 = (checksum_B + aside_B - first_B)[:, None]
    shifted_BxN = 1 + (asked.tokens_BxN - 1 + shift_Bx1) % side
    tokens_BxN = jnp.where(asked.tokens_BxN == 0, 0, shifted_BxN)
    return Questions(tokens_BxN, (asked.targets_BxN + shift_Bx1) % side, asked.counted_BxN)


def is_held_out(tokens_BxN: jax.Array, side: int) -> jax.Array:
    """Whether each board is kept from training: its first digit is what its checksum names."""
    first_B, checksum_B = first_and_checksum(tokens_BxN, side)
    return first_B == checksum_B


def first_and_checksum(tokens_BxN: jax.Array, side: int) -> tuple[jax.Array, jax.Array]:
    """Returns each board's first digit, from 0, and a checksum below `side` of it relative to it.

    Shifting all digits by one number moves the first digit and not the checksum.
    """
    is_given_BxN = tokens_BxN > 0
    place_Bx1 = jnp.argmax(is_given_BxN, axis=1, keepdims=True)
    first_Bx1 = jnp.take_along_axis(tokens_BxN, place_Bx1, axis=1) - 1
    relative_BxN = jnp.where(is_given_BxN, 1 + (tokens_BxN - 1 - first_Bx1) % side, 0)
    weight_1xN = jnp.asarray(WEIGHTS_C[None, : tokens_BxN.shape[1]])
    mixed_B = jnp.sum(relative_BxN.astype(jnp.uint32) * weight_1xN, axis=1, dtype=jnp.uint32)
    return first_Bx1[:, 0], ((mixed_B >> 16) % side).astype(jnp.int32)


def content_hash(puzzles: Puzzles) -> str:
    """Returns a sha256 over givens, solutions and rounds."""
    return hashlib.sha256(b"".join(array.tobytes() for array in puzzles)).hexdigest()
