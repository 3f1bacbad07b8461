"""Contestants take turns, so that a machine whose speed drifts slows all of them alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """What a piece of work took."""

    wall: float
    cpu: float  # of the process and all its threads


Run = Callable[[], Seconds]


class Rounds(NamedTuple):
    """The same work in several rounds, by contestant."""

    seconds: dict[str, list[Seconds]]

    def median(self, name: str) -> Seconds:
        """Returns the median wall and CPU seconds of a contestant."""
        walls, cpus = zip(*self.seconds[name], strict=True)
        return Seconds(statistics.median(walls), statistics.median(cpus))

    def wall_range(self, name: str) -> tuple[float, float]:
        """Returns the least and the most wall seconds of a contestant."""
        walls = [seconds.wall for seconds in self.seconds[name]]
        return min(walls), max(walls)

    def ratio(self, name: str, other: str) -> Seconds:
        """Returns the median over rounds of seconds over the other's seconds in the same round."""
        pairs = list(zip(self.seconds[name], self.seconds[other], strict=True))
        return Seconds(
            statistics.median(own.wall / its.wall for own, its in pairs),
            statistics.median(own.cpu / its.cpu for own, its in pairs),
        )


def interleave(contestants: Mapping[str, Run], rounds: int) -> Rounds:
    """Runs every contestant once to warm up, then `rounds` times by turns, there and back."""
    for run in contestants.values():
        run()
    seconds: dict[str, list[Seconds]] = {name: [] for name in contestants}
    order = list(contestants)
    for _ in range(rounds):
        for name in order:
            seconds[name].append(contestants[name]())
        order.reverse()
    return Rounds(seconds)


def timed(work: Callable[[], object]) -> Seconds:
    """Returns what a call takes. It must wait for its own results."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


class Peer:
    """A contestant in a process of its own, which may have another Python and other libraries.

    It prints a JSON object when it is ready; for a number of steps that it reads, a line each, it
    takes them and prints their `wall` and `cpu` seconds. See `jaxlab/benchmark/torch_decoder.py`.
    """

    def __init__(self, python: str, script: Path, sizes: Mapping[str, Any]):
        self.process = subprocess.Popen(
            [python, str(script), json.dumps(sizes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._read()

    def take(self, steps: int) -> Seconds:
        """Takes so many steps."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return Seconds(**self._read())

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{self.process.args} ended: its own message is above")
        return json.loads(line)
