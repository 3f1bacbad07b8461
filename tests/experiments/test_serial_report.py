"""Claims of light cones, of windows and of equal compute on studies whose answers are planted."""

import dataclasses

import numpy as np
import pytest
from planted_serial import file, results, study

from experiments.serial import build
from experiments.serial.tasks import MAJORITY, RANDOM
from jaxlab.analysis.estimate import RANGE
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import automata

HEADLINE, LIGHT_CONE, WINDOW = file("headline"), file("light_cone"), file("window")


def cone_study(accuracy=lambda rule, time, depth, width, ceiling: ceiling):
    cells = [
        (
            {
                "task.rule": rule,
                "task.time": time,
                "model.depth": depth,
                "model.width": width,
                "model.hard": hard,
            },
            {"eval_accuracy": accuracy(rule, time, depth, width, ceiling(rule, time, depth))},
        )
        for rule, hard, times in (
            *((110, False, range(1, 7)), (110, True, (1, 2))),
            *((90, False, (4,)), (204, False, range(1, 7))),
        )
        for time in times
        for depth in range(1, 7)
        for width in (8, 64)
    ]
    return study(build.config("automaton", "local"), cells, serial_depth=path)


def path(config):
    """The longest path of a circuit: two products a layer and one at the end."""
    return (2 * config.model.depth + 1) * (1 + int(np.log2(config.model.width)))


def ceiling(rule, time, depth):
    return automata.ceiling(automata.truth_table(rule, time), depth)


def test_exact_ceilings_hold_and_the_depth_grows_by_one_a_step():
    planted = cone_study()
    found = results(LIGHT_CONE, planted)
    assert found["light_cone_reached"].estimate.value == 1.0
    assert found["light_cone_ceiling"].estimate.high < 1e-9
    assert found["light_cone_width"].estimate.value == 0.0
    np.testing.assert_allclose(found["light_cone_slope"].estimate.value, 1.0)
    assert found["light_cone_linear"].estimate.high < 0.01
    assert found["light_cone_90_ceiling"].estimate.value == 0.0
    assert found["light_cone_copy"].estimate.covers == RANGE
    assert {result.verdict for result in found.values()} == {Verdict.SUPPORTED}
    with house_style():
        drawn = [make(planted) for make in LIGHT_CONE.figures]
    assert [figure.name for figure in drawn] == ["light_cone", "light_cone_depth"]
    table = LIGHT_CONE.tables[0](planted)
    assert len(table.rows) == 15 * 12
    assert {"seeds", "steps", "CPU s a seed", "parameters", "FLOPs a row"} <= set(table.header)


def test_width_that_buys_accuracy_is_seen():
    def widened(rule, time, depth, width, ceiling):
        return ceiling + 0.03 * (width == 64 and depth == 2 and time == 4)

    found = results(LIGHT_CONE, cone_study(widened))
    for name in ("light_cone_width", "light_cone_ceiling"):
        assert found[name].estimate.value == pytest.approx(0.03)
        assert found[name].verdict == Verdict.NOT_SUPPORTED


def test_seeds_just_below_one_hold():
    def nearly(rule, time, depth, width, ceiling):
        return (0.999, 0.9995, 1.0) if depth >= time else ceiling

    reached = results(LIGHT_CONE, cone_study(nearly))["light_cone_reached"]
    assert reached.estimate.high > 1
    assert reached.verdict == Verdict.SUPPORTED


def test_a_copy_that_needs_layers_fails_its_control():
    def slow(rule, time, depth, width, ceiling):
        return 1.0 if depth >= time else 0.6

    found = results(LIGHT_CONE, cone_study(slow))
    assert found["light_cone_copy"].estimate.value == 6
    assert found["light_cone_copy"].verdict == Verdict.NOT_SUPPORTED
    assert found["light_cone_copy_slope"].verdict == Verdict.NOT_SUPPORTED


def test_a_path_as_long_as_a_circuit_is_wide_is_no_logarithm():
    cells = [
        ({"model.depth": depth, "model.width": width, "task.rule": 110}, {"eval_accuracy": 1.0})
        for depth in (1, 2, 4)
        for width in (8, 64)
    ]
    planted = study(
        build.config("automaton", "local"),
        cells,
        serial_depth=lambda own: own.model.width * 2**own.model.depth,
    )
    found = results(LIGHT_CONE, planted)
    assert found["light_cone_meter_width"].estimate.value > 3
    assert found["light_cone_meter_depth"].estimate.value > 0


def test_circuits_that_never_learn_have_no_law_of_depth():
    found = results(LIGHT_CONE, cone_study(lambda rule, time, depth, width, ceiling: 0.6))
    assert "there is no law of it" in found["light_cone_slope"].reason
    assert found["light_cone_reached"].estimate.value == 0.6


