"""Runs on disk: go on after any end, refuse what does not fit, lose nothing that was saved."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from experiments.one_third.build import build
from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.experiment import stream_key
from jaxlab.training import checkpoint, loop, metrics, run
from jaxlab.training import mesh as meshes

TINY = {
    "train.steps": 60,
    "train.batch_size": 32,
    "task.classes": 16,
    "task.features": 8,
    "records.every_steps": 10,
    "eval.batches": 1,
    "checkpoint.every_steps": 20,
}
MEMBERS = [{"seed": seed, "optimizer.learning_rate": 0.05} for seed in range(4)]


def tiny(**overrides):
    return configs.override(teacher_config(), TINY | overrides)


def train(folder, members=MEMBERS, progress=lambda update: None, **overrides):
    config = tiny(**overrides)
    loop.train(build(configs.split(config)[0]), config, members, folder, progress)


def saved(folder):
    """Returns the bytes of the metrics and the parameters of the last checkpoint."""
    steps = sorted(int(path.name) for path in (folder / "checkpoints").iterdir())
    params = folder / "checkpoints" / str(steps[-1]) / "params"
    with ocp.PyTreeCheckpointer() as reader:
        tree = reader.metadata(params).item_metadata.tree
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
        arrays = reader.restore(params, ocp.args.PyTreeRestore(restore_args=as_numpy))
    return (folder / "metrics.jsonl").read_bytes(), arrays


def assert_same(a, b):
    assert a[0] == b[0]
    jax.tree.map(np.testing.assert_array_equal, a[1], b[1])


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight") / "run"
    train(folder)
    return folder


def recorded(update, step):
    """Whether an update says that this step was recorded."""
    return update.loss is not None and update.step == step


class Stop(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("stop_at", [0, 10, 20, 30, 50, 60])
def test_an_interrupted_run_goes_on_bit_for_bit(straight, tmp_path, stop_at):
    def interrupt(update):
        if recorded(update, stop_at):
            raise Stop

    with pytest.raises(Stop):
        train(tmp_path / "run", progress=interrupt)
    train(tmp_path / "run")
    assert_same(saved(tmp_path / "run"), saved(straight))


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_loop import train
train(Path(sys.argv[1]), **{"train.steps": 1000, "records.every_steps": 10})
"""


def test_kill_minus_nine_at_a_random_moment_changes_nothing(tmp_path):
    def start(folder):
        arguments = [sys.executable, "-c", KILLED, str(folder), str(Path(__file__).parent)]
        environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""}
        return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE)

    undisturbed, folder = tmp_path / "straight", tmp_path / "killed"
    _, error = (process := start(undisturbed)).communicate(timeout=200)
    assert process.returncode == 0, error.decode()
    random = np.random.default_rng()
    for _ in range(2):
        process = start(folder)
        records = folder / "metrics.jsonl"
        target = (records.stat().st_size if records.exists() else 0) + random.integers(5e3, 3e4)
        while process.poll() is None and not (records.exists() and records.stat().st_size > target):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (folder / "DONE").exists()
    _, error = (process := start(folder)).communicate(timeout=200)
    assert process.returncode == 0, error.decode()
    assert json.loads((folder / "DONE").read_text())["resumed"]
    assert_same(saved(folder), saved(undisturbed))


def test_a_finished_run_is_not_run_again(straight):
    before = saved(straight)
    train(straight, progress=lambda update: pytest.fail("it ran"))
    assert_same(saved(straight), before)


def test_another_config_is_refused_with_the_keys_that_differ(straight):
    with pytest.raises(ConfigError, match=r"optimizer.b1: 0.9 -> 0.8") as error:
        train(straight, **{"optimizer.b1": 0.8})
    assert str(straight) in str(error.value)
    with pytest.raises(ConfigError, match="members: 4 over"):
        train(straight, members=MEMBERS[:2])


