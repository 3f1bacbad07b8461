"""A sweep with a progress bar: what trains, how far it is, how long it still takes."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from jaxlab.sweeps import local, plan
from jaxlab.sweeps.plan import Sweep


def train_with_progress(sweep: Sweep, workdir: Path) -> dict[str, str]:
    """Runs a sweep on this machine under a progress bar; see `local.run_sweep`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    member_steps = sum(
        len(group.members) * group.config.train.steps for group in plan.group(sweep)
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(sweep.config.study, total=member_steps)
        done: dict[str, int] = {}

        def progress(group: str, member_steps: int, of: int) -> None:
            done[group] = member_steps
            bar.update(
                task, completed=sum(done.values()), description=f"{sweep.config.study} [{group}]"
            )

        return local.run_sweep(sweep, workdir, progress)
