"""Cellular automata against plain loops, and what a view can know against counting by hand."""

import collections
import itertools

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial import automata
from jaxlab.tasks.serial.automata import Automaton, Majority

# The updates as they are printed, for 111 down to 000.
PRINTED = {110: "01101110", 30: "00011110", 90: "01011010", 204: "11001100"}
NEIGHBOURHOODS = [tuple(map(int, f"{number:03b}")) for number in range(7, -1, -1)]


def plain(rule, cells, steps):
    update = dict(zip(NEIGHBOURHOODS, map(int, PRINTED[rule]), strict=True))
    for _ in range(steps):
        size = len(cells)
        cells = [update[cells[i - 1], cells[i], cells[(i + 1) % size]] for i in range(size)]
    return cells


def oracle(rule, tokens_BxN, steps):
    return np.array([plain(rule, list(row), steps) for row in np.asarray(tokens_BxN)])


@pytest.mark.parametrize("rule", PRINTED)
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_cells_are_those_of_plain_loops(rule, steps):
    drawn = Automaton(rule, 12, steps, "every").draw(jax.random.key(steps), 300)
    np.testing.assert_array_equal(drawn.targets_BxN, oracle(rule, drawn.tokens_BxN, steps))
    assert drawn.counted_BxN.all()
    if steps:
        wrong = Automaton(rule ^ 8, 12, steps, "every").draw(jax.random.key(steps), 300)
        np.testing.assert_array_equal(drawn.tokens_BxN, wrong.tokens_BxN)
        assert (np.asarray(wrong.targets_BxN) != oracle(rule, drawn.tokens_BxN, steps)).any()


@pytest.mark.parametrize("rule", PRINTED)
def test_truth_table_holds_every_window(rule):
    windows_Wx7, answer_W = automata.windows(3), automata.truth_table(rule, 3)
    assert {tuple(row) for row in windows_Wx7} == set(itertools.product((0, 1), repeat=7))
    np.testing.assert_array_equal(answer_W, oracle(rule, windows_Wx7, 3)[:, 3])


@pytest.mark.parametrize(
    ("steps", "radius", "expected"),
    [(2, 1, 0.656), (4, 1, 0.582), (4, 2, 0.652), (4, 3, 0.738), (6, 4, 0.709), (8, 4, 0.684)],
)
def test_ceilings_of_rule_110(steps, radius, expected):
    answer_W = automata.truth_table(110, steps)
    assert automata.ceiling(answer_W, radius) == pytest.approx(expected, abs=5e-4)
    assert automata.ceiling(answer_W, steps) == automata.ceiling(answer_W, steps + 3) == 1


def test_one_missing_cell_makes_rule_30_a_coin():
    for steps in (1, 2, 5, 8):
        answer_W = automata.truth_table(30, steps)
        assert {automata.ceiling(answer_W, radius) for radius in range(steps)} == {0.5}


def test_ceiling_counts_as_plain_loops_do():
    answers = collections.defaultdict(list)
    for cells in itertools.product((0, 1), repeat=7):
        answers[cells[2:5]].append(plain(110, list(cells), 3)[3])
    best = sum(max(sum(group), len(group) - sum(group)) for group in answers.values()) / 2**7
    squares = [
        np.mean(group) ** 2 + np.mean(np.array(group) == 0) ** 2 for group in answers.values()
    ]
    answer_W = automata.truth_table(110, 3)
    assert automata.ceiling(answer_W, 1) == pytest.approx(best)
    assert automata.sampled_accuracy(answer_W, 1) == pytest.approx(np.mean(squares))


def test_chance_is_the_share_of_the_common_state():
    ones = [np.mean(automata.truth_table(110, steps)) for steps in (1, 2, 3, 4, 6, 8)]
    assert ones == pytest.approx([0.625, 0.531, 0.516, 0.535, 0.538, 0.541], abs=5e-4)
    for task in (
        Automaton(110, 17, 2, "middle"),
        Automaton(30, 17, 3, "middle"),
        Majority(17, 3, "middle"),
    ):
        drawn = task.draw(jax.random.key(0), 20_000)
        assert measured_chance(drawn, task.classes) == pytest.approx(task.chance(), abs=0.01)
        assert drawn.counted_BxN[:, 8].all()
        assert drawn.counted_BxN.sum() == 20_000


def test_controls_are_what_they_are_called():
    copied = Automaton(204, 17, 8, "every").draw(jax.random.key(1), 100)
    np.testing.assert_array_equal(copied.tokens_BxN, copied.targets_BxN)
    for steps in (1, 2, 4, 8):
        ring = Automaton(90, 17, steps, "every").draw(jax.random.key(2), 100)
        cells = np.asarray(ring.tokens_BxN)
        two = np.roll(cells, steps, axis=1) ^ np.roll(cells, -steps, axis=1)
        np.testing.assert_array_equal(ring.targets_BxN, two)
    most = Majority(9, 2, "every").draw(jax.random.key(3), 100)
    for row, answers in zip(np.asarray(most.tokens_BxN), np.asarray(most.targets_BxN), strict=True):
        around = [[row[(i + shift) % 9] for shift in range(-2, 3)] for i in range(9)]
        assert list(answers) == [int(sum(cells) >= 3) for cells in around]
    np.testing.assert_array_equal(automata.majority_table(1), [0, 0, 0, 1, 0, 1, 1, 1])


def test_a_key_makes_the_row():
    task = Automaton(110, 9, 2, "every")
    first, again = (task.draw(jax.random.key(5), 64) for _ in range(2))
    other = task.draw(jax.random.fold_in(jax.random.key(5), 1), 64)
    np.testing.assert_array_equal(first.tokens_BxN, again.tokens_BxN)
    assert (first.tokens_BxN != other.tokens_BxN).any()


def test_refusals():
    with pytest.raises(ValueError, match="no elementary rule"):
        Automaton(256, 9, 2, "every")
    with pytest.raises(ValueError, match="at least 9 cells"):
        Automaton(110, 8, 4, "every")
    with pytest.raises(ValueError, match="asks 'all' is unknown"):
        Majority(9, 2, "all")
    with pytest.raises(ValueError, match="cannot be listed"):
        automata.truth_table(110, 11)
