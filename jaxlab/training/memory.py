"""What of a group fits into the memory of the devices, and what is chosen so that it does."""

from __future__ import annotations

import math
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import FrozenConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, check
from jaxlab.experiment import Experiment, Values, stream_key
from jaxlab.training import mesh as meshes
from jaxlab.training import optimizer, program

SHARE = 0.5  # of the memory for the members' state; the rest is for batches and activations
USABLE = 0.9  # of the memory for all of a program


def state_bytes(experiment: Experiment, config, names: tuple[str, ...], sharing: int) -> int:
    """Returns what a member holds on each device: parameters, gradients and optimiser state, twice.

    The second is the copy that a checkpoint takes.

    Args:
        experiment: the pure functions.
        config: the static config.
        names: the dotted keys of the traced values.
        sharing: the devices that share the member's batches and large arrays.
    """

    def state(seed: jax.Array):
        values: Values = dict.fromkeys(names, jnp.zeros(())) | {"seed": seed}
        params = experiment.init(stream_key(seed, "init"), values)
        return params, params, optimizer.make(config, values).init(params)

    def own(leaf: jax.ShapeDtypeStruct) -> int:
        parts = sharing if "data" in meshes.state_spec((1, *leaf.shape), sharing) else 1
        return leaf.size * leaf.dtype.itemsize // parts

    shapes = jax.eval_shape(state, jax.ShapeDtypeStruct((), np.int32))
    return 2 * sum(own(leaf) for leaf in jax.tree.leaves(shapes))


def members_that_fit(experiment: Experiment, config: Config, members: int) -> int:
    """Returns the most members of a group that one program may hold.

    Counts what grows with the members. Activations grow with the members that train at once, which
    `fitted` chooses.

    Args:
        experiment: the pure functions.
        config: the complete config.
        members: the size of the group.

    Raises:
        ConfigError: not even one fits.
    """
    static, values = configs.split(config)
    mesh = meshes.make(config, members)
    own = state_bytes(experiment, static, tuple(values), mesh.shape["data"])
    each = int(SHARE * device_bytes() / own)
    check(
        each > 0,
        f"a member takes {in_words(own)} on each device, and half of its memory is "
        f"{in_words(int(SHARE * device_bytes()))}: let more devices share a member, as "
        "--config.devices.mesh=(1,0) does, or choose a smaller model",
    )
    return each * mesh.shape["member"]


def fitted(
    experiment: Experiment, config: Config, mesh: Mesh, values_M: dict[str, np.ndarray], limit: int
) -> tuple[Config, str]:
    """Returns the static config with which the program of a group fits, and what was chosen.

    Fewer members train at once until it fits, then a step takes more micro-batches. Neither changes
    a number beyond rounding.

    Args:
        experiment: the pure functions.
        config: the static config.
        mesh: from `jaxlab.training.mesh.make`.
        values_M: traced values by dotted key, a number per member.
        limit: the bytes of a device.

    Raises:
        ConfigError: one example of one member at a time does not fit.
    """
    here = len(meshes.padding(len(values_M["seed"]), mesh)) // mesh.shape["member"]
    at_once = min(config.devices.members_at_once or here, here)
    pieces, batch = config.train.accumulate, config.train.batch_size
    while True:
        changed = {"devices.members_at_once": at_once, "train.accumulate": pieces}
        chosen = FrozenConfigDict(configs.override(config, changed))
        state, temporary = program_bytes(experiment, chosen, mesh, values_M)
        words = (
            f"{in_words(state + temporary)} of {in_words(limit)} on each device, {at_once} of "
            f"{here} members at once, {pieces} micro-batches a step"
        )
        available = USABLE * limit - state
        if temporary <= available:
            return chosen, words
        if at_once > 1:
            at_once = max(1, min(at_once - 1, int(at_once * max(available, 0) / temporary)))
            continue
        smaller = [
            more
            for more in range(pieces + 1, batch + 1)
            if batch % more == 0 and (batch // more) % mesh.shape["data"] == 0
        ]
        if not smaller or available <= 0:
            raise ConfigError(
                f"the program needs {words}: let more devices share a member, as "
                "--config.devices.mesh=(1,0) does, set model.rematerialized where there is such a "
                "key, or choose a smaller model"
            )
        wanted = pieces * temporary / available
        pieces = next((more for more in smaller if more >= wanted), smaller[-1])


def program_bytes(
    experiment: Experiment, config: Config, mesh: Mesh, values_M: dict[str, np.ndarray]
) -> tuple[int, int]:
    """Returns what a device holds for a program: its inputs, and all that it makes of them.

    Both are those of the compiled program; the state that it returns takes the place of the old.
    """
    compiled = program.build(experiment, config, mesh)
    lowered = compiled.interval.lower(*program.abstract(compiled, values_M, mesh))
    found = lowered.compile().memory_analysis()
    returned = found.output_size_in_bytes - found.alias_size_in_bytes
    return found.argument_size_in_bytes, found.temp_size_in_bytes + returned


def device_bytes() -> int:
    """Returns the bytes of one device; those of a CPU share the memory of the machine."""
    stats = [device.memory_stats() for device in jax.local_devices()]
    if all(stats):
        return min(s["bytes_limit"] for s in stats if s)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // len(stats)


def in_words(count: int) -> str:
    """Returns a number of bytes in words: 3.2 GB."""
    power = min(4, int(math.log10(max(count, 1)) / 3))
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"
