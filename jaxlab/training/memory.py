"""How many members of a group fit into the memory of the devices."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.experiment import Experiment, Values, stream_key
from jaxlab.training import optimizer

SHARE = 0.5  # of the memory for the members' state; the rest is for batches and activations


def members_that_fit(experiment: Experiment, config, names: tuple[str, ...]) -> int:
    """Returns the most members that one program may hold.

    Counts what grows with the members: parameters, gradients and optimiser state, and the copy that
    a checkpoint takes. Activations grow with `devices.members_at_once`, which is the knob for them.

    Args:
        experiment: the pure functions.
        config: the static config.
        names: the dotted keys of the traced values.
    """

    def state(seed: jax.Array):
        values: Values = dict.fromkeys(names, jnp.zeros(())) | {"seed": seed}
        params = experiment.init(stream_key(seed, "init"), values)
        return params, params, optimizer.make(config, values).init(params)

    shapes = jax.eval_shape(state, jax.ShapeDtypeStruct((), np.int32))
    per_member = 2 * sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))
    return max(1, int(SHARE * _memory() / per_member))


def _memory() -> int:
    """Returns the bytes of all devices together."""
    stats = [device.memory_stats() for device in jax.local_devices()]
    if all(stats):
        return sum(s["bytes_limit"] for s in stats if s)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # CPU devices share it
