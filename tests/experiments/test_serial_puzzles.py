"""Boards of the two splits are never the same, and nothing else about them is changed."""

import jax
import numpy as np
import pytest

from experiments.serial import build, puzzles
from experiments.serial.puzzles import Boards
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.sweeps import local
from jaxlab.tasks.serial.sudoku import Sudoku, solve

SIZE = 20_000  # a tenth of the 4x4 boards of three rounds


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    return Boards("4x4_3", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def drawn(boards):
    draw = jax.jit(boards.draw, static_argnums=(1, 2))
    key = jax.random.key(0)
    return {split: jax.tree.map(np.asarray, draw(key, SIZE, split)) for split in ("train", "eval")}


def rows(tokens_BxN):
    return {row.tobytes() for row in tokens_BxN}


def test_training_and_evaluation_never_share_a_board(boards, drawn):
    train, held_out = (rows(drawn[split].tokens_BxN) for split in ("train", "eval"))
    assert not train & held_out
    assert len(held_out) > 3000
    sudoku = Sudoku(2, boards.splits["eval"])
    free_BxN = np.asarray(
        jax.jit(sudoku.draw, static_argnums=1)(jax.random.key(1), SIZE).tokens_BxN
    )
    assert train & rows(free_BxN)  # what is prevented
    assert puzzles.is_held_out(free_BxN, 4).mean() == pytest.approx(0.25, abs=0.02)
    assert puzzles.is_held_out(drawn["eval"].tokens_BxN, 4).all()
    assert not puzzles.is_held_out(drawn["train"].tokens_BxN, 4).any()


def test_boards_stay_puzzles_of_their_rounds(drawn):
    for tokens_BxN, targets_BxN, counted_BxN in drawn.values():
        solved = solve(tokens_BxN, 2)
        assert set(solved.rounds_P) == {3}
        np.testing.assert_array_equal(solved.solution_PxC - 1, targets_BxN)
        np.testing.assert_array_equal(counted_BxN, tokens_BxN == 0)
        share_V = np.bincount(targets_BxN[counted_BxN]) / counted_BxN.sum()
        np.testing.assert_allclose(share_V, 0.25, atol=0.01)


def test_the_set_is_recorded(boards):
    info = boards.info
    assert info["dataset"] == "sudoku_puzzles/4x4_3/2.0.0"
    assert info["train"]["content_hash"] != info["eval"]["content_hash"]
    assert (boards.length, boards.vocabulary, boards.classes) == (16, 5, 4)


def test_a_set_that_is_not_there_and_a_folder_that_cannot_be_written_are_one_error(tmp_path):
    config = build.config("sudoku", "mixer")
    with pytest.raises(ConfigError, match="task: no puzzles '4x4_9': choose one of"):
        build.validate(configs.override(config, {"task.puzzles": "4x4_9"}))
    (tmp_path / "file").write_text("")
    config.task.data_dir = str(tmp_path / "file")
    build.validate(config)
    with pytest.raises(ConfigError, match=r"cannot write sudoku_puzzles under .*file"):
        local.build(config)
