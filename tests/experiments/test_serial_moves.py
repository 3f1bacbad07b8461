"""Claims of the studies whose tasks move: discs that meet, and walks up a circuit."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted_serial import study

from experiments.serial import build, tasks, walks
from experiments.serial.studies import discs, returns
from jaxlab.report.expected import Unmeasured
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import circuits, ones


def disc_study(single=lambda depth: 1.0):
    """Layers add 20 points to discs that collide and 5 to those that pass; width adds 3."""

    def cell(balls, collide, depth, width):
        if balls == 1:
            right = single(depth)
        else:
            right = (0.6 if collide else 0.9) + (0.2 if collide else 0.05) * (depth == 8)
        values = {"task.balls": balls, "task.collide": collide, "model.depth": depth}
        return values | {"model.width": width}, {"eval_accuracy": right + 0.03 * (width == 64)}

    config = build.config("balls", "mixer")
    config.base_width, config.wider = 16, 4
    shapes = [(depth, 16) for depth in (1, 2, 4, 8)] + [(1, 64)]
    kinds = ((5, True), (5, False), (1, False))
    return study(config, [cell(*kind, *shape) for kind in kinds for shape in shapes])


def test_what_layers_add_is_set_beside_width_and_beside_the_controls(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.7)
    planted = disc_study()
    found = {name: part.interval.value for name, part in discs.measure(planted).items()}
    assert found == pytest.approx(
        {
            "discs_gain": 20,
            "discs_over_passing": 15,
            "discs_over_single": 20,
            "discs_over_width": 17,
            "discs_width": 3,
            "discs_met": 10,
            "discs_control": 1,
        }
    )
    with house_style():
        assert len(discs.figures(planted)) == 1
    assert len(discs.tables(planted)[0].rows) == 15


def test_a_single_disc_is_solved_at_a_depth_or_at_none(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.7)
    late = discs.measure(disc_study(lambda depth: 0.98 if depth >= 4 else 0.9))
    assert late["discs_control"].interval.value == 4
    never = discs.measure(disc_study(lambda depth: 0.9))
    assert isinstance(never["discs_control"], Unmeasured)
    assert "0.900" in never["discs_control"].reason


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
