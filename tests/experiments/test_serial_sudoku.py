"""Claims of the Sudoku study on studies whose answers are planted."""

import dataclasses

import numpy as np
import pytest
from planted_serial import file, results, study

from experiments.serial import build, conditions, equal_compute
from jaxlab.analysis.serial_depth import measure
from jaxlab.models.mixer import Mixer
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUDOKU = file("sudoku")
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
                    **dict(zip(conditions.KEYS, (*shape, rate), strict=True)),
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


def test_what_takes_layers_is_distinguished_from_what_parallel_compute_solves():
    def share(rounds, name, depth, width, count):
        if depth >= rounds:
            return 1.0
        return 0.25 + 0.1 * (width == 24) + 0.2 * (name == "mixer_votes")

    planted = sudoku_study(share)
    found = results(SUDOKU, planted)
    value = {name: result.estimate.value for name, result in found.items()}
    assert [value[f"sudoku_{name}"] for name in equal_compute.EIGHT] == pytest.approx(
        [75, 10, 20, 0]
    )
    assert [value[f"sudoku_easy_{name}"] for name in equal_compute.EIGHT] == [0, 0, 0, 0]
    assert value["sudoku_over"] == pytest.approx(55)
    assert value["sudoku_halved"] == pytest.approx(np.log2(0.55 * 64))  # half of 32 puzzles
    assert value["sudoku_easy_halved"] == 0
    assert value["sudoku_solved"] == value["sudoku_easy_solved"] == 1
    assert value["sudoku_layers"] == 3  # 4 layers, the least of those tried that are 3 or more
    assert "1 and 4 layers" in found["sudoku_layers"].estimate.detail
    assert {name for name, result in found.items() if result.verdict != Verdict.SUPPORTED} == {
        "sudoku_votes"  # which add 20, not less than 10
    }
    with house_style():
        SUDOKU.figures[0](planted)
    cells = SUDOKU.tables[0](planted)
    assert cells.rows[0][:6] == [1, "depth", 1, 1e-3, "taken, an end of the ladder", 1.0]
    assert cells.rows[1][3:5] == [1e-2, ""]
    assert len(cells.rows) == 3 * 7 * 2


def test_layers_that_help_no_more_than_width_are_no_lead():
    def share(rounds, name, depth, width, count):
        return 0.8 if depth == 8 or width == 24 else 0.4

    found = results(SUDOKU, sudoku_study(share))
    assert found["sudoku_over"].estimate.value == pytest.approx(0.0)
    assert found["sudoku_halved"].estimate.value == pytest.approx(0.0)
    for name in ("over", "halved", "width", "solved", "easy_solved", "easy_width", "easy_depth"):
        assert found[f"sudoku_{name}"].verdict == Verdict.NOT_SUPPORTED
    assert "no depth was enough" in found["sudoku_layers"].reason


def test_a_study_without_easy_puzzles_or_without_a_condition_is_not_measured():
    def share(rounds, name, depth, width, count):
        return 0.5

    alone = results(SUDOKU, sudoku_study(share, (2, 3)))
    assert {result.verdict for result in alone.values()} == {Verdict.NOT_MEASURED}
    assert "need 2 to 3 rounds" in alone["sudoku_over"].reason
    planted = sudoku_study(share)
    votes = planted.data["model.name"] == "mixer_votes"
    found = results(SUDOKU, dataclasses.replace(planted, data=planted.data.isel(member=~votes)))
    assert "no members with votes, 8" in found["sudoku_votes"].reason
    assert found["sudoku_width"].is_measured


@pytest.mark.parametrize(("length", "width"), [(16, 24), (20, 32)])
def test_three_times_the_width_are_eight_times_the_work(length, width):
    def work(wider, depth):
        sizes = {"width": wider * width, "heads": wider * 8, "depth": depth}
        return measure(Mixer(vocabulary=5, classes=4, length=length, tied=True, **sizes), length)

    one, wide, deep = work(1, 1), work(3, 1), work(1, 8)
    assert wide.flops / deep.flops == pytest.approx(1, abs=0.12)
    assert one.parameters == deep.parameters < wide.parameters
