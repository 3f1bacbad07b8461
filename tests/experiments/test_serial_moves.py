"""Claims of the studies whose tasks move: discs that meet, and walks up a circuit."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted_serial import study

from experiments.serial import build, tasks, walks
from experiments.serial.studies import discs, meter, returns
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import circuits, ones

RIGHT = {"passing": 0.95, "single": 0.99}


def disc_study(deep=lambda met: 0.04 + 0.05 * met):
    """Layers add `deep` to discs that have met so often; width adds 3 points."""

    def cell(kind, depth, width, rate):
        balls, collide = discs.KINDS[kind]
        more = 0.03 * (width == 48) if rate == 3e-3 else 0.4
        values = {"task.balls": balls, "task.collide": collide, "model.depth": depth}
        values |= {"model.width": width, "optimizer.learning_rate": rate}
        metrics = {"loss": abs(np.log(rate / 3e-3))}
        if kind != "colliding":
            return values, metrics | {"eval_accuracy": RIGHT[kind] + more}
        right_K = [0.6 + more + deep(met) * (depth == 8) for met in discs.NUMBERS]
        for met, right in zip(discs.NUMBERS, right_K, strict=True):
            metrics[f"eval_asked_collisions_{met}"] = 0.2
            metrics[f"eval_right_collisions_{met}"] = 0.2 * right
        return values, metrics | {"eval_accuracy": np.mean(right_K)}

    config = build.config("balls", "mixer")
    config.model.count, config.train.steps = 1, discs.STEPS
    shapes = [(1, 16), (8, 16), (1, 48)]
    arms = [("single", 1, 16), ("passing", 1, 16), *(("colliding", *shape) for shape in shapes)]
    planted = study(config, [cell(*arm, rate) for arm in arms for rate in (3e-3, 0.1)], steps=0)
    return dataclasses.replace(planted, config=planted.runs[0].config)  # one disc


def test_what_layers_add_is_set_beside_width_and_beside_the_controls(monkeypatch):
    asked = []
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: asked.append(task) or 0.7)
    planted = disc_study()
    found = {name: part.interval.value for name, part in discs.measure(planted).items()}
    added = 100 * np.mean([0.04, 0.09, 0.14, 0.19])
    assert found == pytest.approx(
        {
            "discs_over_width": added - 3,
            "discs_depth": added,
            "discs_width": 3,
            "discs_grows": 15,
            "discs_met": 60 + added - 70,
            "discs_passing": 0.95,
            "discs_single": 0.99,
        }
    )
    with house_style():
        assert len(discs.figures(planted)) == 1
    assert {(task.balls, task.collide) for task in asked} == {(3, True)}
    every, by_row = discs.tables(planted)
    assert len(every.rows) == 10
    assert by_row.rows[1][:2] == ["depth", 8]
    assert by_row.rows[1][2:] == pytest.approx([64, 69, 74, 79])


def test_collisions_that_are_learned_are_seen(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.6)
    learned = discs.measure(disc_study())
    for name in ("discs_over_width", "discs_met", "discs_grows"):
        assert learned[name].interval.low > discs.EXPECTED[name].range[1]
    alike = discs.measure(disc_study(lambda met: 0.05))
    assert alike["discs_grows"].interval.value == pytest.approx(0)
    assert alike["discs_over_width"].interval.value == pytest.approx(2)
    longer = disc_study()
    longer.config.train.steps += 1
    found = discs.measure(longer)
    assert all("expected of 3000 steps" in found[name].reason for name in discs.SHORT_CLAIMS)


def test_discs_that_never_collide_have_no_answer_without_collisions():
    planted = disc_study()
    with pytest.raises(ValueError, match="no discs that collide"):
        discs.colliding(dataclasses.replace(planted, runs=planted.runs[:4]))


def test_the_answer_without_collisions_is_right_for_discs_that_never_meet():
    config = build.config("balls", "mixer")
    task = tasks.make(config)
    assert 0.25 < discs.passing_accuracy(task, 256) < 1
    assert discs.passing_accuracy(dataclasses.replace(task, balls=1), 256) == 1


SMALL = ones.DepthOfOnes(2, 2, ("and", "or"), 0, "values")


@pytest.fixture(scope="module")
def small():
    return walks.draw(SMALL, 0, 4096)


def test_the_floor_is_that_of_all_circuits_told_apart_by_what_is_seen(small):
    """Groups of drawn circuits with the same values so far: no estimate can split them."""
    floor_L = walks.floors(SMALL)
    assert floor_L[-1] == 0
    for height in (1, 2):
        seen_BxN = small.value_BxLxM[:, : height + 1].reshape(4096, -1)
        _, group_B = np.unique(seen_BxN, axis=0, return_inverse=True)
        mean_G = np.bincount(group_B.ravel(), small.best_B) / np.bincount(group_B.ravel())
        least = np.sqrt(np.mean((small.best_B - mean_G[group_B.ravel()]) ** 2))
        np.testing.assert_allclose(least, floor_L[height], atol=0.01)
        ones_BxL = small.value_BxLxM.sum(axis=2)
        guess_B = walks.estimate(ones_BxL, height, walks.posterior(SMALL, height))
        error = np.sqrt(np.mean((guess_B - small.best_B) ** 2))
        assert least <= error == pytest.approx(floor_L[height], abs=0.01)


def test_walks_go_where_the_environment_lets_them(small):
    count_BxLxM = walks.walk(np.random.default_rng(0), small, 1000)
    assert (count_BxLxM[:, 0].sum(axis=1) == 1000).all()
    circuit = circuits.Circuit(jnp.zeros((4096, 2)), jnp.zeros((4096, 2, 2)), small.source_BxLxGx2)
    reached_BxLxM = np.zeros(count_BxLxM.shape, bool)
    row_B, step = np.ones(4096, int), jax.jit(ones.step)
    for path in itertools.product((0, 1), repeat=3):
        place = ones.Place(0 * row_B, path[0] * row_B, row_B > 0)
        for layer, gate in enumerate(path[1:], 1):
            place, _ = step(circuit, small.value_BxLxM, place, gate * row_B)
            reached_BxLxM[:, layer, gate] |= np.asarray(place.goes_on_B)
    np.testing.assert_array_equal(count_BxLxM[:, 1:] > 0, reached_BxLxM[:, 1:])


def test_walks_end_at_the_floor_and_biased_ones_do_not(monkeypatch):
    monkeypatch.setattr(returns, "errors", returns.errors.__wrapped__)
    monkeypatch.setattr(returns, "SEEDS", (0, 1))
    found = returns.errors(2048, 64)
    monkeypatch.setattr(returns, "errors", lambda: found)
    claims = returns.measure()
    assert set(claims) == set(returns.EXPECTED)
    assert claims["returns_control"].interval.value == 0
    assert claims["returns_floor"].interval.value < 0.1
    assert claims["returns_many"].interval.value < 0.1
    assert claims["returns_falls"].interval.value < 1
    assert claims["returns_greedy"].interval.value < 0
    biased = found._replace(walks_SxHxN=found.walks_SxHxN * 1.2)
    monkeypatch.setattr(returns, "errors", lambda: biased)
    assert returns.measure()["returns_many"].interval.value > 0.1
    with house_style():
        assert len(returns.figures()) == 1
    assert len(returns.tables()[0].rows) == 24


def test_the_meter_tells_what_is_serial_from_what_is_not(monkeypatch):
    found = {name: own.interval.value for name, own in meter.measure().items()}
    assert found["meter_linear"] == found["meter_tied"] == 0
    assert found["meter_letter"] >= 1
    assert found["meter_doubling"] <= 8
    with house_style():
        assert len(meter.figures()) == 1
    assert [len(row) for row in meter.tables()[0].rows] == [1 + len(meter.LENGTHS)] * 7
    both = meter.SERIAL | meter.PARALLEL
    monkeypatch.setattr(meter, "SERIAL", {"scan": both["linear scan"]})
    monkeypatch.setattr(meter, "PARALLEL", {"GRU": both["GRU"], "scan": both["linear scan"]})
    meter.serial_depths.cache_clear()
    swapped = {name: own.interval.value for name, own in meter.measure().items()}
    assert swapped["meter_linear"] > 0.5
    assert swapped["meter_doubling"] > 100
    meter.serial_depths.cache_clear()
