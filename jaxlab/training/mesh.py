"""The devices as a mesh with the axes `member` and `data`, and what lies where on it."""

from __future__ import annotations

import math

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxlab.config import check

MEMBER = P("member")
REPLICATED = P()


def make(config, members: int, devices: list[jax.Device] | None = None) -> Mesh:
    """Returns the mesh for a group: members spread first, the devices left over share batches.

    Args:
        config: a config with `devices.data`, `train.batch_size` and `train.accumulate`.
        members: the size of the group.
        devices: all devices of the process by default.

    Raises:
        ConfigError: when the devices do not divide the members and the batch.
    """
    devices = devices or jax.devices()
    count, data = len(devices), config.devices.data
    if data == 0:
        data = count // math.gcd(members, count)
        remedy = f"or choose a number of members that {count} divides"
    else:
        check(
            count % data == 0 and members % (count // data) == 0,
            f"{count} devices with devices.data = {data} leave {count}/{data} for the {members} "
            "members, which does not divide: set devices.data = 0, or run on fewer devices",
        )
        remedy = "or lower devices.data"
    micro_batch = config.train.batch_size // config.train.accumulate
    check(
        micro_batch % data == 0,
        f"{count} devices spread {members} members so that {data} devices share each micro-batch "
        f"of {micro_batch} examples, which {data} does not divide: make train.batch_size a "
        f"multiple of {data * config.train.accumulate}, {remedy}",
    )
    axes = (AxisType.Auto, AxisType.Auto)
    return jax.make_mesh((count // data, data), ("member", "data"), axes, devices=devices)


def put(tree, mesh: Mesh, spec: P):
    """Places every array of a tree on the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, spec))


def split_batch(batch, axis: int):
    """Asks the compiler to spread the batch axis of drawn arrays over the devices of `data`."""

    def constrain(leaf: jax.Array) -> jax.Array:
        return jax.lax.with_sharding_constraint(leaf, P(*([None] * axis), "data"))

    return jax.tree.map(constrain, batch)
