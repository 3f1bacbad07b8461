"""Runs of the lab: what their experiments read, and whether they hold what their config saves."""

import jax
import numpy as np
import pytest

from experiments.one_third import teacher
from experiments.one_third.measures import Teacher, teacher_weights
from experiments.parscale import recall
from experiments.parscale.model import streams
from experiments.parscale.readings import similarity
from experiments.serial import build as serial
from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError, expected, lab_run
from jaxlab.checkpoints.checking import check
from jaxlab.config import ConfigError, split
from jaxlab.disk import write_config
from jaxlab.models.trees import names
from jaxlab.sweeps.plan import experiment_module
from jaxlab.tasks.serial import automata
from jaxlab.training import mesh
from jaxlab.training.checkpoint import Checkpoints
from jaxlab.training.program import state_shapes

ALONG, ACROSS = 3.0, 4.0  # the parts of the planted students' β


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two students of seeds 0 and 1, with planted weights, at steps 2 and 4."""
    folder = tmp_path_factory.mktemp("lab") / "run"
    config = teacher.config()
    config.task.features, config.task.classes, config.train.steps = 6, 5, 4
    write_config(folder, config, [{"seed": 0}, {"seed": 1}])
    shapes = state_shapes(experiment_module("one_third").build(split(config)[0]), config)
    state = jax.tree.map(lambda leaf: np.zeros((2, *leaf.shape), leaf.dtype), shapes)
    state.params["head"]["kernel"][:] = [student(seed) for seed in (0, 1)]
    on_devices = mesh.put(state, mesh.make(config, 2), mesh.MEMBER)
    saver = Checkpoints(folder / "checkpoints", config, 2, np.arange(5), {"config_hash": "abc"})
    for step in (2, 4):
        saver.save(step, on_devices)
    saver.close()
    return folder


def student(seed):
    """Weights with these parts, and a shift of all classes that no softmax sees."""
    weights_MxN = teacher_weights(Teacher(seed, 6, 5, None)).T
    along_MxN = weights_MxN / np.linalg.norm(weights_MxN)
    other_MxN = np.roll(along_MxN, 1, axis=0)
    across_MxN = other_MxN - np.vdot(other_MxN, along_MxN) * along_MxN
    across_MxN /= np.linalg.norm(across_MxN)
    return np.sqrt(5) * (ALONG * along_MxN + ACROSS * across_MxN) + 7.0


def test_a_softmax_head_has_a_scale_along_and_across_its_teacher(run):
    rows = lab_run.read(run / "checkpoints", every_step=True)
    assert {(row.step, row.member) for row in rows} == {(s, m) for s in (2, 4) for m in (0, 1)}
    wanted = {"beta": np.hypot(ALONG, ACROSS), "radial": ALONG, "tangential": ACROSS}
    assert len(rows) == 12
    for row in rows:
        assert row.value == pytest.approx(wanted[row.statistic], rel=1e-5)
    with pytest.raises(CheckpointError, match="no reading 'bet': choose one of beta, radial"):
        lab_run.read(run, ("bet",))
    with pytest.raises(CheckpointError, match="members 0 to 1"):
        lab_run.read(run, member=2)


def test_a_run_is_compared_with_what_its_config_saves(run):
    checkpoint = checkpoints.open(run)
    own = lab_run.find_run(run / "checkpoints" / "4" / "params")
    assert own is not None
    assert check(checkpoint, expected.of_run(own, checkpoint)) == []
    group, found = expected.of_file("configs/one_third/headline.py:tiny", checkpoint)
    wrong = {problem.name: problem.what for problem in check(checkpoint, found)}
    assert group == "all"
    assert wrong["params/head/kernel"] == "is 2x6x5 float32, expected 2x32x16 float32"
    assert len(wrong) == 3  # two moments of Adam with it
    alone = checkpoint.only("params/*").member(1)
    assert check(alone, expected.of_run(own, alone)) == []
    config = own.config.copy_and_resolve_references()
    config.optimizer.name = "sgd"
    extra = check(checkpoint, expected.described(expected.of_config(config), checkpoint))
    assert {problem.what for problem in extra} == {"is not expected"}
    config.task.data_dir = "nowhere"
    with pytest.raises(ConfigError, match="not here"):
        expected.of_config(config)


def test_equal_streams_are_alike_and_the_mixer_weighs_them():
    config = recall.config()
    config.streams.count, config.streams.prefix, config.model.width = 3, 2, 8
    config.model.layers = 1
    config.model.heads, config.model.hidden, config.task.length = 2, 8, 4
    config.streams.aggregation = "static"
    whole = streams(config)
    tree = jax.tree.map(np.array, whole.init(jax.random.key(0)))
    for name in ("prefix_key_PxLxSxKxD", "prefix_value_PxLxSxKxD"):
        tree["streams"][name][1] = -tree["streams"][name][0]
    tree["streams"]["preference_P"] = np.log(np.array([1, 2, 1], np.float32))
    params = dict(zip(names(tree), jax.tree.leaves(tree), strict=True))
    assert similarity(whole, params)["streams 0 and 1"] == pytest.approx(-1)
    found = experiment_module("parscale").readings(config)["aggregation"](params)
    smoothed = 0.9 * np.array([0.25, 0.5, 0.25]) + 0.1 / 3
    assert list(found.values()) == pytest.approx(smoothed.tolist())
    config.streams.count = 1
    assert experiment_module("parscale").readings(config) == {}


def test_gates_are_counted_and_their_truth_table_is_that_of_their_function():
    config = serial.config("automaton", "gates")
    config.model.width, config.model.depth, config.seed = 2, 1, 3
    own = experiment_module("serial").readings(config)
    preference_WxF = np.zeros((2, 16), np.float32)
    preference_WxF[[0, 1], [9, 6]] = 1.0  # a cell is 1 where gate 1 is on and gate 0 is off
    params = {"layers/0/preference_WxF": preference_WxF}
    shares = own["gates"](params)
    assert {name: share for name, share in shares.items() if share} == {"XOR": 0.5, "XNOR": 0.5}
    table = own["truth_table"](params)
    assert list(table) == ["".join(map(str, row)) for row in automata.windows(1).tolist()]
    preference_WxF[:] = 0.0
    preference_WxF[[0, 1], [0, 15]] = 1.0
    assert set(own["truth_table"](params).values()) == {1.0}
