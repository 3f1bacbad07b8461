"""What became of the runs of a sweep so far, as a table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxlab.config import ConfigError
from jaxlab.sweeps import on_disk, slurm
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.training import run

# In the order in which they are shown when there are more runs than lines.
STATES = ("running", "failed", "queued", "stopped", "not started", "done")


class Status(NamedTuple):
    """How far one run is.

    Attributes:
        name: of its folder.
        state: one of STATES; "stopped" is a run that was interrupted, "queued" waits for a node.
        members, steps: its size, and the steps that it is to take.
        step: of its last record, 0 where there is none.
        loss: the mean training loss of that record over the members that did not diverge, or NaN.
        diverged: how many members did.
        error: the last line of what went wrong, where it failed.
    """

    name: str
    state: str
    members: int
    steps: int
    step: int
    loss: float
    diverged: int
    error: str = ""


def of_sweep(sweep: Sweep, workdir: Path, queue: Mapping[str, str] | None = None) -> list[Status]:
    """Returns how far the runs of a sweep are, in the order in which they train.

    Args:
        sweep: the sweep.
        workdir: its folder.
        queue: the state of each task of the user in Slurm's queue, where it is known.

    Raises:
        ConfigError: when the folder holds another study.
    """
    tasks = slurm.task_of_run(workdir)
    result = []
    for own in on_disk.outline(sweep, workdir):
        found = _of_run(own, workdir / own.name)
        task = tasks.get(own.name)
        if task and queue is not None and found.state in ("stopped", "not started"):
            # In the queue, or behind other runs of its task; else the task ended, if it ever began.
            if task in queue:
                found = found._replace(state="queued")
            elif slurm.log_of(workdir, task).exists():
                found = found._replace(state="failed")
        if found.state == "failed":
            found = found._replace(error=slurm.last_error(workdir, own.name, task))
        result.append(found)
    return result


def table(found: list[Status], columns: int, lines: int) -> str:
    """Returns a table of at most so many columns and lines; its last line adds it all up.

    Below the table, on an eighth of the lines at most, the errors of runs that failed are not cut.
    """
    by_state = sorted(found, key=lambda own: STATES.index(own.state))
    errors = [f"{own.name}: {own.error}" for own in found if own.error][: lines // 8]
    shown = by_state[: max(1, lines - len(errors) - 3)]
    rows = [("run", "state", "members", "step", "loss", "diverged")]
    for own in found:
        if own in shown:
            loss = f"{own.loss:.4g}" if math.isfinite(own.loss) else ""
            step = f"{own.step}/{own.steps}"
            rows.append(
                (
                    _short(own.name, columns - 55),
                    own.state,
                    str(own.members),
                    step,
                    loss,
                    str(own.diverged or ""),
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = (True, True, False, False, False, False)
    texts = [
        "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in rows
    ]
    hidden = by_state[len(shown) :]
    if hidden:
        texts.append(f"and {_counts(hidden)}")
    texts += errors
    work = sum(own.members * own.steps for own in found)
    done = sum(own.members * own.step for own in found)
    texts.append(f"{len(found)} runs: {_counts(found)}; {100 * done / work:.0f} % of all steps")
    return "\n".join(texts)


def _of_run(own: Group, folder: Path) -> Status:
    last = _last_record(folder / "metrics.jsonl")
    losses = [loss for loss in last.get("loss", []) if loss is not None]
    if run.is_done(folder):
        state = "done"
    elif run.is_running(folder):
        state = "running"
    elif (folder / "error.txt").exists():
        state = "failed"
    else:
        state = "stopped" if last else "not started"
    return Status(
        name=own.name,
        state=state,
        members=len(own.members),
        steps=own.config.train.steps,
        step=last.get("step", 0),
        loss=sum(losses) / len(losses) if losses else math.nan,
        diverged=sum(step >= 0 for step in last.get("diverged_step", [])),
    )


def _last_record(path: Path) -> dict[str, Any]:
    """Returns the last whole record of a run, which may be writing another one."""
    if not path.exists():
        return {}
    lines = path.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines[-2:] if line.endswith(b"\n")]
    try:
        return json.loads(whole[-1]) if whole else {}
    except ValueError as error:
        raise ConfigError(f"{path} is damaged ({error}): restore it, or train it again") from error


def _short(name: str, length: int) -> str:
    """Returns a name without its middle where it is too long."""
    half = max(length // 2, 5)
    return name if len(name) <= 2 * half else f"{name[: half - 1]}…{name[-half:]}"


def _counts(found: list[Status]) -> str:
    states = [own.state for own in found]
    return ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
