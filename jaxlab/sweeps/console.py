"""Training on this machine under a progress bar: how far it is, how long it still takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from jaxlab.config import Config
from jaxlab.sweeps import local, plan
from jaxlab.sweeps.plan import Sweep
from jaxlab.training import compilation_cache, loop
from jaxlab.training import mesh as meshes

SECONDS_PER_LINE = 30  # where progress goes to a file


def train_one(config: Config, workdir: Path) -> None:
    """Trains the single model of a config; `workdir` becomes its run folder."""
    compilation_cache.enable()
    with _bar(config.study, config.train.steps) as advance:
        loop.train(
            local.build(config), config, [{}], workdir, lambda step: advance(config.study, step)
        )


def train_sweep(sweep: Sweep, workdir: Path) -> dict[str, str]:
    """Trains a sweep; see `local.run_sweep`."""
    compilation_cache.enable()
    groups = plan.group(sweep)
    meshes.use_cpu_cores(max(len(group.members) for group in groups))
    total = sum(len(group.members) * group.config.train.steps for group in groups)
    with _bar(sweep.config.study, total) as advance:
        done: dict[str, int] = {}

        def progress(group: str, member_steps: int) -> None:
            done[group] = member_steps
            advance(f"{sweep.config.study} {group}", sum(done.values()))

        return local.run_sweep(sweep, workdir, progress)


@contextmanager
def _bar(name: str, total: int) -> Iterator[Callable[[str, int], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console)
    task = bar.add_task(name, total=total)

    def advance(description: str, completed: int) -> None:
        bar.start()  # not before there is progress: an error that comes first stands alone
        bar.update(task, description=description, completed=completed)

    try:
        yield advance
    finally:
        bar.stop()


class _Lines:
    """Progress for a log: a line now and then."""

    def __init__(self, total: int):
        self.total = total
        self.started = self.last = time.monotonic()
        self.completed = 0

    def __call__(self, description: str, completed: int) -> None:
        now = time.monotonic()
        soon = completed < self.total and now - self.last < SECONDS_PER_LINE
        if soon or completed == self.completed:
            return
        self.last, self.completed = now, completed
        share = completed / self.total
        left = f"{(now - self.started) * (1 / share - 1):.0f} s left" if share > 0.01 else "started"
        print(f"{description}: {100 * share:3.0f} %, {left}", file=sys.stderr, flush=True)
