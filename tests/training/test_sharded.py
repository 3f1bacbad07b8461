"""Devices that share a member: the same numbers, and a share of the memory each."""

import re

import jax
import numpy as np
import pytest

from experiments.parscale import recall
from experiments.parscale.build import build as build_parscale
from experiments.serial import build as serial
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.training import memory, program
from jaxlab.training import mesh as meshes
from jaxlab.training.loop import member_values

DECODER = {
    "model.width": 64,
    "model.hidden": 512,
    "model.layers": 8,
    "model.heads": 2,
    "model.kv_heads": 2,
    "model.scanned": True,
    "model.rematerialized": True,
    "streams.count": 4,
    "streams.prefix": 4,
    "streams.aggregation": "mean",
    "task.pairs": 64,
    "train.batch_size": 16,
    "eval.batches": 1,
}
SERIAL = {"train.batch_size": 16, "eval.batches": 1}


def compiled(config, build, devices):
    """Returns the losses of 3 steps on so many devices that share a member, and the executable."""
    static, _ = configs.split(config)
    mesh = meshes.make(config, 1, jax.devices()[:devices])
    assert mesh.shape["data"] == devices
    values_M = member_values(config, [{}])
    own = program.build(build(static), static, mesh)
    state, arguments, *_ = program.abstract(own, values_M, mesh)
    executable = own.interval.lower(state, arguments, *map(np.int32, (0, 1, 1))).compile()
    now, losses = own.init(arguments), []
    for step in range(3):
        now, metrics = executable(now, arguments, *map(np.int32, (step, step + 1, 1)))
        losses.append([metrics["loss"][0], metrics["eval_loss"][0], metrics["param_norm"][0]])
    return np.array(losses), executable, state.params


def test_a_decoder_in_shares_has_its_numbers_and_a_share_of_its_memory(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")  # the streams as one batch
    monkeypatch.setattr(meshes, "SHARDED_ELEMENTS", 2048)
    config = configs.override(recall.config(), DECODER)
    whole: tuple = ()
    for devices in (1, 4):
        losses, executable, params = compiled(config, build_parscale, devices)
        found = executable.memory_analysis()
        used = found.argument_size_in_bytes + found.temp_size_in_bytes
        if not whole:
            whole = losses, used
            continue
        np.testing.assert_allclose(losses, whole[0], rtol=2e-5)
        assert used < 1.2 * whole[1] / devices
        large = {
            ",".join(map(str, leaf.shape))
            for leaf in jax.tree.leaves(params)
            if "data" in leaf.sharding.spec
        }
        assert len(large) >= 3
        kept = re.findall(r"= \((.*?)\) while\(", executable.as_text())
        assert kept
        assert not [shape for shape in large for types in kept if f"[{shape}]" in types]


def test_a_serial_task_on_several_devices_has_the_numbers_of_one():
    config = configs.override(serial.config("words", "recurrent"), SERIAL)
    curves = [compiled(config, serial.build, devices)[0] for devices in (1, 4)]
    np.testing.assert_allclose(*curves, rtol=2e-5)


def planted_bytes(monkeypatch, state, of_member):
    def bytes_of(experiment, config, mesh, values_M):
        return state, of_member * config.devices.members_at_once // config.train.accumulate

    monkeypatch.setattr(memory, "program_bytes", bytes_of)


@pytest.mark.parametrize(
    ("limit", "at_once", "pieces"), [(2000, 8, 1), (1000, 3, 1), (400, 1, 2), (300, 1, 4)]
)
def test_fewer_members_at_once_then_smaller_micro_batches(monkeypatch, limit, at_once, pieces):
    planted_bytes(monkeypatch, 200, 200)
    config = configs.override(recall.config(), {"train.batch_size": 16})
    static, _ = configs.split(config)
    mesh = meshes.make(config, 8, jax.devices()[:1])
    values_M = {"seed": np.arange(8)}
    chosen, words = memory.fitted(None, static, mesh, values_M, limit)
    assert (chosen.devices.members_at_once, chosen.train.accumulate) == (at_once, pieces)
    assert f"on each device, {at_once} of 8 members at once, {pieces} micro-batches" in words
    with pytest.raises(ConfigError, match="the program needs"):
        memory.fitted(None, static, mesh, values_M, 210)
