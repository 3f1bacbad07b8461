"""Runs a sweep on this machine: one group after another, each from where it stopped."""

from __future__ import annotations

import contextlib
import functools
import math
import traceback
from collections.abc import Callable
from pathlib import Path

from jaxlab import config as configs
from jaxlab.command import explain
from jaxlab.config import ConfigError
from jaxlab.experiment import Experiment
from jaxlab.sweeps import on_disk, plan
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.training import loop, processes, run
from jaxlab.training.memory import members_that_fit

DONE, SKIPPED = "done", "skipped"
FINE = frozenset((DONE, SKIPPED))
Progress = Callable[[Group, loop.Update], None]  # of the run that trains now; see `loop.train`


def run_sweep(
    sweep: Sweep,
    workdir: Path,
    progress: Progress,
    save_minutes: float = 0.0,
    fail_fast: bool = False,
) -> dict[str, str]:
    """Trains what of a sweep is not trained yet.

    Members that are in the folder already, finished or begun, are not trained anew; others extend
    the study. A group that fails does not stop the others, unless asked for.

    Args:
        sweep: from `jaxlab.sweeps.plan.load`.
        workdir: the study's folder; every run is a folder in it.
        progress: called as the work goes on.
        save_minutes: see `loop.train`.
        fail_fast: whether to stop at the first group that fails.

    Returns:
        What became of each run: "done", "skipped" (it was done before), or the error.

    Raises:
        ConfigError: when the folder holds another study, or another sweep is at work in it.
    """
    outcomes = {}
    with contextlib.ExitStack() as held:

        def prepare() -> list[tuple[Group, list[Group], bool]]:
            held.enter_context(run.sweeping(workdir))
            with run.translate_io_errors(workdir):
                on_disk.prepare_study(workdir, sweep)
            planned = on_disk.runs_of(sweep, on_disk.stored_runs(workdir))
            return [
                (group, runs, all(run.is_done(workdir / own.name) for own in runs))
                for group, runs in planned
            ]

        for group, runs, done in processes.on_first(prepare):
            if done:
                outcomes |= dict.fromkeys((own.name for own in runs), SKIPPED)
                continue
            try:
                experiment = processes.first_then_others(functools.partial(build, group.config))
                runs = processes.on_first(
                    functools.partial(_prepare_runs, runs, experiment, workdir)
                )
            except (ConfigError, OSError) as error:
                outcomes[group.name], runs = str(error), []
            except Exception as error:  # as in `train_run`; there is no folder for `error.txt` yet
                if processes.count() > 1:
                    raise
                outcomes[group.name], runs = explain(error), []
            for own in runs:
                outcomes[own.name] = train_run(own, experiment, workdir, progress, save_minutes)
                if fail_fast and outcomes[own.name] not in FINE:
                    break
            if fail_fast and not FINE.issuperset(outcomes.values()):
                break
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


def train_run(
    own: Group, experiment: Experiment, workdir: Path, progress: Progress, save_minutes: float
) -> str:
    """Trains one run from where it stopped; returns what became of it, see `run_sweep`."""
    folder = workdir / own.name
    if processes.on_first(lambda: run.is_done(folder)):
        return SKIPPED
    update = functools.partial(progress, own)
    try:
        loop.train(experiment, own.config, own.members, folder, update, save_minutes)
    except Exception as error:  # one broken group must not cost the others their night
        return _failure(folder, error)
    (folder / "error.txt").unlink(missing_ok=True)
    return DONE


def build_and_train(own: Group, workdir: Path, progress: Progress, save_minutes: float) -> str:
    """Builds the experiment of a run and trains it; see `train_run`."""
    try:
        experiment = build(own.config)
    except Exception as error:  # as in `train_run`
        return _failure(workdir / own.name, error)
    return train_run(own, experiment, workdir, progress, save_minutes)


def _failure(folder: Path, error: Exception) -> str:
    """Returns what became of a run that failed, and notes it in the run's folder.

    With several processes it raises the error: the others may not know of it, and wait.
    """
    if processes.count() > 1:
        raise error
    if isinstance(error, ConfigError):
        if not isinstance(error, run.BusyError):
            _note(folder, str(error))
        return str(error)
    _note(folder, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error} (see {folder / 'error.txt'})"


def _note(folder: Path, error: str) -> None:
    with contextlib.suppress(OSError):
        (folder / "error.txt").write_text(error)


def _prepare_runs(runs: list[Group], experiment: Experiment, workdir: Path) -> list[Group]:
    """Returns the runs of a group, each with its folder; new ones in parts that fit the memory.

    All folders are made before the first run trains: a study goes on in the runs that it began
    with, whatever the memory of the machine that goes on with it.
    """
    result = []
    for own in runs:
        if (workdir / own.name / "config.json").exists():
            result.append(own)
            continue
        for part in plan.parts(own, _part_count(own, experiment)):
            run.prepare_run(workdir / part.name, part.config, part.members)
            result.append(part)
    return result


def _part_count(whole: Group, experiment: Experiment) -> int:
    limit = whole.config.devices.max_members
    limit = limit or members_that_fit(experiment, whole.config, len(whole.members))
    return math.ceil(len(whole.members) / limit)