def test_the_number_of_seeds_of_its_sweep_does_not_make_another_run(tmp_path, monkeypatch):
    config = teacher_config()
    config.seeds = 4
    monkeypatch.setitem(globals(), "teacher_config", lambda: config.copy_and_resolve_references())

    def interrupt(update):
        if recorded(update, 30):
            raise Stop

    with pytest.raises(Stop):
        train(tmp_path / "run", progress=interrupt)
    config.seeds = 16
    train(tmp_path / "run")  # from the checkpoint, which has the hash of the config
    assert json.loads((tmp_path / "run" / "DONE").read_text())["resumed"]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["seeds"] == 4


def test_updates_say_when_the_program_compiles_then_every_record_with_its_loss(tmp_path):
    updates = []
    members = [{"optimizer.learning_rate": 0.1}, {"optimizer.learning_rate": 1e38}]
    train(tmp_path / "run", members, updates.append, **{"optimizer.name": "sgd"})
    compiling = [update.compiling for update in updates]
    assert compiling == sorted(compiling, reverse=True)
    assert compiling[0]
    recorded = {update.step: update.loss for update in updates if update.loss is not None}
    rows = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    first, *others = [(row["step"], row["loss"][0]) for row in rows]  # the other one diverged
    assert dict(others) == pytest.approx({step: recorded[step] for step, _ in others})
    assert first == (0, None)
    assert np.isnan(recorded[0])


def test_a_folder_with_results_of_an_unknown_run_is_refused(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("precious")
    with pytest.raises(ConfigError, match=r"holds metrics\.jsonl, but no config\.json"):
        train(tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == "precious"


def test_resumes_on_another_number_of_devices(straight, tmp_path, monkeypatch):
    def interrupt(update):
        if recorded(update, 40):
            raise Stop

    with pytest.raises(Stop):
        train(tmp_path / "run", progress=interrupt)
    three = jax.devices()[:3]  # members no longer divide evenly
    make = meshes.make
    monkeypatch.setattr(meshes, "make", lambda config, members: make(config, members, three))
    train(tmp_path / "run")
    for mine, theirs in zip(saved(tmp_path / "run"), saved(straight), strict=True):
        if isinstance(mine, bytes):
            continue
        close = partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-5)
        jax.tree.map(close, mine, theirs)


def interrupted(folder):
    def interrupt(update):
        if recorded(update, 50):
            raise Stop

    with pytest.raises(Stop):
        train(folder, progress=interrupt)
    return folder / "checkpoints" / "40"


def test_a_corrupt_checkpoint_is_named_with_the_way_out(tmp_path):
    latest = interrupted(tmp_path / "run")
    for file in (latest / "params").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"checkpoints/40 .*delete"):
        train(tmp_path / "run")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"step": 20,', '"step": 21,', "line 3: it was changed"),
        (r'{"step": 30', r'{"step": 3', "line 4"),
    ],
)
def test_a_changed_record_is_named_and_nothing_goes_on(tmp_path, old, new, message):
    interrupted(tmp_path / "run")
    path = tmp_path / "run" / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        train(tmp_path / "run")
    path.write_text("".join(whole.splitlines(keepends=True)[:3]))
    with pytest.raises(ConfigError, match="has 3 of the 5 records up to step 40"):
        train(tmp_path / "run")


