"""The run of the lab in which a checkpoint lies: its config, and what its experiment can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlab import config as configs
from jaxlab.checkpoints.history import Row
from jaxlab.checkpoints.opening import Checkpoint, open_checkpoint
from jaxlab.checkpoints.steps import saved_steps
from jaxlab.checkpoints.tensors import CheckpointError
from jaxlab.config import Config, Overrides
from jaxlab.disk import read_config
from jaxlab.experiment import Reading
from jaxlab.sweeps.plan import experiment_module

PARAMS = "params/"


class LabRun(NamedTuple):
    """A group on disk; see `jaxlab.training.run`."""

    folder: Path
    config: Config
    members: list[Overrides]

    def member_config(self, member: int) -> Config:
        """Returns the complete config of a member.

        Raises:
          CheckpointError: the run has no such member.
        """
        if not 0 <= member < len(self.members):
            raise CheckpointError(f"{self.folder} has members 0 to {len(self.members) - 1}")
        return configs.override(self.config, self.members[member])

    def readings(self, member: int) -> Mapping[str, Reading]:
        """Returns what the experiment can read of a member's parameters, by name."""
        config = self.member_config(member)
        return experiment_module(config.experiment).readings(config)


def find_run(path: Path) -> LabRun | None:
    """Returns the run that a run folder, its checkpoints, a step or an item lies in; else None.

    Raises:
      ConfigError: its config or members are damaged.
    """
    path = path.expanduser().absolute()
    for folder in (path, *path.parents[:3]):
        if (folder / "config.json").is_file() and (folder / "checkpoints").is_dir():
            return LabRun(folder, *read_config(folder))
    return None


def read(
    path: Path,
    names: tuple[str, ...] = (),
    step: int | None = None,
    member: int | None = None,
    every_step: bool = False,
) -> list[Row]:
    """Returns readings of a run: a row per step, member, reading and label.

    Args:
      path: of the run, its checkpoints or one step.
      names: of readings; none: all that the experiment has.
      step: which saved step; None: the last.
      member: None: every one.
      every_step: whether all saved steps are read.

    Raises:
      CheckpointError: no run of the lab, no such reading, step or member, or damage.
    """
    run = find_run(path)
    if run is None:
        raise CheckpointError(f"{path} is no run of the lab: readings need its config.json")
    chosen = range(len(run.members)) if member is None else [member]
    known = {number: run.readings(number) for number in chosen}
    offered = next(iter(known.values()))
    unknown = [name for name in names if name not in offered]
    if unknown or not offered:
        what = f"{run.config.experiment}/{run.config.task.name} has no reading"
        hint = f"{unknown[0]!r}: choose one of {', '.join(offered)}" if offered else "of its own"
        raise CheckpointError(f"{what} {hint}")
    steps = list(saved_steps(path)) if every_step else [step]
    rows = []
    for checkpoint in (open_checkpoint(path, each) for each in steps):
        arrays = parameters(checkpoint)
        for number in chosen:
            own = {name: values[number] for name, values in arrays.items()}
            for name in names or offered:
                for label, value in known[number][name](own).items():
                    rows.append(Row(checkpoint.step or 0, number, label, name, value))
    return rows


def parameters(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Reads the parameters of all members, by their names without "params/"."""
    tensors = checkpoint.only(f"{PARAMS}*").tensors
    return {name.removeprefix(PARAMS): tensor.read() for name, tensor in tensors.items()}
