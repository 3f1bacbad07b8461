"""Compiled programs are kept on disk, so that a group that was compiled before starts at once."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import jax

MAX_BYTES = 2 * 2**30  # for each kind of CPU; the least recently used programs go first
MIN_COMPILE_SECONDS = 0.2  # what compiles faster is not kept


def enable() -> None:
    """Keeps compiled programs in ~/.cache/jaxlab, or where JAX_COMPILATION_CACHE_DIR says.

    Call it before anything is compiled. Where the variable is set, all of JAX's own settings hold:
    an empty one turns the cache off. JAX finds a program by its
    code, its shapes, the versions of JAX and XLA, and the devices. Programs for a CPU use the
    instructions that this CPU has, so each kind of CPU has a folder of its own.
    """
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if chosen is None:
        folder = cache_home() / "jaxlab" / "compiled" / cpu_kind()
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)


def cache_home() -> Path:
    """Returns the user's folder of caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cpu_kind() -> str:
    """Returns eight hex digits that differ between CPUs with other models or instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    kind.append(platform.machine())
    return hashlib.sha256("\n".join(kind).encode()).hexdigest()[:8]
