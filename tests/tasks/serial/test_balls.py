"""Discs against a plain simulation in double precision, and against the laws of motion."""

import functools
import itertools
import math

import jax
import numpy as np
import pytest
from guesses import measured_chance

from jaxlab.tasks.serial.balls import Balls

SIZES = {"balls": 3, "slots": 3, "offsets": 8, "speeds": 8}
TIMED = Balls(**SIZES, duration=4, collisions=0, collide=True)
COUNTED = Balls(**SIZES, duration=8, collisions=3, collide=True)
FREE = Balls(**SIZES, duration=4, collisions=0, collide=False)
ROWS, CHECKED = 3000, 150


@functools.cache
def flown(task):
    """Questions, positions and velocities at the start, and the discs at the end."""

    return jax.tree.map(np.asarray, run(task, jax.random.key(0)))


@functools.partial(jax.jit, static_argnums=0)
def run(task, key):
    questions = task.draw(key, ROWS)
    starts = task.read(questions.tokens_BxN.reshape(ROWS, -1, 4))
    return questions, starts, jax.vmap(task.fly)(*starts)


def plain(positions, velocities, radius, duration, limit):
    """Discs as lists of numbers, one event after the other."""
    discs = [[*p, *v] for p, v in zip(positions.tolist(), velocities.tolist(), strict=True)]
    met = 0
    while True:
        events = [(duration, ())]
        for i, (x, y, u, v) in enumerate(discs):
            for axis, place, speed in ((0, x, u), (1, y, v)):
                wall = 1 - radius if speed > 0 else radius
                events.append(((wall - place) / speed if speed else math.inf, (i, axis, "wall")))
        for i, j in itertools.combinations(range(len(discs)), 2):
            dx, dy, du, dv = (a - b for a, b in zip(discs[i], discs[j], strict=True))
            a, b, c = du * du + dv * dv, 2 * (dx * du + dy * dv), dx * dx + dy * dy - 4 * radius**2
            if b < 0 and b * b > 4 * a * c:
                events.append(((-b - math.sqrt(b * b - 4 * a * c)) / (2 * a), (i, j, "pair")))
        time, what = min(events)
        discs = [[x + u * time, y + v * time, u, v] for x, y, u, v in discs]
        duration -= time
        if not what:
            return discs, met
        i, j, kind = what
        if kind == "wall":
            discs[i][2 + j] *= -1
            continue
        angle = math.atan2(discs[i][1] - discs[j][1], discs[i][0] - discs[j][0])
        n = (math.cos(angle), math.sin(angle))
        along = [disc[2] * n[0] + disc[3] * n[1] for disc in (discs[i], discs[j])]
        for disc, own, other in ((discs[i], *along), (discs[j], *along[::-1])):
            disc[2] += (other - own) * n[0]
            disc[3] += (other - own) * n[1]
        met += 1
        if met == limit:
            return discs, met


@functools.cache
def oracle(task):
    """Positions and collisions at the end of the first rows, in double precision."""
    starts = (array[:CHECKED].astype(float) for array in flown(task)[1])
    ends = [
        plain(*start, task.radius, task.duration, task.collisions)
        for start in zip(*starts, strict=True)
    ]
    return np.array([discs for discs, _ in ends])[..., :2], np.array([met for _, met in ends])


@pytest.mark.parametrize("task", [TIMED, COUNTED])
def test_flights_are_those_of_a_plain_simulation(task):
    position, met = oracle(task)
    ends = flown(task)[2]
    errors = np.abs(position - ends.position_Kx2[:CHECKED]).max(axis=(1, 2))
    few = met <= 5  # beyond, single precision is used up more often
    assert few.sum() > 50
    assert np.median(errors[few]) < 1e-4
    assert np.mean(errors[few] < 1e-2) > 0.98
    assert (met[few] == ends.collisions[:CHECKED][few]).mean() > 0.98


