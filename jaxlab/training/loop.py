"""The training loop: one function, read from top to bottom."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides
from jaxlab.disk import write_json
from jaxlab.experiment import Experiment
from jaxlab.training import memory, metrics, preemption, processes, program, run, schedule
from jaxlab.training import mesh as meshes
from jaxlab.training.checkpoint import Checkpoints, save_steps
from jaxlab.training.settings import check_settings


class Update(NamedTuple):
    """How far a run is.

    Attributes:
        step: the steps done.
        loss: the training loss since the record before, a mean over the members that did not
            diverge; NaN at step 0 and where all diverged; None where nothing was recorded since.
        compiling: whether the program is being compiled.
    """

    step: int
    loss: float | None = None
    compiling: bool = False


Progress = Callable[[Update], None]


def train(
    experiment: Experiment,
    config: Config,
    members: list[Overrides],
    folder: Path,
    progress: Progress = lambda update: None,
    save_minutes: float = 0.0,
) -> None:
    """Trains a group to its end in a run folder, from wherever the folder says it stopped.

    A signal that asks it to stop makes it save at the next step; see `jaxlab.training.preemption`.

    Args:
        experiment: the pure functions, built from the static part of the config.
        config: the complete config of the group.
        members: overrides of traced values, one dict per member.
        folder: the run's folder; see `jaxlab.training.run`.
        progress: called before and after compiling, and after each record and each long call.
        save_minutes: the longest time between saves, beside those that the config asks for; 0 is
            no limit. It changes no number of the run.

    Raises:
        Preempted, KeyboardInterrupt: on a signal, after the save.
        ConfigError: for a folder, config or checkpoint that does not fit, a full disk, or a folder
            in which another process trains.
    """
    check_settings()
    with run.translate_io_errors(folder), contextlib.ExitStack() as held:

        def enter(given: tuple = (config, members)) -> tuple[Config, list[Overrides], bool]:
            begun = run.prepare_run(folder, *given)
            held.enter_context(run.exclusive(folder))
            run.check_data(folder, experiment.info)
            return *begun, run.is_done(folder)

        config, members, done = processes.on_first(enter)
        if not done:
            _train(experiment, config, members, folder, progress, save_minutes)


def _train(
    experiment: Experiment,
    config: Config,
    members: list[Overrides],
    folder: Path,
    progress: Progress,
    save_minutes: float,
) -> None:
    started, cpu_started = time.perf_counter(), time.process_time()

    # ---- what runs: traced values, mesh, program, the plan of records and saves
    static, _ = configs.split(config)
    values_M = member_values(config, members)
    mesh = meshes.make(config, len(members))
    words = ""
    if jax.default_backend() != "cpu":  # there members train one at a time, in the host's memory
        limit = memory.device_bytes()
        static, words = memory.fitted(experiment, static, mesh, values_M, limit)
    compiled = program.build(experiment, static, mesh)
    arguments = compiled.place(values_M)
    record_steps_R = metrics.record_steps(config)
    saves = save_steps(config, record_steps_R)
    tau_MxR = schedule.tau(config.schedule.name, values_M, record_steps_R, config.train.steps)
    environment = run.environment(config, members, experiment.info)
    writes = processes.is_first()
    if writes:
        print(f"memory: {words}\n" * bool(words), end="", file=sys.stderr)
        write_json(folder / "environment.json", environment)

    # ---- where it stopped
    checkpoints = Checkpoints(
        folder / "checkpoints", config, len(members), record_steps_R, environment
    )
    progress(Update(0, compiling=True))
    restored = checkpoints.restore(jax.eval_shape(compiled.init, arguments), mesh)
    # Without a checkpoint nothing is recorded yet, not even the start.
    step, state = restored or (-1, compiled.start(compiled.init(arguments)))
    records = folder / "metrics.jsonl"
    expected = record_steps_R[record_steps_R <= step].tolist()
    kept = processes.on_first(lambda: metrics.truncate(records, step))
    if kept != expected:
        raise ConfigError(
            f"{records} has {len(kept)} of the {len(expected)} records up to step {step}, that of "
            f"the last checkpoint: restore it, or delete {folder} to train it again"
        )

    def write(record: int, device_metrics: program.Metrics) -> None:
        if not writes:
            return
        steps, numbers = int(record_steps_R[record]), jax.device_get(device_metrics)
        metrics.append(
            records,
            {
                "step": steps,
                "examples": steps * config.train.batch_size,
                "tau": tau_MxR[:, record],
                **{key: value[: len(members)] for key, value in numbers.items()},
            },
        )
        progress(Update(steps, _mean(numbers["loss"][: len(members)])))

    # ---- train: pull the metrics of the record before while the device works on this one
    progress(Update(max(step, 0), compiling=True))
    pending = None
    compiling = True
    pace = preemption.Pace(save_minutes)
    # A save under way is finished, whatever happens; no signal interrupts that.
    with preemption.noted() as stopping:
        with contextlib.closing(checkpoints):
            while step < config.train.steps:
                record = int(np.searchsorted(record_steps_R, step, side="right"))
                due = min(int(record_steps_R[record]), *(stop for stop in saves if stop > step))
                stop = min(due, max(step, 0) + pace.steps)
                recording = stop == record_steps_R[record]
                if recording:
                    state, device_metrics = compiled.run(state, arguments, max(step, 0), stop)
                    if pending is not None:
                        write(*pending)
                    pending = (record, device_metrics)
                else:  # timed, so that no call lasts long
                    jax.block_until_ready(state.progress)
                    pace.start()
                    state = compiled.advance(state, arguments, max(step, 0), stop)
                    jax.block_until_ready(state.progress)
                    pace.stop(stop - max(step, 0))
                if compiling or not recording:
                    progress(Update(stop))
                step, compiling = stop, False
                if pace.decide(stopping) or step in saves:
                    if pending is not None:  # before a save, all records up to it are on disk
                        write(*pending)
                        pending = None
                    if writes:
                        metrics.flush_to_disk(records)
                    checkpoints.save(step, state)
                    pace.saved()
                    pace.decide(stopping)  # this save serves a signal that came meanwhile, too
                stopping.raise_if_agreed()
        pace.decide(stopping)  # a signal may have come while the last save was finished
        stopping.raise_if_agreed()

    diverged_M = processes.fetch(state.progress["diverged_step"])[: len(members)]
    summary = {
        "steps": config.train.steps,
        "members": len(members),
        "records": len(record_steps_R),
        "wall_seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu_started, 2),
        "resumed": restored is not None,
        "diverged": {str(m): int(diverged_M[m]) for m in np.flatnonzero(diverged_M >= 0)},
    }
    if writes:
        write_json(folder / "DONE", summary)


def member_values(config: Config, members: list[Overrides]) -> dict[str, np.ndarray]:
    """Returns the traced values of all members: a number per member by dotted key."""
    _, base = configs.split(config)
    rows = [
        base | {key: configs.converted(base, key, value) for key, value in member.items()}
        for member in members
    ]
    return {key: np.array([row[key] for row in rows]) for key in base}


def _mean(loss_M: np.ndarray) -> float:
    finite = loss_M[np.isfinite(loss_M)]
    return float(finite.mean()) if finite.size else float("nan")
