"""How long the inspector takes, and how much memory, on large checkpoints that are made here."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
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


# The peak of a child counts what its parent held when it began: this parent holds little.
_PARENT = """
import os, sys, time
started, quiet = time.perf_counter(), [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0o600)]
line = [sys.executable, *sys.argv[1:]]
child = os.posix_spawn(sys.executable, line, os.environ, file_actions=quiet)
_, status, used = os.wait4(child, 0)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(arguments: Sequence[str]) -> Cost:
    """Runs the inspector once, its output thrown away.

    Raises:
      CalledProcessError: it did not end with status 0.
    """
    command = [sys.executable, "-c", _PARENT, str(SCRIPT), *arguments]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    wall, cpu, peak = map(float, printed.split())
    return Cost(wall, cpu, int(peak) * (1 if sys.platform == "darwin" else 1024))


def costs(rounds: int) -> dict[str, list[Cost]]:
    """Returns what `tree` and `stats` cost on a checkpoint of 2 GB and on one of 10,000 leaves.

    Both are written to a temporary folder first, which needs 2.1 GB and goes when all is measured.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark") as folder:
        large, many = Path(folder, "large"), Path(folder, "many")
        shape = (1024, LEAF_BYTES // 4096)
        leaf = np.random.default_rng(0).standard_normal(shape, np.float32)
        save(large, {f"leaf_{i}": leaf for i in range(LARGE_LEAVES)})
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
