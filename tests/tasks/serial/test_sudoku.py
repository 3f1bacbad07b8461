"""Sudoku against a solver that tries everything, rounds against plain loops, forms and sets."""

import hashlib
import itertools

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import sudoku, sudoku_set
from jaxlab.tasks.serial.sudoku import Sudoku, solve
from jaxlab.tasks.serial.sudoku_search import draw_solutions, find_puzzles

HARD = find_puzzles(np.random.RandomState(0), 40, 2, 7, 3)
EASY = find_puzzles(np.random.RandomState(0), 40, 2, 7, 1)
LARGE = find_puzzles(np.random.RandomState(0), 6, 3, 28, 5)


def allowed(grid, cell, box):
    side = box * box
    row, column = divmod(cell, side)
    seen = {grid[row * side + c] for c in range(side)} | {
        grid[r * side + column] for r in range(side)
    }
    top, left = row // box * box, column // box * box
    seen |= {grid[r * side + c] for r in range(top, top + box) for c in range(left, left + box)}
    return [digit for digit in range(1, side + 1) if digit not in seen]


def solutions(grid, box):
    """Every way to fill a grid, by trying all digits of its first blank."""
    if 0 not in grid:
        return [grid]
    cell = grid.index(0)
    filled = ([*grid[:cell], digit, *grid[cell + 1 :]] for digit in allowed(grid, cell, box))
    return [solution for grid in filled for solution in solutions(grid, box)]


def plain_rounds(grid, box):
    rounds = 0
    while 0 in grid:
        options = {cell: allowed(grid, cell, box) for cell, digit in enumerate(grid) if not digit}
        forced = {cell: digits[0] for cell, digits in options.items() if len(digits) == 1}
        if not forced:
            return -1
        grid = [forced.get(cell, digit) for cell, digit in enumerate(grid)]
        rounds += 1
    return rounds


@pytest.mark.parametrize(("puzzles", "box"), [(HARD, 2), (EASY, 2), (LARGE, 3)])
def test_puzzles_have_one_solution_and_their_rounds(puzzles, box):
    for givens, solution, rounds in zip(*puzzles, strict=True):
        assert solutions(givens.tolist(), box) == [solution.tolist()]
        assert plain_rounds(givens.tolist(), box) == rounds
    blanks = {2: 7, 3: 28}[box]
    assert (np.sum(puzzles.givens_PxC == 0, axis=1) == blanks).all()
    assert set(puzzles.rounds_P) == {3 if puzzles is HARD else 1 if puzzles is EASY else 5}


def test_rounds_of_any_grid():
    generator = np.random.default_rng(0)
    full = draw_solutions(np.random.RandomState(1), 300, 2)
    givens = np.where(generator.random(full.shape) < 0.6, 0, full)
    solved = solve(givens, 2)
    plain = [plain_rounds(row, 2) for row in givens.tolist()]
    assert list(solved.rounds_P) == plain
    assert {-1, 1, 2, 3} <= set(plain)
    done = solved.rounds_P >= 0
    np.testing.assert_array_equal(solved.solution_PxC[done], full[done])
    assert (solved.solution_PxC[~done] == 0).any(axis=1).all()


def test_neighbours():
    assert sudoku.neighbours(3).shape == (81, 20)
    assert set(sudoku.neighbours(2)[0]) == {1, 2, 3, 4, 5, 8, 12}


def test_forms_are_puzzles_of_as_many_rounds():
    task = Sudoku(2, HARD)
    drawn = jax.jit(task.draw, static_argnums=1)(jax.random.key(0), 4000)
    tokens, targets, counted = jax.tree.map(np.asarray, drawn)
    solved = solve(tokens, 2)
    assert set(solved.rounds_P) == {3}
    np.testing.assert_array_equal(solved.solution_PxC - 1, targets)
    np.testing.assert_array_equal(counted, tokens == 0)
    assert len(np.unique(tokens, axis=0)) > 3000
    assert measured_chance(drawn, 4) == pytest.approx(task.chance(), abs=0.025)
    assert tokens.shape == (4000, task.length)
    assert set(np.unique(tokens)) == set(range(task.vocabulary))


def test_how_many_boards_of_the_4x4_sets_there_are():
    """Blanks of one grid in every way; its forms are 192 grids, and no two boards are the same."""
    grid_C = draw_solutions(np.random.RandomState(0), 1, 2)[0]
    blank_PxK = np.array(list(itertools.combinations(range(16), 7)))
    givens_PxC = np.tile(grid_C, (len(blank_PxK), 1))
    np.put_along_axis(givens_PxC, blank_PxK, 0, axis=1)
    boards_R = 192 * np.bincount(1 + solve(givens_PxC, 2).rounds_P)[2:]
    np.testing.assert_array_equal(boards_R, [153_600, 1_683_456, 187_392, 3_072])


def test_what_cannot_be_found_is_said():
    with pytest.raises(ValueError, match="4x4 with 3 blanks that take 4 rounds were not found"):
        find_puzzles(np.random.RandomState(0), 1, 2, 3, 4)
    with pytest.raises(ValueError, match="16 cells have no boxes of 3 by 3"):
        Sudoku(3, HARD)


def test_the_frozen_set_stays_as_it_is(tmp_path):
    puzzles = sudoku_set.load(tmp_path, "4x4_3", "validation")
    assert puzzles.givens_PxC.shape == (1000, 16)
    np.testing.assert_array_equal(solve(puzzles.givens_PxC, 2).solution_PxC, puzzles.solution_PxC)
    assert set(puzzles.rounds_P) == {3}
    assert hashlib.sha256(puzzles.givens_PxC.tobytes()).hexdigest().startswith("280485f2a521f1e1")
    train = sudoku_set.load(tmp_path, "4x4_3", "train")
    assert (train.givens_PxC != puzzles.givens_PxC).any()
    with pytest.raises(ValueError, match="no puzzles '4x4_9': choose one of"):
        sudoku_set.load(tmp_path, "4x4_9", "train")
