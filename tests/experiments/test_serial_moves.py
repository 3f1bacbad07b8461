"""Claims of the studies whose tasks move: walks up a circuit."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.serial import meter, returns, walks
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import circuits, ones

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


def values(module):
    return {claim.id: claim.measure(None).value for claim in module.CLAIMS}


def test_walks_end_at_the_floor_and_biased_ones_do_not(monkeypatch):
    monkeypatch.setattr(returns, "SEEDS", (0, 1))
    found = returns.errors.__wrapped__(2048, 64)
    monkeypatch.setattr(returns, "errors", lambda: found)
    value = values(returns)
    assert value["returns_control"] == 0
    assert value["returns_floor"] < 0.1
    assert value["returns_many"] < 0.1
    assert value["returns_falls"] < 1
    assert value["returns_greedy"] < 0
    biased = found._replace(walks_SxHxN=found.walks_SxHxN * 1.2)
    monkeypatch.setattr(returns, "errors", lambda: biased)
    assert values(returns)["returns_many"] > 0.1
    with house_style():
        assert returns.FIGURES[0](None).name == "returns"
    assert len(returns.TABLES[0](None).rows) == 24


def test_the_meter_tells_what_is_serial_from_what_is_not(monkeypatch):
    value = values(meter)
    assert value["meter_linear"] == value["meter_tied"] == 0
    assert value["meter_letter"] >= 1
    assert value["meter_doubling"] <= 8
    with house_style():
        assert meter.FIGURES[0](None).name == "meter"
    assert [len(row) for row in meter.TABLES[0](None).rows] == [1 + len(meter.LENGTHS)] * 7
    both = meter.SERIAL | meter.PARALLEL
    monkeypatch.setattr(meter, "SERIAL", {"scan": both["linear scan"]})
    monkeypatch.setattr(meter, "PARALLEL", {"GRU": both["GRU"], "scan": both["linear scan"]})
    meter.serial_depths.cache_clear()
    swapped = values(meter)
    assert swapped["meter_linear"] > 0.5
    assert swapped["meter_doubling"] > 100
    meter.serial_depths.cache_clear()
