"""What this machine is, how busy it is, and how fast its matrix products are."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.benchmark.timing import timed
from jaxlab.training.run import versions

SIDES = (512, 1024, 2048)  # of the square matrices
ROUNDS = 5


def about() -> dict[str, Any]:
    """Returns what to quote beside a speed: processor, devices, versions and the load."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "platform": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        "load_average": load_average(),
    } | versions()


def processor() -> str:
    """Returns the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def load_average() -> float:
    """Returns how many processes wanted a core in the last minute; this one is among them."""
    return round(os.getloadavg()[0], 2)


def peak_flops(dtype: str) -> float:
    """Returns the FLOPs a second of the fastest square matrix product on one device."""
    return max(_product_flops(side, dtype) for side in SIDES)


def _product_flops(side: int, dtype: str) -> float:
    matrix = jnp.asarray(np.random.default_rng(0).standard_normal((side, side)), dtype)
    times = max(1, 4 * 1024**3 // side**3)

    @jax.jit
    def chain(left: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, times, lambda _, x: (x @ matrix) * side**-0.5, left)

    jax.block_until_ready(chain(matrix))
    seconds = [timed(lambda: jax.block_until_ready(chain(matrix))).wall for _ in range(ROUNDS)]
    return times * 2 * side**3 / statistics.median(seconds)


def peak_memory_bytes() -> int:
    """Returns the most memory of the devices in use so far; of a CPU, that of the process."""
    used = [device.memory_stats() for device in jax.local_devices()]
    if all(used):
        return sum(stats["peak_bytes_in_use"] for stats in used if stats)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
