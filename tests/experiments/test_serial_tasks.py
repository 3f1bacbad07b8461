"""Every task with a model, questions that ask for nothing, and discs by their collisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted_serial import study

from experiments.serial import build, classes, models, tasks
from experiments.serial.parallel import Streams, Votes
from jaxlab import config as configs
from jaxlab.experiment import BatchId
from jaxlab.models.mixer import Mixer
from jaxlab.tasks.serial.catalogue import ENTRIES

KEY = jax.random.key(0)
TRAIN = BatchId("train", jnp.int32(0))


def experiment(config):
    static, values = configs.split(config)
    return build.build(static), {key: jnp.asarray(value) for key, value in values.items()}


@pytest.mark.parametrize("name", sorted(set(tasks.TASKS) - {"sudoku"}))  # see test_serial_puzzles
def test_a_task_goes_with_a_transformer(name):
    config = build.config(name, "transformer")
    config.train.batch_size = 2 ** (2 * config.task.radius + 1) if name == "table" else 4
    build.validate(config)
    made, values = experiment(config)
    if name == "blocks":  # answers once per block, which a tree alone does
        return
    (entry,) = made.batch

    def losses():
        batch = entry.make({}, values, TRAIN)
        return made.evaluate(made.init(KEY, values), batch, values)

    shapes = jax.eval_shape(losses)
    assert {"loss", "accuracy", "row_accuracy"} <= set(shapes)
    assert all(leaf.shape == () for leaf in shapes.values())
    if name == "ones":
        found = jax.jit(losses)()
        assert all(np.isfinite(value) for value in found.values())


def test_where_nothing_is_asked_nothing_is_right():
    made, values = experiment(build.config("automaton", "local"))
    tokens_BxN = jnp.zeros((2, 32), jnp.int32)
    asked_BxN = jnp.zeros((2, 32), bool).at[0, 3].set(True)
    params = made.init(KEY, values)
    zero = {"tokens_BxN": tokens_BxN, "targets_BxN": tokens_BxN, "counted_BxN": tokens_BxN > 0}
    nothing = made.evaluate(params, zero, values)
    assert {float(value) for value in nothing.values()} == {0.0}
    answer = models.Local(vocabulary=2, classes=2, width=16, depth=4, tied=False, hard=False)
    wrong_BxN = 1 - jnp.argmax(answer.apply(params, tokens_BxN), axis=-1)
    one = made.evaluate(params, zero | {"targets_BxN": wrong_BxN, "counted_BxN": asked_BxN}, values)
    assert one["row_accuracy"] == one["accuracy"] == 0.0


def test_answers_are_told_apart_by_the_collisions_of_their_rows():
    counted_BxN = jnp.asarray([[True, True], [True, False], [False, False], [True, True]])
    batch = {"collisions_B": jnp.asarray([0, 1, 1, 5]), "counted_BxN": counted_BxN}
    right_BxN = jnp.asarray([[True, False], [True, True], [True, True], [False, True]])
    found = tasks.by_collisions(batch, right_BxN)
    asked = [float(8 * found[f"asked_collisions_{n}"]) for n in range(4)]
    right = [float(8 * found[f"right_collisions_{n}"]) for n in range(4)]
    assert (asked, right) == ([2, 1, 0, 2], [1, 1, 0, 1])
    assert not tasks.by_collisions({"counted_BxN": counted_BxN}, right_BxN)


@pytest.mark.parametrize("kind", [Votes, Streams])
def test_mixers_vote_and_have_streams(kind):
    mixer = Mixer(vocabulary=3, classes=2, length=4, width=4, heads=2, depth=1, tied=True)
    around = kind(mixer, 2, counted=True) if kind is Votes else kind(mixer, 2)
    tokens_BxN = jax.random.randint(KEY, (3, 4), 0, 3)
    params = around.init(KEY)
    if kind is Streams:
        params["shift_PxW"] = jnp.zeros((2, 4))
        alone_BxNxC = mixer.apply(params["circuit"], tokens_BxN)
    else:
        params = jax.tree.map(lambda leaf: jnp.stack([leaf[0]] * 2), params)
        alone_BxNxC = mixer.apply(jax.tree.map(lambda leaf: leaf[0], params), tokens_BxN)
    both_BxNxC = around.apply(params, tokens_BxN)
    np.testing.assert_allclose(jax.nn.softmax(both_BxNxC), jax.nn.softmax(alone_BxNxC), rtol=1e-5)


def test_the_classes_of_the_tasks_that_ran_are_told():
    cells = [({"task.rule": rule, "task.time": time}, {}) for rule, time in ((90, 4), (110, 2))]
    planted = study(build.config("automaton", "local"), cells)
    rows = classes.tasks_table(planted).rows
    assert [row[:2] for row in rows] == [["rule 110", "P-complete"], ["rule 90, steps 2^k", "TC0"]]
    assert rows[0][2:] == ["Neary and Woods, ICALP 2006", "rule 90, steps 2^k"]
    for run in planted.runs:
        run.config.task.name = "hanoi"  # a task that nobody has classified
    (row,) = classes.tasks_table(planted).rows
    assert row[:2] == ["hanoi", "not in the catalogue"]


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_the_catalogue_has_every_task(name):
    task = build.config(name, "local").task
    assert classes.entry(task) in ENTRIES
    if name in classes.NAMES and classes.NAMES[name][3]:
        _, field, easy_value, easy = classes.NAMES[name]
        task[field] = easy_value
        assert classes.entry(task) == easy
        assert ENTRIES[easy].bin == "TC0"


def test_tasks_without_an_entry_have_none():
    automaton = {"name": "automaton", "time": 4}
    assert classes.entry({"name": "automaton", "rule": 90, "time": 3}) not in ENTRIES
    assert classes.entry(automaton | {"rule": 54}) not in ENTRIES
    assert classes.entry(automaton | {"rule": 256}) == "majority of a window"
    discs = {"name": "balls", "collide": True, "balls": 1}
    assert classes.entry(discs) == "balls that pass through each other"
