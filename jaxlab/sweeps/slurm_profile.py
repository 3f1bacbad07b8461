"""What a sweep asks of a Slurm cluster: from flags, else from a profile file, else by default.

partition = "gpu"
time = "24:00:00"
gpus = 1
sbatch = ["--constraint=a100"]
setup = ["module load cuda"]
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxlab.config import ConfigError, check


def _asked(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Profile:
    """What is asked for; a value that is empty or 0 is left to the cluster.

    The names of the fields are those of the flags and of the keys of a profile file.
    """

    partition: str = _asked("", "the partition, as in sinfo")
    account: str = _asked("", "the account that is charged")
    time: str = _asked("8:00:00", "the time limit of a task: minutes, H:MM:SS or D-HH:MM:SS")
    gpus: int = _asked(0, "GPUs for each task; 0 trains on the CPU")
    cpus: int = _asked(0, "CPUs for each task (default: 8 with GPUs, else 2)")
    memory: str = _asked("", "the memory of each task: 32G")
    parallel: int = _asked(0, "how many tasks run at once, at most; 0 is no limit")
    array_size: int = _asked(1000, "tasks in one array, at most; more groups share a task")
    groups_per_task: int = _asked(1, "groups that one task trains, one after another")
    members_per_task: int = _asked(0, "splits larger groups over tasks; 0 splits none")
    sbatch: tuple[str, ...] = _asked((), "a further option of sbatch: --sbatch=--constraint=a100")
    setup: tuple[str, ...] = _asked((), "a line of shell before training: --setup='module load x'")

    @property
    def minutes(self) -> int:
        """The time limit.

        Raises:
            ConfigError: it is none.
        """
        found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d\d))?(?::(\d\d))?", self.time)
        check(found is not None, f"time is {self.time!r}: write minutes, H:MM:SS or D-HH:MM:SS")
        assert found
        days, *rest = (int(part or 0) for part in found.groups())
        if found[1] is None and found[3] is None:  # minutes alone
            rest = [0, rest[0], 0]
        elif found[1] is None and found[4] is None:  # MM:SS
            rest = [0, *rest[:2]]
        hours, minutes, seconds = rest
        total = 1440 * days + 60 * hours + minutes + (seconds > 0)
        check(total > 0, f"time is {self.time!r}: give a minute at least")
        return total

    @property
    def sbatch_options(self) -> dict[str, Any]:
        """The further options by name.

        Raises:
            ConfigError: one of them is none.
        """
        options: dict[str, Any] = {}
        for line in self.sbatch:
            found = re.fullmatch(r"--([a-z][a-z0-9-]*)(?:[= ](.+))?", line)
            check(found is not None, f"sbatch has {line!r}: write --option or --option=value")
            assert found
            options[found[1]] = found[2] or True
        return options


FIELDS = dataclasses.fields(Profile)
DEFAULT_FILE = "jaxlab/slurm.toml"  # in ~/.config


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds `--profile` and a flag for each field; one that is not given is None."""
    group = parser.add_argument_group(
        "Slurm", f"With --launcher=slurm; what is not given is read from ~/.config/{DEFAULT_FILE}."
    )
    group.add_argument(
        "--profile", type=Path, metavar="FILE", help="another file of these options, in TOML"
    )
    for own in FIELDS:
        text = own.metadata["help"]
        if isinstance(own.default, tuple):
            group.add_argument(f"--{own.name}", action="append", metavar="LINE", help=text)
        else:
            default = f" (default: {own.default})" if own.default and "default" not in text else ""
            kind = type(own.default)
            group.add_argument(f"--{own.name}", type=kind, metavar="X", help=text + default)


def read(args: argparse.Namespace) -> Profile:
    """Returns what the flags and the profile file ask for; lines of both add up.

    Raises:
        ConfigError: for a file that is missing or cannot be read, or a value of it.
    """
    values = _of_file(args.profile)
    for own in FIELDS:
        given = getattr(args, own.name)
        if given is not None:
            both = isinstance(own.default, tuple)
            values[own.name] = (*values.get(own.name, ()), *given) if both else given
    profile = Profile(**values)
    for own in FIELDS:
        value = getattr(profile, own.name)
        if isinstance(value, int):
            least = 1 if own.name in ("array_size", "groups_per_task") else 0
            check(value >= least, f"{own.name} is {value}: it must be at least {least}")
    _ = profile.minutes, profile.sbatch_options
    return profile


def _of_file(path: Path | None) -> dict[str, Any]:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    file = path or Path(home) / DEFAULT_FILE
    if path is None and not file.exists():
        return {}
    try:
        values = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the profile {file} cannot be read: {error}") from error
    defaults = {own.name: own.default for own in FIELDS}
    for key, value in values.items():
        check(key in defaults, f"{file} has {key}: a profile has {', '.join(defaults)}")
        lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
        kind = type(defaults[key])
        fits = lines if kind is tuple else type(value) is kind
        names = {tuple: "a list of strings", str: "a string", int: "a whole number"}
        check(fits, f"{file} sets {key} to {value!r}: it must be {names[kind]}")
        values[key] = tuple(value) if lines else value
    return values
