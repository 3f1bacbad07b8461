"""Claims of the serial-depth studies on studies whose answers are planted."""

import numpy as np
import pytest
from planted_serial import planted_claims, study, verdicts

from experiments.serial import build
from experiments.serial.studies import headline, light_cone, window
from experiments.serial.tasks import MAJORITY, RANDOM
from jaxlab.report.claims import Verdict
from jaxlab.report.expected import Unmeasured
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import automata


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
    found = light_cone.measure(planted)
    assert found["light_cone_reached"].interval.value == 1.0
    assert found["light_cone_ceiling"].interval.high < 1e-9
    assert found["light_cone_width"].interval.value == 0.0
    np.testing.assert_allclose(found["light_cone_slope"].interval.value, 1.0)
    assert found["light_cone_linear"].interval.high < 0.01
    assert found["light_cone_90_ceiling"].interval.value == 0.0
    assert verdicts(light_cone, planted) == {Verdict.HOLDS}
    with house_style():
        assert {f.name for f in light_cone.figures(planted)} == {"light_cone", "light_cone_depth"}
    (table,) = light_cone.tables(planted)
    assert len(table.rows) == 15 * 12
    assert {"seeds", "steps", "CPU s a seed", "parameters", "FLOPs a row"} <= set(table.header)


def test_width_that_buys_accuracy_is_seen():
    def widened(rule, time, depth, width, ceiling):
        return ceiling + 0.03 * (width == 64 and depth == 2 and time == 4)

    found = light_cone.measure(cone_study(widened))
    np.testing.assert_allclose(found["light_cone_width"].interval.value, 0.03)
    np.testing.assert_allclose(found["light_cone_ceiling"].interval.value, 0.03)
    expected = light_cone.EXPECTED["light_cone_width"].range
    assert found["light_cone_width"].interval.low > expected[1]


def test_seeds_just_below_one_hold():
    def nearly(rule, time, depth, width, ceiling):
        return (0.999, 0.9995, 1.0) if depth >= time else ceiling

    claims = planted_claims(light_cone, cone_study(nearly))
    assert claims["light_cone_reached"].high > 1
    assert claims["light_cone_reached"].verdict == Verdict.HOLDS


def test_a_copy_that_needs_layers_fails_its_control():
    def slow(rule, time, depth, width, ceiling):
        return 1.0 if depth >= time else 0.6

    claims = planted_claims(light_cone, cone_study(slow))
    assert claims["light_cone_copy"].measured == 6
    assert claims["light_cone_copy"].verdict == Verdict.FAILS
    assert claims["light_cone_copy_slope"].verdict == Verdict.FAILS


def test_a_path_as_long_as_a_circuit_is_wide_is_no_logarithm():
    cells = [
        ({"model.depth": depth, "model.width": width, "task.rule": 110}, {"eval_accuracy": 1.0})
        for depth in (1, 2, 4)
        for width in (8, 64)
    ]
    config, long = (
        build.config("automaton", "local"),
        lambda own: own.model.width * 2**own.model.depth,
    )
    found = light_cone.measure(study(config, cells, serial_depth=long))
    assert found["light_cone_meter_width"].interval.value > 3
    assert found["light_cone_meter_depth"].interval.value > 0


def test_circuits_that_never_learn_have_no_law_of_depth():
    found = light_cone.measure(cone_study(lambda rule, time, depth, width, ceiling: 0.6))
    assert isinstance(found["light_cone_slope"], Unmeasured)
    assert found["light_cone_reached"].interval.value == 0.6


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
    found = window.measure(planted)
    np.testing.assert_allclose(found["window_growth_110"].interval.value, 2.0)
    assert "T = 4 no width" in found["window_growth_30"].reason
    np.testing.assert_allclose(found["window_random"].interval.value, 2.0)
    np.testing.assert_allclose(found["window_deeper"].interval.value, 0.5)
    assert found["window_control_90"].interval.value == 4
    assert "2 or less at T = 2" in found["window_control_majority"].detail
    with house_style():
        assert len(window.figures(planted)) == 1
    assert len(window.tables(planted)[0].rows) == 6 * 18


def test_controls_that_need_width_fail_and_a_ladder_that_begins_too_high_is_told():
    needed = {
        (110, 1): lambda time: 2 ** (time - 1),
        (90, 1): lambda time: (4, 4, 100),  # a single seed is enough
        (MAJORITY, 1): lambda time: 100,
    }
    claims = planted_claims(window, window_study(needed))
    assert "the narrowest width, 2, was enough" in claims["window_growth_110"].detail
    assert (claims["window_control_90"].low, claims["window_control_90"].high) == (4, 64)
    assert claims["window_control_90"].verdict == Verdict.INCONCLUSIVE
    assert claims["window_control_majority"].verdict == Verdict.FAILS
    assert "more than 64" in claims["window_control_majority"].detail


def test_compute_in_series_is_told_from_compute_side_by_side():
    def cell(name, depth, width, count, time):
        values = {"model.name": name, "model.depth": depth, "model.width": width}
        right = ceiling(110, time, depth) + 0.05 * (name == "votes")
        values |= {"model.count": count, "task.time": time}
        return values, {"eval_accuracy": min(right, 1.0)}

    config = build.config("automaton", "votes")
    config.base_width = 16
    ways = [("local", k, 16, 1) for k in (1, 4, 8)] + [("local", 1, 45, 1)]
    ways += [(name, 1, 16, 8) for name in ("votes", "streams")]
    planted = study(config, [cell(*way, time) for way in ways for time in (1, 4)])
    found = headline.measure(planted)
    assert found["headline_depth"].interval.value == 1.0
    gain = 100 * (1 - ceiling(110, 4, 1))
    assert found["headline_gain"].interval.value == pytest.approx(gain)
    low, high = headline.EXPECTED["headline_gain"].range
    assert low < gain < high
    for way, added in (("width", 0.0), ("streams", 0.0), ("votes", 5.0)):
        assert found[f"headline_{way}"].interval.value == pytest.approx(added)
    assert found["headline_control"].interval.value == 1.0
    with house_style():
        assert len(headline.figures(planted)) == 1
    assert len(headline.tables(planted)[0].rows) == 2 * (3 + 2 + 2 + 2)
