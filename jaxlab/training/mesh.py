"""The devices as a mesh with the axes `member` and `data`, and what lies where on it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxlab.config import Config, ConfigError, check

MEMBER = P("member")
REPLICATED = P()

SHARDED_ELEMENTS = 2**16  # smaller arrays are quicker to compute with whole than to gather
SHARED_BATCH_COST = 1.4  # what devices that share a batch lose to talk: members of one's own first


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


def devices_in_words() -> str:
    """Returns what all processes train on.

    Raises:
        ConfigError: when JAX_PLATFORMS asks for an accelerator, and this is the CPU.
    """
    wanted = os.environ.get("JAX_PLATFORMS", "").split(",")[0]
    try:
        found = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    except RuntimeError as error:
        raise ConfigError(
            f"JAX_PLATFORMS is {os.environ.get('JAX_PLATFORMS')}, but JAX finds no such device "
            f"({error}): unset it, or see that the driver and the matching extra are installed"
        ) from error
    check(
        wanted in ("", "cpu") or jax.default_backend() != "cpu",
        f"JAX_PLATFORMS asks for {wanted}, but JAX finds none and would train on the CPU: see that "
        "the driver and the matching extra (make setup-cuda, setup-tpu) are installed, or unset it",
    )
    several = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
    return found + several


def make(config: Config, members: int, devices: Sequence[Any] | None = None) -> Mesh:
    """Returns the mesh for a group, of the shape `devices.mesh` or of the one that suits it best.

    The devices of `member` have members of their own, those of `data` share the batches and the
    large parameters of their members. `data` is the inner axis, so neighbours share.

    Args:
        config: a config with `devices.mesh`, `train.batch_size` and `train.accumulate`.
        members: the size of the group.
        devices: all devices of all processes by default.

    Raises:
        ConfigError: when there are too few devices, or they do not divide the batch, or some
            process would have none.
    """
    devices = devices or jax.devices()
    count, processes = len(devices), len({device.process_index for device in devices})
    micro_batch = config.train.batch_size // config.train.accumulate
    wanted = tuple(config.devices.mesh)
    check(
        math.prod(max(size, 1) for size in wanted) <= count,
        f"devices.mesh is {wanted}, but there are {count} devices: set 0 to use what is there",
    )
    shapes = [
        (member, data)
        for member in ([wanted[0]] if wanted[0] else range(1, min(members, count) + 1))
        for data in ([wanted[1]] if wanted[1] else range(1, count // member + 1))
        if member * data <= count and micro_batch % data == 0 and member * data % processes == 0
    ]
    check(
        bool(shapes),
        f"no mesh {wanted} of (member, data), where 0 is free, suits {count} devices of "
        f"{processes} processes, {members} members and a micro-batch of {micro_batch} examples: "
        "data must divide the micro-batch, and every process needs as many devices of the mesh",
    )
    member, data = min(shapes, key=lambda shape: (_cost(members, shape), -shape[0]))
    # As many of each process.
    share = member * data // processes
    order = sorted(devices, key=lambda device: (device.process_index, device.id))
    used = [
        order[count // processes * process + i]
        for process in range(processes)
        for i in range(share)
    ]
    axes = (AxisType.Auto, AxisType.Auto)
    return jax.make_mesh((member, data), ("member", "data"), axes, devices=used)


def _cost(members: int, shape: tuple[int, int]) -> float:
    """Returns how long a step takes, in units of that of one member on one device."""
    member, data = shape
    return -(-members // member) / data * (SHARED_BATCH_COST if data > 1 else 1)


def padding(members: int, mesh: Mesh) -> np.ndarray:
    """Returns which member each place of the member axis holds.

    Every device holds as many members; the last member stands in the places left over, and what
    comes of it there is dropped.
    """
    axis = mesh.shape["member"]
    return np.minimum(np.arange(-(-members // axis) * axis), members - 1)


def put(tree, mesh: Mesh, spec: P):
    """Places every array of a tree, the same in every process, on the mesh."""
    sharding = NamedSharding(mesh, spec)
    if mesh.is_multi_process:  # device_put would compare the arrays of all processes

        def place(leaf: np.ndarray) -> jax.Array:
            return jax.make_array_from_callback(np.shape(leaf), sharding, lambda part: leaf[part])

        return jax.tree.map(place, tree)
    return jax.device_put(tree, sharding)


def state_spec(shape: tuple[int, ...], devices: int) -> P:
    """Returns how an array of a state lies on the mesh; it leads with the axis of members.

    The one rule of fully sharded data parallelism: if a member has more than SHARDED_ELEMENTS in
    it, the longest axis that the devices of `data` divide is spread over them.
    """
    axes = [axis for axis in range(1, len(shape)) if shape[axis] % devices == 0]
    if devices == 1 or not axes or math.prod(shape[1:]) < SHARDED_ELEMENTS:
        return MEMBER
    longest = max(axes, key=lambda axis: shape[axis])
    return P("member", *[None] * (longest - 1), "data")


def state_shardings(shapes, mesh: Mesh):
    """Returns the sharding of every array of a state, given as anything with shapes."""
    return jax.tree.map(
        lambda leaf: NamedSharding(mesh, state_spec(leaf.shape, mesh.shape["data"])), shapes
    )


def saved_sharding(shape: tuple[int, ...], mesh: Mesh) -> NamedSharding:
    """Returns the sharding of an array of a state without padding, on its way to or from a disk."""
    own = state_spec(shape, mesh.shape["data"])
    even = shape[0] % mesh.shape["member"] == 0
    return NamedSharding(mesh, own if even else P(None, *own[1:]))


def shard_state(tree, devices: int, lead: int):
    """Asks the compiler, where members are dealt, to keep a state as `state_spec` says.

    devices: of the axis `data`.
    lead: how many axes of members the arrays lead with, 0 or 1.
    """

    def constrain(leaf: jax.Array) -> jax.Array:
        _, *axes = state_spec((1, *leaf.shape[lead:]), devices) or (None,)
        if not axes:
            return leaf
        return jax.lax.with_sharding_constraint(leaf, P(*[None] * lead, *axes))

    return tree if devices == 1 else jax.tree.map(constrain, tree)


def split_batch(batch, axis: int):
    """Asks the compiler to spread the batch axis of drawn arrays over the devices of `data`."""

    def constrain(leaf: jax.Array) -> jax.Array:
        return jax.lax.with_sharding_constraint(leaf, P(*([None] * axis), "data"))

    return jax.tree.map(constrain, batch)
