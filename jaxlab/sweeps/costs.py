"""What a group will cost, from its shapes: parameters, operations, memory and time."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab import config as configs
from jaxlab.analysis.serial_depth import product_flops
from jaxlab.config import ConfigError
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Values
from jaxlab.sweeps import local
from jaxlab.sweeps.plan import Group
from jaxlab.sweeps.progress import duration
from jaxlab.training import mesh as meshes
from jaxlab.training import program


def outline(group: Group) -> str:
    """Returns a line with what a group costs on the devices of this machine.

    The operations are those of matrix products in the steps alone; the time is theirs at the speed
    of a large product, so it is the least that is possible; the memory is that of the state.
    """
    try:
        experiment = local.build(group.config)
        mesh = meshes.make(group.config, len(group.members))
    except ConfigError as error:
        return f"cost unknown: {error}"
    state = program.state_shapes(experiment, group.config)
    _, numbers = configs.split(group.config)
    values: Any = {
        key: jax.ShapeDtypeStruct((), np.int32 if isinstance(value, int) else np.float32)
        for key, value in numbers.items()
    }
    steps = group.config.train.steps * len(group.members)
    operations = steps * step_flops(experiment, state.params, values)
    member, data = mesh.shape["member"], mesh.shape["data"]
    held = -(-len(group.members) // member) * _bytes(state)
    least = operations / (product_speed() * member * data)
    return (
        f"{_size(state.params):,} parameters a member, {operations:.2g} FLOPs in matrix products, "
        f"a state of {held / 1e6:.3g} MB on each of {member * data} devices "
        f"({member} x {data}), at least {duration(least)}"
    )


def step_flops(experiment: Experiment, params: Params, values: Values) -> int:
    """Returns the operations of matrix products in one step of one member.

    params, values: arrays or their shapes.
    """

    def gradient(params: Params, values: Values) -> Params:
        batch = first_batch(experiment, values)
        return jax.grad(lambda own: experiment.loss(own, batch, values))(params)

    return product_flops(gradient, params, values)


def first_batch(experiment: Experiment, values: Values) -> Batch:
    """Returns the first batch of a member."""
    made = experiment.data
    for split, entries in (("fixed", experiment.fixed), ("train", experiment.batch)):
        for entry in entries:
            made = made | entry.make(made, values, BatchId(split, jnp.int32(0)))
    return made


@functools.cache
def product_speed() -> float:
    """Returns the operations per second of a product of matrices on one device of this machine."""
    size = 1024
    matrix = jnp.ones((size, size), jnp.float32)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(matrix, matrix))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(product(matrix, matrix))
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def _size(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _bytes(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
