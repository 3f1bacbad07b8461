"""What a task of an array does on its node: trains the runs that the login node gave it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from jaxlab.config import ConfigError
from jaxlab.disk import read_config
from jaxlab.sweeps import console, local
from jaxlab.sweeps.plan import Group
from jaxlab.training import preemption


def train(workdir: str, names: tuple[str, ...], save_minutes: float, fail_fast: bool) -> None:
    """Trains runs one after another; ends the process with the status of a task.

    A signal that the machine is wanted, or that the time is up, saves and puts the task back into
    the queue. A group that fails makes the task fail when all are through.

    Args:
        workdir: the folder of the study.
        names: of its runs.
        save_minutes: see `loop.train`.
        fail_fast: whether to stop at the first group that fails, and to cancel tasks that wait.
    """
    signal.signal(signal.SIGCONT, signal.SIG_DFL)  # Slurm sends it before each SIGTERM
    preemption.heed()
    try:
        runs = [Group(name, *read_config(Path(workdir) / name)) for name in names]
        outcomes = console.train_runs(runs, Path(workdir), save_minutes, fail_fast)
    except ConfigError as error:
        sys.exit(f"error: {error}")
    except preemption.Preempted as reason:
        status = preemption.explain(reason)
        _requeue()
        sys.exit(status)
    failed = {name: text for name, text in outcomes.items() if text not in local.FINE}
    for name, text in failed.items():
        print(f"error: group {name}: {text}", file=sys.stderr)
    if failed and fail_fast and (array := os.environ.get("SLURM_ARRAY_JOB_ID")):
        _ask("scancel", "--state=PENDING", array)
    if failed:
        sys.exit(1)


def job_id() -> str:
    """Returns the id of this task as squeue shows it."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]


def _requeue() -> None:
    """Puts this task back into the queue, unless it is being cancelled or Slurm does so itself."""
    state = _ask("squeue", f"--jobs={job_id()}", "--noheader", "--format=%T").split()
    if state == ["RUNNING"]:
        _ask("scontrol", "requeue", job_id())


def _ask(*command: str) -> str:
    """Runs a command of Slurm; what goes wrong with it is in the log of the task, and no more."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return result.stdout
