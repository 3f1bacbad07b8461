"""Search for Sudoku puzzles that take a given number of rounds of forced moves."""

from __future__ import annotations

import numpy as np

from jaxlab.tasks.serial.sudoku import Puzzles, solve

PROPOSALS = 300  # to each puzzle of a pass; nine in ten 9x9 grids are done by then
PASSES = 20


def find_puzzles(
    random: np.random.RandomState, count: int, box: int, blanks: int, rounds: int
) -> Puzzles:
    """Finds `count` puzzles with so many blanks that take so many rounds.

    Args:
        random: draws; of RandomState, because its streams are frozen and those of newer generators
            are not.
        count: of puzzles.
        box: side of a box: 2 for 4x4 grids, 3 for 9x9.
        blanks: of each puzzle: with equal numbers, puzzles of few and many rounds differ in
            nothing else that can be counted.
        rounds: of forced moves, see `sudoku.solve`.

    Raises:
        ValueError: there are none, or they are too rare to be found.
    """
    found = []
    for _ in range(PASSES):
        solution_PxC = draw_solutions(random, count, box)
        is_blank_PxC = _carve(random, solution_PxC, box, blanks, rounds)
        puzzles = solve(np.where(is_blank_PxC, 0, solution_PxC), box)
        is_good_P = (np.sum(is_blank_PxC, axis=1) == blanks) & (puzzles.rounds_P == rounds)
        found.append([array[is_good_P] for array in puzzles])
        if sum(len(rounds_P) for _, _, rounds_P in found) >= count:
            return Puzzles(*(np.concatenate(arrays)[:count] for arrays in zip(*found, strict=True)))
    side = box**2
    raise ValueError(
        f"{count} puzzles of {side}x{side} with {blanks} blanks that take {rounds} rounds were not "
        "found: ask for fewer rounds, or (if few) fewer blanks"
    )


def draw_solutions(random: np.random.RandomState, count: int, box: int) -> np.ndarray:
    """Draws full grids solution_PxC: symmetric forms of the one where rows are shifted."""
    side = box**2
    row_S = np.arange(side)
    pattern_SxS = (row_S[:, None] % box * box + row_S[:, None] // box + row_S[None]) % side
    grids = []
    for _ in range(count):
        rows, columns = (_lines(random, box) for _ in range(2))
        grids.append(1 + random.permutation(side)[pattern_SxS[rows][:, columns]].ravel())
    return np.array(grids)


def _carve(
    random: np.random.RandomState, solution_PxC: np.ndarray, box: int, blanks: int, rounds: int
) -> np.ndarray:
    """Climbs, for all puzzles at once, from full grids to is_blank_PxC with more rounds.

    A proposal blanks one more cell, or moves a blank where there are enough. It is taken where the
    puzzle can still be solved in at most `rounds` and, if a blank was moved, takes no fewer.
    """
    puzzles = len(solution_PxC)
    row_P = np.arange(puzzles)
    is_blank_PxC = np.zeros(solution_PxC.shape, bool)
    rounds_P = np.zeros(puzzles, int)
    for _ in range(PROPOSALS):
        is_full_P = np.sum(is_blank_PxC, axis=1) >= blanks
        rank_2xPxC = random.random_sample((2, *solution_PxC.shape))
        given_P = np.argmax(rank_2xPxC[0] * ~is_blank_PxC, axis=1)
        blank_P = np.argmax(rank_2xPxC[1] * is_blank_PxC, axis=1)
        proposed_PxC = is_blank_PxC.copy()
        proposed_PxC[row_P, given_P] = True
        proposed_PxC[row_P[is_full_P], blank_P[is_full_P]] = False
        takes_P = solve(np.where(proposed_PxC, 0, solution_PxC), box).rounds_P
        is_taken_P = (takes_P >= 1) & (takes_P <= rounds) & (~is_full_P | (takes_P >= rounds_P))
        is_blank_PxC[is_taken_P] = proposed_PxC[is_taken_P]
        rounds_P[is_taken_P] = takes_P[is_taken_P]
    return is_blank_PxC


def _lines(random: np.random.RandomState, box: int) -> np.ndarray:
    """Draws an order of lines that keeps bands together."""
    return np.concatenate(
        [band * box + random.permutation(box) for band in random.permutation(box)]
    )