@pytest.mark.parametrize(("change", "reason"), [("steps", "2500 steps"), ("seeds", "3 seeds")])
def test_models_that_were_hardly_trained_say_nothing(change, reason):
    planted = cone_study()
    if change == "steps":
        planted.runs[3].config.train.steps = 2499
    else:
        object.__setattr__(planted, "data", planted.data.sel(member=planted.data["seed"] < 2))
    found = results(LIGHT_CONE, planted)
    assert reason in found["light_cone_slope"].reason
    assert found["light_cone_exact"].verdict == Verdict.SUPPORTED  # it needs no training


def window_study(needed):
    """A study of tables whose width in every seed is `needed`(time), by (rule, depth)."""
    cells = [
        (
            {"task.rule": rule, "task.radius": time, "model.depth": depth, "model.width": width},
            {"eval_accuracy": np.where(width >= np.asarray(widths(time)), 1.0, 0.99)},
        )
        for (rule, depth), widths in needed.items()
        for time in (2, 3, 4)
        for width in (2, 4, 8, 16, 32, 64)
    ]
    config = build.config("table", "window")
    config.times, config.steps = (2, 3, 4), (10, 20, 30)
    return study(config, cells)


def test_the_growth_of_the_needed_width_is_measured():
    needed = {
        (110, 1): lambda time: 2**time,
        (30, 1): lambda time: 100 if time == 4 else 4,
        (110, 2): lambda time: 4,
        (RANDOM, 1): lambda time: 4 ** (time - 1),
        (MAJORITY, 1): lambda time: 2,
        (90, 1): lambda time: 4,
    }
    planted = window_study(needed)
    found = results(WINDOW, planted)
    np.testing.assert_allclose(found["window_growth_110"].estimate.value, 2.0)
    assert "T = 4 no width" in found["window_growth_30"].reason
    np.testing.assert_allclose(found["window_random"].estimate.value, 2.0)
    np.testing.assert_allclose(found["window_deeper"].estimate.value, 0.5)
    assert found["window_control_90"].estimate.value == 4
    assert "2 or less at T = 2" in found["window_control_majority"].estimate.detail
    with house_style():
        assert WINDOW.figures[0](planted).name == "window"
    assert len(WINDOW.tables[0](planted).rows) == 6 * 18


def test_controls_that_need_width_fail_and_a_ladder_that_begins_too_high_is_told():
    needed = {
        (110, 1): lambda time: 2 ** (time - 1),
        (90, 1): lambda time: (4, 4, 100),  # a single seed is enough
        (MAJORITY, 1): lambda time: 100,
    }
    found = results(WINDOW, window_study(needed))
    assert "the narrowest width, 2, was enough" in found["window_growth_110"].reason
    easy, majority = found["window_control_90"], found["window_control_majority"]
    assert (easy.estimate.low, easy.estimate.high, easy.estimate.covers) == (4, 64, RANGE)
    assert easy.verdict == Verdict.UNDECIDED
    assert majority.verdict == Verdict.NOT_SUPPORTED
    assert "more than 64" in majority.estimate.detail


def test_compute_in_series_is_distinguished_from_compute_in_parallel():
    def cell(name, depth, width, count, time):
        values = {"model.name": name, "model.depth": depth, "model.width": width}
        right = ceiling(110, time, depth) + 0.05 * (name == "votes")
        values |= {"model.count": count, "task.time": time}
        return values, {"eval_accuracy": min(right, 1.0)}

    config = build.config("automaton", "votes")
    config.base_width, config.factors = 16, (1, 8)
    shapes = [("local", k, 16, 1) for k in (1, 4, 8)] + [("local", 1, 45, 1)]
    shapes += [(name, 1, 16, 8) for name in ("votes", "streams")]
    planted = study(config, [cell(*shape, time) for shape in shapes for time in (1, 4)])
    own = [claim for claim in HEADLINE.claims if claim.needs_runs]
    found = results(dataclasses.replace(HEADLINE, claims=tuple(own)), planted)
    assert found["headline_depth"].estimate.value == 1.0
    gain = 100 * (1 - ceiling(110, 4, 1))
    assert found["headline_gain"].estimate.value == pytest.approx(gain)
    for condition, added in (("width", 0.0), ("streams", 0.0), ("votes", 5.0)):
        assert found[f"headline_{condition}"].estimate.value == pytest.approx(added)
    assert found["headline_control"].estimate.value == 1.0
    assert {name for name, result in found.items() if result.verdict != Verdict.SUPPORTED} == {
        "headline_votes"
    }
    with house_style():
        assert HEADLINE.figures[0](planted).name == "headline"
    assert len(HEADLINE.tables[0](planted).rows) == 2 * (3 + 1 + 1 + 1)
