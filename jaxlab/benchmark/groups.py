"""The lab's own programs as contestants: a group of a config, its compiled steps, its loop."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import jax

from jaxlab import config as configs
from jaxlab.benchmark.timing import Seconds, timed
from jaxlab.sweeps import local, plan
from jaxlab.sweeps.plan import Group
from jaxlab.training import loop, program
from jaxlab.training import mesh as meshes


class TimedGroup:
    """A group of a sweep, compiled."""

    def __init__(self, group: Group):
        self.group = group
        self.members = len(group.members)
        self.experiment = local.build(group.config)
        static, _ = configs.split(group.config)
        mesh = meshes.make(group.config, self.members)
        self.program = program.build.__wrapped__(self.experiment, static, mesh)
        self.arguments = self.program.place(loop.member_values(group.config, group.members))
        self.state = jax.block_until_ready(self.program.init(self.arguments))

    def steps(self, count: int) -> Seconds:
        """Takes steps, without the evaluation that the program ends with."""
        whole, evaluation = self.interval(count), self.interval(0)
        return Seconds(whole.wall - evaluation.wall, whole.cpu - evaluation.cpu)

    def interval(self, count: int) -> Seconds:
        """Takes steps and evaluates."""

        def run() -> None:
            self.state, metrics = self.program.run(self.state, self.arguments, 0, count)
            jax.block_until_ready((self.state, metrics))

        return timed(run)

    def loop(self) -> Seconds:
        """Trains as a sweep does, from the first record to the last, with all that is written."""
        marks: list[Seconds] = []

        def mark(step: int) -> None:
            marks.append(Seconds(time.perf_counter(), time.process_time()))

        with tempfile.TemporaryDirectory() as folder:
            own = self.group
            loop.train(self.experiment, own.config, own.members, Path(folder) / "run", mark)
        return Seconds(marks[-1].wall - marks[0].wall, marks[-1].cpu - marks[0].cpu)


def load(spec: str, overrides: dict[str, Any]) -> list[Group]:
    """Returns the groups of a config's sweep."""
    return plan.group(plan.load(spec, overrides))