def test_settings_that_change_numbers_are_refused(tmp_path):
    with jax.enable_x64(True), pytest.raises(ConfigError, match="JAX_ENABLE_X64 is set to True"):
        train(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_generator_does_not_follow_the_environment():
    expected = jax.random.key_data(stream_key(3, "train"))
    with jax.default_prng_impl("rbg"):
        np.testing.assert_array_equal(jax.random.key_data(stream_key(3, "train")), expected)


def test_a_foreign_checkpoint_is_refused(tmp_path, straight):
    latest = interrupted(tmp_path / "run")
    meta = next(path for path in (latest / "meta").iterdir() if "metadata" in path.name)
    text = json.loads(meta.read_text())
    meta.write_text(json.dumps(text | {"config_hash": "deadbeef"}))
    with pytest.raises(ConfigError, match="belongs to config deadbeef"):
        train(tmp_path / "run")


def test_a_full_disk_says_so_and_the_run_goes_on_later(straight, tmp_path, monkeypatch):
    append = metrics.append

    def full(path, record):
        if record["step"] == 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(path, record)

    monkeypatch.setattr(metrics, "append", full)
    with pytest.raises(ConfigError, match=r"disk of .* is full"):
        train(tmp_path / "run")
    monkeypatch.setattr(metrics, "append", append)
    train(tmp_path / "run")
    assert_same(saved(tmp_path / "run"), saved(straight))


def test_keeps_the_latest_and_the_log_spaced_checkpoints(tmp_path):
    train(
        tmp_path / "run",
        **{"checkpoint.keep_per_decade": 1, "checkpoint.keep": 2, "records.every_steps": 5},
    )
    kept = sorted(int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == [5, 10, 40, 60]


def test_save_steps_fall_on_records():
    config = tiny(**{"checkpoint.every_steps": 25, "checkpoint.keep_per_decade": 1})
    steps = metrics.record_steps(config)
    assert checkpoint.save_steps(config, steps) == {10, 30, 50, 60}
    assert checkpoint.kept_steps(config, steps) == [10]


def test_the_mesh_says_which_batch_would_do():
    config = tiny(**{"train.batch_size": 33, "devices.mesh": (0, 8)})
    with pytest.raises(ConfigError, match="data must divide the micro-batch"):
        meshes.make(config, members=1)
    config = tiny(**{"devices.mesh": (0, 9)})
    with pytest.raises(ConfigError, match="there are 8 devices"):
        meshes.make(config, members=1)


def test_a_diverged_member_is_in_the_record(tmp_path):
    members = [{"optimizer.learning_rate": 0.1}, {"optimizer.learning_rate": 1e38}]
    train(tmp_path / "run", members, **{"optimizer.name": "sgd"})
    done = json.loads((tmp_path / "run" / "DONE").read_text())
    assert list(done["diverged"]) == ["1"]
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["loss"][1] is None
    assert last["loss"][0] > 0


def test_a_second_process_on_the_same_folder_is_refused(straight):
    with run.exclusive(straight), pytest.raises(ConfigError, match="another process trains"):
        train(straight)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full"),
        (ValueError("RESOURCE_EXHAUSTED: Failed to write: Disk quota exceeded"), "is full"),
        (ValueError("RESOURCE_EXHAUSTED: to file 11: No space left on device"), "is full"),
        (NotADirectoryError("a file"), "cannot be used as a folder"),
    ],
)
def test_what_a_disk_does_is_explained(tmp_path, error, message):
    with pytest.raises(ConfigError, match=message), run.translate_io_errors(tmp_path):
        raise error


@pytest.mark.parametrize(
    "text",
    [
        "Out of memory allocating 8 bytes",
        "Error allocating device buffer: Attempting to allocate 2.0G",
        "Failed to allocate request for 2.00GiB (2147483648B) on device ordinal 0",
    ],
)
def test_memory_that_runs_out_is_not_called_a_full_disk(tmp_path, text):
    with (
        pytest.raises(ConfigError, match=r"the memory of a device .*members_at_once=1"),
        run.translate_io_errors(tmp_path),
    ):
        raise RuntimeError(f"RESOURCE_EXHAUSTED: {text}")


def test_parameters_that_overflow_freeze_the_member_at_its_last_finite_state(tmp_path):
    train(tmp_path / "run", [{"optimizer.learning_rate": 9e37}], **{"optimizer.name": "sgd"})
    done = json.loads((tmp_path / "run" / "DONE").read_text())
    assert list(done["diverged"]) == ["0"]
    _, params = saved(tmp_path / "run")
    assert np.isfinite(params["head"]["kernel"]).all()