def test_what_is_asked_does_not_hang_on_rounding():
    questions = flown(TIMED)[0]
    targets = questions.targets_BxN[:CHECKED, 3::4]
    is_asked = questions.counted_BxN[:CHECKED, 3]
    position, _ = oracle(TIMED)
    right = (targets == 2 * (position[..., 0] > 0.5) + (position[..., 1] > 0.5)).all(axis=1)
    assert right[is_asked].mean() > 0.99
    assert right[~is_asked].mean() < 0.9
    assert is_asked.mean() > 0.7


@pytest.mark.parametrize("task", [TIMED, COUNTED])
def test_energy_is_kept_and_no_discs_overlap(task):
    _, (_, velocity), ends = flown(task)
    energy = np.sum(velocity**2, axis=(1, 2))
    np.testing.assert_allclose(np.sum(ends.velocity_Kx2**2, axis=(1, 2)), energy, rtol=1e-4)
    apart = np.linalg.norm(ends.position_Kx2[:, :, None] - ends.position_Kx2[:, None], axis=3)
    assert apart[:, *np.triu_indices(3, 1)].min() > 2 * task.radius - 1e-4
    assert ends.position_Kx2.min() > task.radius - 1e-4
    assert ends.position_Kx2.max() < 1 - task.radius + 1e-4


def test_free_discs_fly_as_one_alone_does():
    _, starts, ends = flown(FREE)
    alone = Balls(**SIZES | {"balls": 1}, duration=4, collisions=0, collide=True)
    first = [array[:, :1] for array in starts]
    simulated = jax.jit(jax.vmap(alone.fly))(*first)
    np.testing.assert_allclose(simulated.position_Kx2, ends.position_Kx2[:, :1], atol=1e-4)
    np.testing.assert_allclose(simulated.velocity_Kx2, ends.velocity_Kx2[:, :1], atol=1e-6)
    assert (flown(TIMED)[2].collisions > 0).mean() > 0.9
    assert (np.abs(flown(TIMED)[2].position_Kx2 - ends.position_Kx2) > 0.01).mean() > 0.5


@pytest.mark.parametrize("task", [TIMED, COUNTED, FREE])
def test_questions_ask_for_quarters(task):
    questions, (position, _), ends = flown(task)
    quarter = 2 * (ends.position_Kx2[..., 0] > 0.5) + (ends.position_Kx2[..., 1] > 0.5)
    np.testing.assert_array_equal(questions.targets_BxN[:, 3::4], quarter)
    counted = questions.counted_BxN.reshape(ROWS, 3, 4)
    assert not counted[..., :3].any()
    np.testing.assert_array_equal(counted[..., 3], np.repeat(counted[:, :1, 3], 3, axis=1))
    assert counted[:, 0, 3].mean() > 0.7
    if task.collisions:
        assert set(ends.collisions[counted[:, 0, 3]]) == {task.collisions}
    assert measured_chance(questions, 4) == pytest.approx(task.chance(), abs=0.03)
    assert questions.tokens_BxN.shape[1] == task.length
    assert set(np.unique(questions.tokens_BxN)) == set(range(task.vocabulary))
    assert len(np.unique(position[..., 0])) == 24


def test_a_key_makes_the_discs():
    first, again, other = (run(FREE, jax.random.key(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.tokens_BxN, again.tokens_BxN)
    assert (first.tokens_BxN != other.tokens_BxN).any()


def test_refusals():
    sizes = SIZES | {"duration": 4, "collisions": 0, "collide": True}
    with pytest.raises(ValueError, match="10 balls do not fit in 3 by 3"):
        Balls(**sizes | {"balls": 10})
    with pytest.raises(ValueError, match="an even number of speeds"):
        Balls(**sizes | {"speeds": 7})
    for change in ({"balls": 1}, {"collide": False}):
        with pytest.raises(ValueError, match="2 collisions never come"):
            Balls(**sizes | {"collisions": 2} | change)
