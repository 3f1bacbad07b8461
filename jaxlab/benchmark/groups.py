"""The lab's own programs as contestants: a group of a config, its compiled steps, its loop."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from jaxlab import config as configs
from jaxlab.benchmark.timing import Run, Seconds, timed
from jaxlab.experiment import Batch, BatchId, Values
from jaxlab.sweeps import local, plan
from jaxlab.sweeps.costs import step_flops
from jaxlab.sweeps.plan import Group
from jaxlab.training import loop, metrics, program
from jaxlab.training import mesh as meshes


def load(spec: str, overrides: dict[str, Any]) -> list[Group]:
    """Returns the groups of a config's sweep."""
    return plan.load(spec, overrides).groups


class TimedGroup:
    """A group of a sweep, compiled."""

    def __init__(self, group: Group):
        self.group = group
        self.members = len(group.members)
        self.experiment = local.build(group.config)
        static, _ = configs.split(group.config)
        self.values_M = loop.member_values(group.config, group.members)
        mesh = meshes.make(group.config, self.members)
        self.program = program.build(self.experiment, static, mesh)
        self.arguments = self.program.place(self.values_M)
        self.state = jax.block_until_ready(self.program.init(self.arguments))

    def steps(self, count: int) -> Seconds:
        """Takes steps, without the evaluation that the program ends with."""
        whole, evaluation = self.interval(count), self.interval(0)
        return Seconds(whole.wall - evaluation.wall, whole.cpu - evaluation.cpu)

    def interval(self, *stops: int) -> Seconds:
        """Takes steps from 0, evaluating at every stop."""

        def run() -> None:
            start, last = 0, None
            for stop in stops:
                self.state, last = self.program.run(self.state, self.arguments, start, stop)
                start = stop
            jax.block_until_ready((self.state, last))

        return timed(run)

    def records(self) -> Seconds:
        """Takes all steps of the config, evaluating at every record."""
        return self.interval(*metrics.record_steps(self.group.config).tolist()[1:])

    def loop(self) -> Seconds:
        """Trains as a sweep does, from the first record to the last, with all that is written."""
        marks: list[Seconds] = []

        def mark(update: loop.Update) -> None:
            if update.loss is not None:  # a record was written
                marks.append(Seconds(time.perf_counter(), time.process_time()))

        with tempfile.TemporaryDirectory() as folder:
            own = self.group
            loop.train(self.experiment, own.config, own.members, Path(folder) / "run", mark)
        return Seconds(marks[-1].wall - marks[0].wall, marks[-1].cpu - marks[0].cpu)

    def forward(self) -> Run:
        """Returns the loss of one member on one batch, compiled, as a contestant."""
        values: Values = {key: values[0] for key, values in self.values_M.items()}
        params = jax.tree.map(lambda leaf: leaf[0], self.state.params)
        batch = jax.jit(lambda: self.batch(values))()
        loss = jax.jit(lambda params, batch: self.experiment.loss(params, batch, values))
        return lambda: timed(lambda: jax.block_until_ready(loss(params, batch)))

    def product_flops(self) -> int:
        """Returns the operations of matrix products in one step of one member."""
        values: Values = {key: values[0] for key, values in self.values_M.items()}
        params = jax.eval_shape(lambda: jax.tree.map(lambda x: x[0], self.state.params))
        return step_flops(self.experiment, params, values)

    def batch(self, values: Values) -> Batch:
        """Returns the first batch of a member."""
        *_, made = self.arguments  # the data that all members read
        for entry in self.experiment.fixed:
            made = made | entry.make(made, values, BatchId("fixed", jax.numpy.int32(0)))
        for entry in self.experiment.batch:
            made = made | entry.make(made, values, BatchId("train", jax.numpy.int32(0)))
        return made


def compile_seconds(group: Group) -> tuple[float, float]:
    """Returns what a group takes to compile, the first time and from the cache on the disk."""
    before = jax.config.jax_compilation_cache_dir
    with tempfile.TemporaryDirectory() as folder:
        try:
            jax.config.update("jax_compilation_cache_dir", folder)
            compilation_cache.reset_cache()
            cold, cached = _first_interval(group), _first_interval(group)
        finally:
            jax.config.update("jax_compilation_cache_dir", before)
            compilation_cache.reset_cache()
    return cold, cached


def _first_interval(group: Group) -> float:
    jax.clear_caches()
    return timed(lambda: TimedGroup(group).interval(0)).wall
