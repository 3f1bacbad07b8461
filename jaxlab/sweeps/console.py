"""Training on this machine with its progress on the terminal, or as lines in a log."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TaskProgressColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from jaxlab.sweeps import local, on_disk
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.sweeps.progress import Progress
from jaxlab.training import compilation_cache, loop, processes, run
from jaxlab.training import mesh as meshes

SECONDS_PER_LINE = 30  # where progress goes to a file


def train_one(sweep: Sweep, workdir: Path, save_minutes: float) -> None:
    """Trains the single model of a config; `workdir` becomes its run folder."""
    compilation_cache.enable()
    own = Group("", sweep.config, [{}])
    unfinished = [] if run.is_done(workdir) else [own]
    with processes.together(), shown(Progress(own.config.study, unfinished)) as progress:
        experiment = processes.first_then_others(lambda: local.build(own.config))

        def prepare() -> None:
            run.prepare_run(workdir, own.config, own.members)
            run.write_study_file(workdir, sweep.file)

        with run.translate_io_errors(workdir):
            processes.on_first(prepare)
        update = functools.partial(progress, own)
        loop.train(experiment, own.config, own.members, workdir, update, save_minutes)


def train_sweep(
    sweep: Sweep, workdir: Path, save_minutes: float, fail_fast: bool
) -> dict[str, str]:
    """Trains a sweep; see `local.run_sweep`."""
    compilation_cache.enable()
    runs = on_disk.outline(sweep, workdir)
    if processes.count() == 1:
        meshes.use_cpu_cores(max(len(own.members) for own in runs))
    unfinished = [own for own in runs if not run.is_done(workdir / own.name)]
    with processes.together(), shown(Progress(sweep.config.study, unfinished)) as progress:
        return local.run_sweep(sweep, workdir, progress, save_minutes, fail_fast)


def train_runs(
    runs: list[Group], workdir: Path, save_minutes: float, fail_fast: bool
) -> dict[str, str]:
    """Trains runs whose folders are made; returns what became of each, see `local.run_sweep`."""
    compilation_cache.enable()
    meshes.use_cpu_cores(max(len(own.members) for own in runs))
    unfinished = [own for own in runs if not run.is_done(workdir / own.name)]
    outcomes = {}
    with shown(Progress(runs[0].config.study, unfinished)) as progress:
        for own in unfinished:
            outcomes[own.name] = local.build_and_train(own, workdir, progress, save_minutes)
            if fail_fast and outcomes[own.name] not in local.FINE:
                break
    return outcomes


@contextlib.contextmanager
def shown(progress: Progress) -> Iterator[Progress]:
    """Shows progress, while the context lasts, on standard error: as a bar where it can move."""
    if not progress.total or not processes.is_first():  # all is finished, or another shows it
        yield progress
        return
    print(f"devices: {meshes.devices_in_words()}", file=sys.stderr, flush=True)
    console = Console(stderr=True)
    with _bar(progress, console) if console.is_terminal else _lines(progress):
        yield progress


@contextlib.contextmanager
def _bar(progress: Progress, console: Console) -> Iterator[None]:
    columns = (
        _Words(progress.name, Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=20),
        TaskProgressColumn("{task.percentage:>3.0f} %"),
        _Words(progress.state, Column(no_wrap=True)),
        _Words(lambda: f"{left} left" if (left := progress.left()) else "", Column(no_wrap=True)),
    )

    class Refreshed(Bar):
        def get_renderables(self):  # called several times a second, also while XLA compiles
            for task in self.tasks:
                self.update(task.id, completed=progress.done)
            yield from super().get_renderables()

    bar = Refreshed(*columns, console=console, expand=True)
    bar.add_task("", total=progress.total)
    with bar:
        yield


@contextlib.contextmanager
def _lines(progress: Progress) -> Iterator[None]:
    """Prints a line now and then, and one at the end if anything was trained."""
    finished = threading.Event()

    def write() -> None:
        print(progress.line(), file=sys.stderr, flush=True)

    def write_now_and_then() -> None:
        while not finished.wait(SECONDS_PER_LINE):
            write()

    writer = threading.Thread(target=write_now_and_then, daemon=True)
    writer.start()
    try:
        yield
    finally:
        finished.set()
        writer.join()
    if progress.started:
        write()


class _Words(ProgressColumn):
    """A column of the bar that shows what a function returns."""

    max_refresh = 0.25  # seconds

    def __init__(self, words, column: Column):
        super().__init__(table_column=column)
        self.words = words

    def render(self, task) -> Text:
        """Returns the text at this moment."""
        return Text(self.words())
