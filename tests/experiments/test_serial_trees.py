"""Claims of the study of trees on studies whose accuracies are planted."""

import pytest
from planted_serial import file, results, study

from experiments.serial import build
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

TREES = file("trees")


def trees_study(changed=()):
    """Trees whose four levels are right, which else guess, and whose one level has 0.04 at best."""
    right = {(2, 1, 0.5): 1 / 60, (2, 3, 0.5): 1 / 60, (2, 4, 0.5): 1.0}
    right |= {(16, 1, 0.5): 1 / 60, (16, 1, 0.0): 0.04}
    known = {(group, *tree): own for group in ("A5", "Z60") for tree, own in right.items()}
    known |= {("majority", 16, 1, 0.0): 0.999} | dict(changed)
    keys = ("task.group", "task.fan_in", "task.depth", "optimizer.weight_decay")
    return study(
        build.config("blocks", "tree"),
        [
            (dict(zip(keys, values, strict=True)), {"eval_accuracy_root": share})
            for values, share in known.items()
        ],
        parameters=lambda config: 500 if config.task.fan_in == 16 else 100,
    )


def test_trees_that_see_all_elements_are_distinguished_from_guessing():
    planted = trees_study()
    found = results(TREES, planted)
    assert found["trees_below"].estimate.high < 1e-9
    assert found["trees_wide"].estimate.value == pytest.approx(0.04)
    assert found["trees_z60_wide"].estimate.value == pytest.approx(0.04)
    assert found["trees_wide_parameters"].estimate.value == 5.0
    assert found["trees_control_majority"].estimate.value == pytest.approx(0.999)
    few = {"trees_reached", "trees_z60_reached"}  # three seeds cannot show 99 % of all seeds
    assert {found[name].verdict for name in few} == {Verdict.UNDECIDED}
    others = {result.verdict for name, result in found.items() if name not in few}
    assert others == {Verdict.SUPPORTED}
    with house_style():
        figure = TREES.figures[0](planted)
    assert "0.04 (A5), 0.04 (Z60), 0.999 (majority)" in figure.caption
    guesses = {(row[0], round(row[5], 4)) for row in TREES.tables[0](planted).rows}
    assert guesses == {("A5", 0.0167), ("Z60", 0.0167), ("majority", 0.5982)}


@pytest.mark.parametrize(
    ("shares", "learned", "low", "high"),
    [
        # The exact intervals of 0, 2 and 3 of 3, as tables of Clopper and Pearson have them.
        ((0.02, 0.5, 0.98), 0, 0.0, 0.7076),
        ((1.0, 0.999, 0.043), 2, 0.0943, 0.9916),
        ((1.0, 1.0, 0.99), 3, 0.2924, 1.0),
    ],
)
def test_what_is_learned_or_not_is_a_number_of_seeds(shares, learned, low, high):
    found = results(TREES, trees_study({("A5", 2, 4, 0.5): shares}))["trees_reached"]
    estimate = found.estimate
    assert (estimate.value, estimate.seeds) == (pytest.approx(learned / 3), 3)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)
    assert estimate.covers.startswith(f"{learned} of 3 seeds")
    assert found.verdict == (Verdict.UNDECIDED if high >= 0.99 else Verdict.NOT_SUPPORTED)


def test_trees_that_know_more_than_they_see_and_one_level_that_learns_fail():
    cells = {("Z60", 2, 3, 0.5): 0.05, ("A5", 16, 1, 0.0): 0.9, ("majority", 16, 1, 0.0): 0.6}
    found = results(TREES, trees_study(cells))
    for name in ("trees_z60_below", "trees_wide", "trees_control_majority"):
        assert found[name].verdict == Verdict.NOT_SUPPORTED
