"""Several processes that train as one: how they find each other, and what one does for all.

Every process runs the same command. All take part in computing and in checkpoints; process 0 alone
decides, writes the other files and prints, on a file system that all of them see.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import util
from typing import Any, TypeVar

import jax
import numpy as np

from jaxlab.config import ConfigError, check

Result = TypeVar("Result")

HEARTBEAT_SECONDS = 20  # a process that was silent for so long is taken for dead
SHUTDOWN_SECONDS = 20  # how long a process waits for the end of the others


def initialise(coordinator: str = "", processes: int = 0, process: int = -1) -> None:
    """Joins the other processes, if there are any; call it before anything runs on a device.

    They are found by the arguments, or by Slurm's variables in a step of several tasks, or by the
    metadata of a slice of TPU hosts.

    Args:
        coordinator: HOST:PORT of process 0, where it is free; "" to look around.
        processes: how many there are.
        process: which of them this is, from 0.

    Raises:
        ConfigError: for arguments that do not fit together, or others that do not come.
    """
    found: dict[str, Any] = {}
    if coordinator or processes or process >= 0:
        check(
            ":" in coordinator and 0 <= process < processes,
            f"--coordinator={coordinator} --processes={processes} --process={process}: give "
            "HOST:PORT of process 0, the number of processes, and which of them this is, from 0",
        )
        found = {
            "coordinator_address": coordinator,
            "num_processes": processes,
            "process_id": process,
        }
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) == 1 and not _on_tpu_slice():
        return
    # Programs of processes that meet must run in the same order in each: on a CPU, one at a time.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        jax.distributed.initialize(
            **found,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=SHUTDOWN_SECONDS,
        )
    except jax.errors.JaxRuntimeError as error:
        raise ConfigError(f"the other processes cannot be reached: {error}") from error


def count() -> int:
    """Returns the number of processes; with one, no device is touched."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is process 0, which writes and prints."""
    return count() == 1 or jax.process_index() == 0


def on_first(function: Callable[[], Result]) -> Result:
    """Returns, or raises, on every process what the function does on process 0."""
    if count() == 1:
        return function()
    outcome: Any = None
    if is_first():
        try:
            outcome = function()
        except (ConfigError, OSError) as error:
            outcome = error
    outcome = pickle.loads(_broadcast(pickle.dumps(outcome)))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def first_then_others(function: Callable[[], Result]) -> Result:
    """Calls a function on process 0, then on the others, which find what it left on the disk."""
    if count() == 1:
        return function()
    made: list[Result] = []
    on_first(lambda: made.append(function()))
    return made[0] if made else function()


def fetch(array: jax.Array) -> np.ndarray:
    """Returns an array that may lie on the devices of all processes; all must call this."""
    if array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Holds what all processes do: they end together, also when one of them fails.

    A ConfigError is one that all of them have. After any other the process ends at once, for the
    others may wait for it; they notice within HEARTBEAT_SECONDS.
    """
    try:
        yield
    except (ConfigError, KeyboardInterrupt):
        raise
    except Exception:
        if count() == 1:
            raise
        traceback.print_exc()
        print(
            f"error: process {jax.process_index()} of {count()} stopped: its own error, or that "
            "another process ended, is above. Give the same commands again to go on from the last "
            "checkpoint",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)
    if count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("jaxlab: the end")


def _broadcast(own: bytes) -> bytes:
    """Returns the bytes that process 0 gives."""
    from jax.experimental import multihost_utils

    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(own))))
    buffer = np.zeros(size, np.uint8)
    if is_first():
        buffer[:] = np.frombuffer(own, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(buffer)).tobytes()


def _on_tpu_slice() -> bool:
    """Whether this host is one with TPUs, where JAX finds the other hosts by itself."""
    return util.find_spec("libtpu") is not None and any(
        os.path.exists(path) for path in ("/dev/accel0", "/dev/vfio/0")
    )
