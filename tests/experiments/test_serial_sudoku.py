"""Claims of the Sudoku study on studies whose answers are planted."""

import numpy as np
import pytest
from planted_serial import study

from experiments.serial import build
from experiments.serial.studies import sudoku
from jaxlab.report.figures import house_style


def sudoku_study(share, sizes=(1, 2, 3)):
    config = build.config("sudoku", "mixer")
    config.base_width = 8
    shapes = [(depth, 1) for depth in (1, 2, 4, 8)] + [(1, 2), (1, 4), (2, 4)]
    return study(
        config,
        [
            (
                {
                    "task.puzzles": f"4x4_{rounds}",
                    "model.depth": depth,
                    "model.width": 8 * factor,
                },
                {"eval_accuracy": 1.0, "eval_row_accuracy": share(rounds, depth, factor)},
            )
            for rounds in sizes
            for depth, factor in shapes
        ],
    )


def test_rounds_that_take_layers_are_told_from_those_that_take_width():
    def share(rounds, depth, factor):
        return 1.0 if depth >= rounds else 0.25 + 0.1 * (factor == 4)

    planted = sudoku_study(share)
    found = sudoku.measure(planted)
    value = {name: part.interval.value for name, part in found.items()}
    np.testing.assert_allclose(value["sudoku_gain"], 75.0)
    np.testing.assert_allclose(value["sudoku_width"], 10.0)
    np.testing.assert_allclose(value["sudoku_beyond_width"], 65.0)
    assert value["sudoku_solved"] == value["sudoku_control"] == 1.0
    assert value["sudoku_depth"] == 3  # 4 layers, the least of those tried that are 3 or more
    assert "1 for 1, 2 for 2, 4 for 3; law: not told" in found["sudoku_depth"].detail
    with house_style():
        assert len(sudoku.figures(planted)) == 1
    boards, blanks = sudoku.tables(planted)
    assert boards.rows[1][:4] == [1, 1, 2, 1.0]
    assert {row[3] for row in blanks.rows} == {1.0}
    assert len(boards.rows) == 3 * 7


def test_layers_that_help_easy_boards_as_much_are_no_gain_and_sizes_that_lack_are_said():
    found = sudoku.measure(sudoku_study(lambda rounds, depth, factor: min(0.1 * depth, 0.8)))
    assert found["sudoku_gain"].interval.value == pytest.approx(0.0)
    assert found["sudoku_control"].interval.value < sudoku.EXPECTED["sudoku_control"].range[0]
    assert "not reached" in found["sudoku_depth"].reason
    of_four = sudoku_study(lambda rounds, depth, factor: float(depth >= rounds), (1, 2, 4, 8))
    assert "law: linear, 1" in sudoku.measure(of_four)["sudoku_depth"].detail
    alone = sudoku.measure(sudoku_study(lambda rounds, depth, factor: 1.0, (2, 3)))
    assert "rounds from 2 to 3" in alone["sudoku_gain"].reason
