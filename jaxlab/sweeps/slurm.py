"""Sweeps on a Slurm cluster: an array job, each task of which trains some of the runs.

The login node plans once: it makes the folders of all runs and notes in `groups.json` which task
trains which. Tasks only train. What a run is doing is asked of its folder and of squeue, so nothing
is lost when the terminal closes, and no accounting is needed.
"""

from __future__ import annotations

import getpass
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from jaxlab.config import ConfigError, check
from jaxlab.disk import read_json, write_json
from jaxlab.sweeps import on_disk, plan
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.sweeps.slurm_profile import Profile
from jaxlab.training import run

PLAN, LOGS = "groups.json", "slurm"
SECONDS_TO_SAVE = 90  # before the time limit a task is told to save
KEEP_SHELL = "trap '' TERM USR1 USR2"  # the signals are for the training, not for the batch script


def submit(
    sweep: Sweep, workdir: Path, asked: Profile, save_minutes: float, fail_fast: bool
) -> tuple[int, int, str]:
    """Plans a sweep in its folder and submits what is neither done nor in the queue.

    Returns:
        How many runs there are, how many of them were submitted, and the id of the job.

    Raises:
        ConfigError: for a folder or a scheduler that cannot be used.
    """
    workdir = workdir.resolve()
    check("%" not in str(workdir), f"{workdir}: Slurm cannot log into a folder with % in its name")
    with run.sweeping(workdir), run.translate_io_errors(workdir):
        queued = states()  # behind the lock: another submission has ended
        on_disk.prepare_study(workdir, sweep)
        runs = _prepare_runs(sweep, workdir, asked.members_per_task)
        tasks = task_of_run(workdir)
        missing = [
            own.name
            for own in runs
            if not run.is_done(workdir / own.name)
            and tasks.get(own.name) not in queued
            and not run.is_running(workdir / own.name)
        ]
        if not missing:
            return len(runs), 0, ""
        for name in missing:
            (workdir / name / "error.txt").unlink(missing_ok=True)
        packed = pack(missing, asked.groups_per_task, asked.array_size)
        calls = [(str(workdir), names, save_minutes, fail_fast) for names in packed]
        ids = _submit(calls, workdir, asked, sweep.config.study)
        new = {name: job for names, job in zip(packed, ids, strict=True) for name in names}
        write_json(workdir / PLAN, {"tasks": tasks | new})
    return len(runs), len(missing), ids[0].split("_")[0]


def pack(names: list[str], groups_per_task: int, tasks: int) -> list[tuple[str, ...]]:
    """Deals runs to tasks in their order: so many to each, or more where tasks would not do."""
    each = max(groups_per_task, math.ceil(len(names) / tasks))
    return [tuple(names[start : start + each]) for start in range(0, len(names), each)]


def cancel(workdir: Path) -> int:
    """Cancels the tasks of a study, which save before they end; returns how many there were."""
    with run.sweeping(workdir):
        queued = states()
        tasks = task_of_run(workdir)
        active = sorted({job for job in tasks.values() if job in queued})
        rest = {name: job for name, job in tasks.items() if job not in queued}
        if active:
            ask("scancel", *active)
            write_json(workdir / PLAN, {"tasks": rest})
    return len(active)


def task_of_run(workdir: Path) -> dict[str, str]:
    """Returns the id of the task that last got each run; none for those that were cancelled."""
    path = workdir / PLAN
    if not path.exists():
        return {}
    return read_json(path, "delete it, if squeue --me shows no task of this study")["tasks"]


def states() -> dict[str, str]:
    """Returns the state, such as PENDING or RUNNING, of each of the user's tasks by its id.

    Raises:
        ConfigError: when the scheduler does not answer.
    """
    user = getpass.getuser()
    rows = ask("squeue", f"--user={user}", "--noheader", "--array", "--format=%i %T").splitlines()
    return dict(row.split() for row in rows)


def ask(command: str, *arguments: str) -> str:
    """Returns what a command of Slurm prints.

    Raises:
        ConfigError: when there is no such command, or it fails.
    """
    if not shutil.which(command):
        raise ConfigError(f"{command} is not here: give this command on a login node of Slurm")
    result = subprocess.run([command, *arguments], capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
        raise ConfigError(f"Slurm does not answer ({command}: {lines[-1]}): try again later")
    return result.stdout


def last_error(workdir: Path, name: str, job: str | None) -> str:
    """Returns the last line of what went wrong in a run, or of the log of its task."""
    logs = [workdir / name / "error.txt"]
    logs += [log_of(workdir, job)] if job else []
    for path in logs:
        if path.exists() and (text := path.read_text(errors="replace").strip()):
            return text.splitlines()[-1]
    return ""


def log_of(workdir: Path, job: str) -> Path:
    """Returns the file to which a task writes what it says on standard error."""
    return workdir / LOGS / f"{job}_0_log.err"


def _prepare_runs(sweep: Sweep, workdir: Path, members_per_task: int) -> list[Group]:
    """Returns the runs of a sweep, each with its folder; new ones in parts where asked for."""
    result = []
    for group, runs in on_disk.runs_of(sweep, on_disk.stored_runs(workdir)):
        limit = members_per_task or group.config.devices.max_members or sys.maxsize
        for own in runs:
            if (workdir / own.name / "config.json").exists():
                result.append(own)
                continue
            for part in plan.parts(own, math.ceil(len(own.members) / limit)):
                run.prepare_run(workdir / part.name, part.config, part.members)
                result.append(part)
    return result


def _submit(calls: list[tuple[Any, ...]], workdir: Path, asked: Profile, name: str) -> list[str]:
    """Submits a call of `slurm_task.train` for each task; returns their ids."""
    try:
        import submitit
        from submitit.core.utils import FailedJobError
    except ModuleNotFoundError as error:
        raise ConfigError("submitit is not installed: run make setup-slurm") from error
    from jaxlab.sweeps import slurm_task  # imports all that trains

    executor = submitit.SlurmExecutor(workdir / LOGS)
    platforms = "cuda,cpu" if asked.gpus else "cpu"
    options = {
        "job_name": f"jaxlab-{name}",
        "time": asked.minutes,
        "cpus_per_task": asked.cpus or (8 if asked.gpus else 2),
        "gpus_per_node": asked.gpus or None,
        "partition": asked.partition or None,
        "account": asked.account or None,
        "mem": asked.memory or None,
        "array_parallelism": asked.parallel or len(calls),
        "signal_delay_s": SECONDS_TO_SAVE,
        # Without a GPU a task that asked for one stops instead of training on the CPU.
        "setup": [KEEP_SHELL, f"export JAX_PLATFORMS={platforms}", *asked.setup],
        "additional_parameters": {"requeue": True} | asked.sbatch_options,
    }
    executor.update_parameters(**{key: value for key, value in options.items() if value})
    try:
        jobs = executor.map_array(slurm_task.train, *zip(*calls, strict=True))
    except FailedJobError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigError(f"sbatch refuses the job: {reason}") from error
    return [job.job_id for job in jobs]
