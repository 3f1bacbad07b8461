"""Claims of the Sudoku study on studies whose answers are planted."""

import dataclasses

import numpy as np
import pytest
from planted_serial import study

from experiments.serial import build, equal_compute, ways
from experiments.serial.studies import sudoku
from jaxlab.analysis.serial_depth import measure
from jaxlab.models.mixer import Mixer
from jaxlab.report.figures import house_style

SHAPES = [("mixer", depth, 8, 1) for depth in (1, 2, 4, 8)] + [("mixer", 1, 24, 1)]
SHAPES += [("mixer_votes", 1, 8, 8), ("mixer_streams", 1, 8, 8)]


def sudoku_study(share, sizes=(1, 2, 3)):
    """Of two rates, the one that learns more is evaluated as `share`, the other as perfect."""
    config = build.config("sudoku", "mixer")
    config.model.count = 1
    config.train.batch_size, config.eval.batches = 4, 8
    planted = study(
        config,
        [
            (
                {
                    "task.puzzles": f"4x4_{rounds}",
                    **dict(zip(ways.KEYS, (*shape, rate), strict=True)),
                },
                {
                    "eval_accuracy": 1.0,
                    "eval_row_accuracy": share(rounds, *shape) if rate == 1e-3 else 1.0,
                    "loss": 10 * rate,
                },
            )
            for rounds in sizes
            for shape in SHAPES
            for rate in (1e-3, 1e-2)
        ],
    )
    return dataclasses.replace(planted, config=planted.runs[-1].config)  # of any run


def test_what_takes_layers_is_told_from_what_compute_side_by_side_solves():
    def share(rounds, name, depth, width, count):
        if depth >= rounds:
            return 1.0
        return 0.25 + 0.1 * (width == 24) + 0.2 * (name == "mixer_votes")

    planted = sudoku_study(share)
    found = sudoku.measure(planted)
    assert set(found) == set(sudoku.EXPECTED)
    value = {name: part.interval.value for name, part in found.items()}
    assert [value[f"sudoku_{way}"] for way in equal_compute.EIGHT] == pytest.approx([75, 10, 20, 0])
    assert [value[f"sudoku_easy_{way}"] for way in equal_compute.EIGHT] == [0, 0, 0, 0]
    assert value["sudoku_over"] == pytest.approx(55)
    assert value["sudoku_halved"] == pytest.approx(np.log2(0.55 * 64))  # half of 32 boards
    assert value["sudoku_solved"] == value["sudoku_easy_solved"] == 1
    assert value["sudoku_layers"] == 3  # 4 layers, the least of those tried that are 3 or more
    assert "1 for 1, 2 for 2, 4 for 3" in found["sudoku_layers"].detail
    with house_style():
        assert len(sudoku.figures(planted)) == 1
    boards, blanks = sudoku.tables(planted)
    assert boards.rows[0][:6] == [1, "depth", 1, 1e-3, "taken, an end of the ladder", 1.0]
    assert boards.rows[1][3:5] == [1e-2, ""]
    assert {row[5] for row in blanks.rows} == {1.0}
    assert len(boards.rows) == 3 * 7 * 2


def test_layers_that_help_no_more_than_width_are_no_gain_and_sizes_that_lack_are_said():
    def share(rounds, name, depth, width, count):
        return 0.8 if depth == 8 or width == 24 else 0.4

    found = sudoku.measure(sudoku_study(share))
    assert found["sudoku_over"].interval.value == pytest.approx(0.0)
    assert found["sudoku_halved"].interval.value == pytest.approx(0.0)
    for name in ("sudoku_over", "sudoku_halved", "sudoku_easy_solved"):
        assert found[name].interval.high < sudoku.EXPECTED[name].range[0]
    assert found["sudoku_width"].interval.low > sudoku.EXPECTED["sudoku_width"].range[1]
    assert "not reached" in found["sudoku_layers"].reason
    alone = sudoku.measure(sudoku_study(share, (2, 3)))
    assert "rounds from 2 to 3" in alone["sudoku_over"].reason


@pytest.mark.parametrize(("length", "width"), [(16, 24), (20, 32)])
def test_three_times_the_width_are_eight_times_the_work(length, width):
    def work(wider, depth):
        sizes = {"width": wider * width, "heads": wider * 8, "depth": depth}
        return measure(Mixer(vocabulary=5, classes=4, length=length, tied=True, **sizes), length)

    one, wide, deep = work(1, 1), work(3, 1), work(1, 8)
    assert wide.flops / deep.flops == pytest.approx(1, abs=0.12)
    assert one.parameters == deep.parameters < wide.parameters
