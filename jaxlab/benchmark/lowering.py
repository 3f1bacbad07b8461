"""Lowers the programs of configs for accelerators that are not here, and says what would go wrong.

python -m jaxlab.benchmark.lowering [FILE.py[:SIZE] …]      by default all configs: that takes long

Nothing is compiled or run. What depends on the kind of device is chosen as on an accelerator.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn  # pyright: ignore

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError
from jaxlab.experiment import Experiment
from jaxlab.sweeps import local, plan
from jaxlab.sweeps.plan import Group
from jaxlab.training import loop, program
from jaxlab.training import mesh as meshes

PLATFORMS = ("cuda", "tpu")  # a primitive without a lowering for one of them raises an error
MEMBERS = 11  # on each device: few other loops take so many turns
LARGEST_CONSTANT = 2**20  # bytes
BFLOAT16 = {"train.compute_dtype": "bfloat16"}


def problems(group: Group, devices: int, overrides: configs.Overrides | None = None) -> list[str]:
    """Returns what is wrong with a group's program on a mesh of so many devices; [] is right.

    Args:
        group: of a sweep; it gets as many seeds as suit the mesh, or one if it has one member.
        devices: of the mesh.
        overrides: of the group's config.

    Raises:
        ConfigError: the experiment cannot be built here.
    """
    with mock.patch.object(jax, "default_backend", return_value="gpu"):
        config = configs.override(group.config, overrides or {})
        return problems_of(local.build(config), config, len(group.members) == 1, devices)


def problems_of(experiment: Experiment, config: Config, single: bool, devices: int) -> list[str]:
    """Returns what is wrong with the program of an experiment; see `problems`."""
    count = 1 if single else MEMBERS * devices
    values_M = loop.member_values(config, [{"seed": seed} for seed in range(count)])
    mesh = meshes.make(config, count, jax.devices()[:devices])
    compiled = program.build(experiment, configs.split(config)[0], mesh)
    traced = compiled.interval.trace(*program.abstract(compiled, values_M, mesh))
    names = {equation.primitive.name for equation in equations(traced.jaxpr.jaxpr)}
    if calls := sorted(name for name in names if "callback" in name):
        return [f"calls the host: {', '.join(calls)}"]
    text = traced.lower(lowering_platforms=PLATFORMS).as_text()
    found = []
    if re.search(r"[<x]f64>", text):
        found.append("has numbers of 64 bits")
    inline = max((len(digits) // 2 for digits in re.findall(r'dense<"0x(\w+)"', text)), default=0)
    closed = max((np.asarray(constant).nbytes for constant in traced.jaxpr.consts), default=0)
    if max(inline, closed) > LARGEST_CONSTANT:
        found.append(f"holds a constant of {max(inline, closed)} bytes")
    for equation in equations(traced.jaxpr.jaxpr):
        name = equation.primitive.name
        if not single and name == "scan" and equation.params["length"] == MEMBERS:
            body = equation.params["jaxpr"].jaxpr
            if any(inner.primitive.name == "dot_general" for inner in equations(body)):
                found.append("trains members one after another")
        # The other experiments draw their targets by float32 products, which is as it should be.
        narrow = config.experiment == "parscale" and config.train.compute_dtype == "bfloat16"
        if narrow and name == "dot_general":
            found += _wide_product(equation)
    return sorted(set(found))


def equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """Yields the equations of a jaxpr and of all that it calls."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                if isinstance(inner, ClosedJaxpr | Jaxpr):
                    yield from equations(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)


def _wide_product(equation: JaxprEqn) -> list[str]:
    """Names a product of large float32 matrices, which would cost a bfloat16 program its speed."""
    left, right = (jax.ShapeDtypeStruct(x.aval.shape, x.aval.dtype) for x in equation.invars)  # pyright: ignore
    if left.dtype != np.float32 or min(left.size, right.size) < 2**16:
        return []
    return [f"multiplies float32 {left.shape} by {right.shape}"]


def main(specs: list[str]) -> int:
    """Lowers every group's program in both precisions on 1 and 8 devices; returns the status."""
    jax.config.update("jax_num_cpu_devices", 8)
    root = Path(__file__).parents[2]
    files = [path for path in sorted(root.glob("configs/*/*.py")) if path.name != "__init__.py"]
    everything = [f"{file}:{size}" for file in files for size in ("tiny", "default", "large")]
    status = 0
    for spec in specs or everything:
        try:
            groups = plan.load(spec, {}).groups[:2]
        except ConfigError as error:
            print(f"{spec}: not lowered: {error}")
            continue
        for group in groups:
            for devices in (1, 8):
                unused = plan.experiment_module(group.config.experiment).unused_keys(group.config)
                for overrides in ({},) if BFLOAT16.keys() & unused else ({}, BFLOAT16):
                    words = f"{spec} {group.name}, {devices} devices, {overrides or 'as it is'}"
                    try:
                        found = problems(group, devices, overrides)
                    except ConfigError as error:
                        print(f"{words}: not lowered: {error}")
                        continue
                    print(f"{words}: {'; '.join(found) or 'right'}", flush=True)
                    status = status or int(bool(found))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
