"""The devices as a mesh with the axes `member` and `data`, and what lies where on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxlab.config import Config, check

MEMBER = P("member")
REPLICATED = P()


def use_cpu_cores(members: int) -> None:
    """Makes every core of a CPU a device of its own, as far as there are members for them.

    The steps of small models are too short for the threads of one device to share. Call it before
    anything runs on a device. It changes nothing on an accelerator, or where the user has chosen
    a number with JAX_NUM_CPU_DEVICES or XLA_FLAGS.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    chosen = "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in flags
    if not chosen:
        jax.config.update("jax_num_cpu_devices", min(cpu_cores(), members))


def cpu_cores() -> int:
    """Returns how many cores of the CPU this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def make(config: Config, members: int, devices: Sequence[Any] | None = None) -> Mesh:
    """Returns the mesh for a group: members spread first, devices left over share the batches.

    Args:
        config: a config with `devices.data`, `train.batch_size` and `train.accumulate`.
        members: the size of the group.
        devices: all devices by default.

    Raises:
        ConfigError: when the devices do not divide the batch.
    """
    devices = devices or jax.devices()
    count, data = len(devices), config.devices.data
    check(
        data <= count,
        f"devices.data is {data}, but there are {count} devices: set 0 to use what is there",
    )
    member = min(members, count // data if data else count)
    data = data or count // member
    micro_batch = config.train.batch_size // config.train.accumulate
    check(
        micro_batch % data == 0,
        f"{data} devices (of {count}, for {members} members) share each micro-batch of "
        f"{micro_batch} examples, which {data} does not divide: make train.batch_size a multiple "
        f"of {data * config.train.accumulate}, or set devices.data to a divisor",
    )
    axes = (AxisType.Auto, AxisType.Auto)
    used = devices[: member * data]
    return jax.make_mesh((member, data), ("member", "data"), axes, devices=used)


def padding(members: int, mesh: Mesh) -> np.ndarray:
    """Returns which member each place of the member axis holds.

    Every device holds as many members; the last member stands in the places left over, and what
    comes of it there is dropped.
    """
    axis = mesh.shape["member"]
    return np.minimum(np.arange(-(-members // axis) * axis), members - 1)


def put(tree, mesh: Mesh, spec: P):
    """Places every array of a tree on the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, spec))


def split_batch(batch, axis: int):
    """Asks the compiler to spread the batch axis of drawn arrays over the devices of `data`."""

    def constrain(leaf: jax.Array) -> jax.Array:
        return jax.lax.with_sharding_constraint(leaf, P(*([None] * axis), "data"))

    return jax.tree.map(constrain, batch)
