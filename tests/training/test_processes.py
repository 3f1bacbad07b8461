"""Two processes train as one: the same numbers, checkpoints that either opens, a common end."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from test_loop import Stop, recorded, train

from jaxlab.config import ConfigError
from jaxlab.training import mesh as meshes
from jaxlab.training import processes

SEEDS = [{"seed": seed, "optimizer.learning_rate": 0.05} for seed in range(3)]

CHILD = """
import os, signal, sys
from pathlib import Path
from experiments.one_third.build import build
from jaxlab import config as configs
from jaxlab.training import loop, mesh, processes
from test_loop import tiny
from test_processes import SEEDS

processes.initialise(sys.argv[1], 2, int(sys.argv[2]))
folder = Path(sys.argv[3])
mesh.SHARDED_ELEMENTS = 64
config = tiny()
experiment = build(configs.split(config)[0])  # one, so that no program is compiled twice

def die(update):
    if processes.count() == 2 and not processes.is_first() and not update.compiling:
        os.kill(os.getpid(), signal.SIGKILL)

with processes.together():
    loop.train(experiment, config, SEEDS, folder / "begun_by_one")
    loop.train(experiment, config, SEEDS[:1], folder / "shared")
    loop.train(experiment, config, SEEDS[:1], folder / "killed", die)
"""


def on_two_devices(monkeypatch):
    make = meshes.make
    two = jax.devices()[:2]
    monkeypatch.setattr(meshes, "make", lambda config, members: make(config, members, two))


def losses(folder):
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return np.array([[row["eval_loss"], row["param_norm"]] for row in rows])


def interrupt_at_30(update):
    if recorded(update, 30):
        raise Stop


def test_two_processes_train_save_and_end_as_one(tmp_path, monkeypatch):
    on_two_devices(monkeypatch)
    with pytest.raises(Stop):
        train(tmp_path / "begun_by_one", SEEDS, interrupt_at_30)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    here = Path(__file__)
    paths = os.pathsep.join([str(here.parent), str(here.parents[2])])
    environment = os.environ | {
        "XLA_FLAGS": "--xla_cpu_prefer_vector_width=128",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "PYTHONPATH": paths,
    }
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, address, str(number), str(tmp_path)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (0, 1)
    ]
    errors = [process.communicate(timeout=300)[1] for process in pair]  # the other would wait on
    assert [process.returncode for process in pair] == [1, -9], errors
    assert "process 0 of 2 stopped" in errors[0]

    train(tmp_path / "straight", SEEDS)
    begun, straight = losses(tmp_path / "begun_by_one"), losses(tmp_path / "straight")
    np.testing.assert_allclose(begun, straight, rtol=1e-4)

    # What two processes saved of sharded parameters, one process goes on with.
    monkeypatch.setattr(meshes, "SHARDED_ELEMENTS", 64)
    train(tmp_path / "alone", SEEDS[:1])
    np.testing.assert_allclose(losses(tmp_path / "shared"), losses(tmp_path / "alone"), rtol=1e-4)
    shutil.rmtree(tmp_path / "shared" / "checkpoints" / "60")
    (tmp_path / "shared" / "DONE").unlink()
    train(tmp_path / "shared", SEEDS[:1])
    assert json.loads((tmp_path / "shared" / "DONE").read_text())["resumed"]
    np.testing.assert_allclose(losses(tmp_path / "shared"), losses(tmp_path / "alone"), rtol=1e-4)


@pytest.mark.parametrize("flags", [("", 2, 0), ("host", 2, 0), ("host:1", 2, 2), ("host:1", 0, -1)])
def test_flags_of_processes_that_do_not_fit_together_are_refused(flags):
    with pytest.raises(ConfigError, match=r"give HOST:PORT of process 0, the number of processes"):
        processes.initialise(*flags)


def test_processes_look_around_only_in_a_step_of_several_tasks(monkeypatch):
    started = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: started.append(given))
    processes.initialise()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    processes.initialise()
    assert not started
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    processes.initialise()
    assert len(started) == 1


def test_a_gpu_that_was_asked_for_and_is_not_there_is_missed(monkeypatch):
    assert meshes.devices_in_words() == "8 x cpu"
    monkeypatch.setenv("JAX_PLATFORMS", "cuda,cpu")
    with pytest.raises(ConfigError, match="JAX_PLATFORMS asks for cuda, but JAX finds none"):
        meshes.devices_in_words()
