"""How long the inspector takes, and how much memory, on large checkpoints that are made here."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

SCRIPT = Path(__file__).parents[2] / "scripts" / "inspect_checkpoint.py"
LEAF_BYTES, LARGE_LEAVES, MANY_LEAVES = 1 << 27, 16, 10_000  # 16 leaves of 128 MB are 2 GB


class Cost(NamedTuple):
    """Of one command in a process of its own, its start included."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(arguments: Sequence[str]) -> Cost:
    """Runs the inspector once, its output thrown away.

    Raises:
      RuntimeError: it did not end with status 0.
    """
    started = time.perf_counter()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0o600)]
    command = [sys.executable, str(SCRIPT), *arguments]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, used = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    unit = 1 if sys.platform == "darwin" else 1024
    wall = time.perf_counter() - started
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def costs(rounds: int) -> dict[str, list[Cost]]:
    """Returns what `tree` and `stats` cost on a checkpoint of 2 GB and on one of 10,000 leaves.

    Both are written to a temporary folder first, which needs 2.1 GB and goes when all is measured.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark") as folder:
        large, many = Path(folder, "large"), Path(folder, "many")
        shape = (1024, LEAF_BYTES // 4096)
        save(large, {f"leaf_{i}": np.full(shape, i, np.float32) for i in range(LARGE_LEAVES)})
        save(many, {f"leaf_{i}": np.zeros((3, 4), np.float32) for i in range(MANY_LEAVES)})
        commands = {
            "tree, 2 GB in 16 leaves": ("tree", str(large)),
            "tree, 10,000 leaves": ("tree", str(many)),
            "stats, 2 GB in 16 leaves": ("stats", str(large)),
        }
        return {name: [measure(line) for _ in range(rounds)] for name, line in commands.items()}


def save(folder: Path, tree: dict[str, np.ndarray]) -> None:
    """Writes a tree as orbax does, replacing what is there."""
    import orbax.checkpoint as ocp

    shutil.rmtree(folder, ignore_errors=True)
    with ocp.StandardCheckpointer() as saver:
        saver.save(folder, tree)


def note(own: Sequence[Cost]) -> str:
    """Returns the median of several rounds in words."""
    wall, cpu, peak = (statistics.median(values) for values in zip(*own, strict=True))
    return f"{wall:.1f} s, {cpu:.1f} CPU-seconds, {peak / 1e6:,.0f} MB"
