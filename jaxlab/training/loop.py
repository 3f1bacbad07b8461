"""The training loop: one function, read from top to bottom."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from jaxlab import config as configs
from jaxlab.config import Config, Overrides
from jaxlab.experiment import Experiment
from jaxlab.training import mesh as meshes
from jaxlab.training import metrics, program, run, schedule
from jaxlab.training.checkpoint import Checkpoints, save_steps


def train(
    experiment: Experiment,
    config: Config,
    members: list[Overrides],
    folder: Path,
    progress: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains a group to its end in a run folder, from wherever the folder says it stopped.

    Args:
        experiment: the pure functions, built from the static part of the config.
        config: the complete config of the group.
        members: overrides of traced values, one dict per member.
        folder: the run's folder; see `jaxlab.training.run`.
        progress: called with the number of steps done, about once per record.

    Raises:
        ConfigError: for a folder, config or checkpoint that does not fit, a full disk, or a folder
            in which another process trains.
    """
    with run.explained(folder):
        run.claim(folder, config, members)
        with run.exclusive(folder):
            run.check_data(folder, experiment.info)
            if not run.is_done(folder):
                _train(experiment, config, members, folder, progress)


def _train(
    experiment: Experiment,
    config: Config,
    members: list[Overrides],
    folder: Path,
    progress: Callable[[int], None],
) -> None:
    started, cpu_started = time.perf_counter(), time.process_time()

    # ---- what runs: traced values, mesh, program, the plan of records and saves
    static, _ = configs.split(config)
    values_M = member_values(config, members)
    mesh = meshes.make(config, len(members))
    compiled = program.build(experiment, static, mesh)
    arguments = compiled.place(values_M)
    record_steps_R = metrics.record_steps(config)
    saves = save_steps(config, record_steps_R)
    tau_MxR = schedule.tau(config.schedule.name, values_M, record_steps_R, config.train.steps)
    environment = run.environment(config, members, experiment.info)
    run.write_json(folder / "environment.json", environment)

    # ---- where it stopped
    checkpoints = Checkpoints(
        folder / "checkpoints", config, len(members), record_steps_R, environment
    )
    state = compiled.init(arguments)
    step = -1  # nothing recorded yet, not even the start
    restored = checkpoints.restore(state, mesh)
    if restored is not None:
        step, state = restored
        progress(step)
    records = folder / "metrics.jsonl"
    metrics.truncate(records, step)

    def write(record: int, device_metrics: program.Metrics) -> None:
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
        progress(steps)

    # ---- train: pull the metrics of the interval before while the device works on this one
    pending = None
    with contextlib.closing(checkpoints):  # a save under way is finished, whatever happens
        for record, stop in enumerate(record_steps_R.tolist()):
            if stop <= step:
                continue
            state, device_metrics = compiled.run(state, arguments, max(step, 0), stop)
            step = stop
            if pending is not None:
                write(*pending)
            pending = (record, device_metrics)
            if step in saves:  # a checkpoint promises that all records before it are on disk
                write(*pending)
                pending = None
                checkpoints.save(step, state)

    diverged_M = np.asarray(jax.device_get(state.progress["diverged_step"]))[: len(members)]
    summary = {
        "steps": config.train.steps,
        "members": len(members),
        "wall_seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu_started, 2),
        "resumed": restored is not None,
        "diverged": {str(m): int(diverged_M[m]) for m in np.flatnonzero(diverged_M >= 0)},
    }
    run.write_json(folder / "DONE", summary)


def member_values(config: Config, members: list[Overrides]) -> dict[str, np.ndarray]:
    """Returns the traced values of all members: a number per member by dotted key."""
    rows = [configs.split(configs.override(config, member))[1] for member in members]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}
