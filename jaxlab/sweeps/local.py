"""Runs a sweep on this machine: one group after another, each from where it stopped."""

from __future__ import annotations

import contextlib
import functools
import math
import traceback
from collections.abc import Callable
from pathlib import Path

from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.experiment import Experiment
from jaxlab.sweeps import on_disk, plan
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.training import loop, processes, run
from jaxlab.training.memory import members_that_fit

Progress = Callable[[Group, loop.Update], None]  # of the run that trains now; see `loop.train`


def run_sweep(
    sweep: Sweep, workdir: Path, progress: Progress, save_minutes: float = 0.0
) -> dict[str, str]:
    """Trains what of a sweep is not trained yet.

    Members that are in the folder already, finished or begun, are not trained anew; others extend
    the study. A group that fails does not stop the others.

    Args:
        sweep: from `jaxlab.sweeps.plan.load`.
        workdir: the study's folder; every run is a folder in it.
        progress: called as the work goes on.
        save_minutes: see `loop.train`.

    Returns:
        What became of each run: "done", "skipped" (it was done before), or the error.

    Raises:
        ConfigError: when the folder holds another study.
    """

    def prepare() -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        with run.planning(workdir):
            on_disk.prepare_study(workdir, sweep)

    with run.translate_io_errors(workdir):
        processes.on_first(prepare)
    outcomes = {}
    for group in sweep.groups:
        try:
            experiment = processes.first_then_others(functools.partial(build, group.config))
            runs = processes.on_first(
                functools.partial(_prepare_runs, sweep, group, experiment, workdir)
            )
        except (ConfigError, OSError) as error:
            outcomes[group.name] = str(error)
            continue
        for own in runs:
            outcomes[own.name] = _run(own, experiment, workdir, progress, save_minutes)
    return outcomes


def build(config) -> Experiment:
    """Returns the experiment that a complete config names.

    Raises:
        ConfigError: when it cannot be built, for want of its data, say.
    """
    static, _ = configs.split(config)
    try:
        return plan.experiment_module(config.experiment).build(static)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _prepare_runs(sweep: Sweep, group: Group, experiment: Experiment, workdir: Path) -> list[Group]:
    """Returns the runs of a group, each with its folder; new ones in parts that fit the memory.

    All folders are made before the first run trains: a study goes on in the runs that it began
    with, whatever the memory of the machine that goes on with it.
    """
    result = []
    with run.planning(workdir):
        stored = on_disk.stored_runs(workdir)
        for own in on_disk.runs_of(sweep, group, stored):
            if own in stored:
                result.append(own)
                continue
            for part in plan.parts(own, _part_count(own, experiment)):
                run.prepare_run(workdir / part.name, part.config, part.members)
                result.append(part)
    return result


def _part_count(whole: Group, experiment: Experiment) -> int:
    static, values = configs.split(whole.config)
    limit = whole.config.devices.max_members
    limit = limit or members_that_fit(experiment, static, tuple(values))
    return math.ceil(len(whole.members) / limit)


def _run(
    own: Group, experiment: Experiment, workdir: Path, progress: Progress, save_minutes: float
) -> str:
    folder = workdir / own.name
    already = processes.on_first(lambda: run.is_done(folder))
    update = functools.partial(progress, own)
    try:
        loop.train(experiment, own.config, own.members, folder, update, save_minutes)
    except Exception as error:  # one broken group must not cost the others their night
        if processes.count() > 1:  # the other processes may not know of it, and wait
            raise
        if isinstance(error, ConfigError):
            return str(error)
        with contextlib.suppress(OSError):
            (folder / "error.txt").write_text(traceback.format_exc())
        return f"{type(error).__name__}: {error} (see {folder / 'error.txt'})"
    (folder / "error.txt").unlink(missing_ok=True)
    return "skipped" if already else "done"
