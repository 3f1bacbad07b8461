"""A run on disk: one group's folder, what it holds, and whether it may go on.

config.json       the complete config of the group; members override it
members.json      a list of overrides, one per member
environment.json  versions and devices, of the latest start
metrics.jsonl     a record per line, a number per member
checkpoints/      orbax, one folder per step
DONE              what the finished run cost, and which members diverged

The folder of a study holds the folders of its runs, the config and the members of all of them, and
study.json, which names the file of the study. The run of a single model has a study.json too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides, check
from jaxlab.disk import read_config, read_json, write_config, write_json

OWN = ("metrics.jsonl", "checkpoints", "DONE")  # what a run writes over
REPOSITORY = Path(__file__).resolve().parents[2]
VERSIONS = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def config_hash(config: Config, members: list[Overrides]) -> str:
    """Returns the fingerprint of all that decides a run's numbers."""
    return configs.fingerprint([config, members])


def is_done(folder: Path) -> bool:
    """Whether the run in the folder has finished."""
    return (folder / "DONE").exists()


def read_done(folder: Path) -> dict[str, Any]:
    """Returns what a finished run cost, how many records it has, and which members diverged.

    Raises:
        ConfigError: the file is damaged.
    """
    remedy = "delete it, and the command that trained the run goes on from its last checkpoint"
    done = read_json(folder / "DONE", remedy)
    check(isinstance(done, dict), f"{folder / 'DONE'} is damaged: {remedy}")
    return done


def divergence(folder: Path) -> str:
    """Returns a sentence on the members of a finished run that diverged, or "" if none did."""
    done = read_done(folder)
    if not done["diverged"]:
        return ""
    first = min(done["diverged"].values())
    return (
        f"{len(done['diverged'])} of {done['members']} members diverged, the first at step {first}"
    )


def prepare_run(
    folder: Path, config: Config, members: list[Overrides]
) -> tuple[Config, list[Overrides]]:
    """Makes the folder ready for this run, new or to be gone on with.

    Returns:
        What the run goes on with: the config and the members that it began with. They may differ
        from those given in the number of seeds that its sweep asks for.

    Raises:
        ConfigError: when it holds a run with another config, naming the keys that differ.
    """
    if (folder / "config.json").exists():
        begun = read_config(folder)
        differing = configs.differing_keys(begun[0], config, ignore=configs.SEED_KEYS)
        if begun[1] != members:
            differing.append(f"members: {_summary(begun[1])} -> {_summary(members)}")
        refuse_differing(folder, differing)
        return begun
    left_over = [name for name in OWN if (folder / name).exists()]
    if left_over:
        raise ConfigError(
            f"{folder} holds {' and '.join(left_over)}, but no config.json to say of which run: "
            "choose another --workdir"
        )
    write_config(folder, config, members)
    return config, members


def refuse_differing(folder: Path, differing: list[str]) -> None:
    """Raises ConfigError if there are differences between a config and that of a folder."""
    if differing:
        raise ConfigError(
            f"{folder} holds a run with another config; these differ:\n  "
            + "\n  ".join(differing)
            + "\nchoose another --workdir, or delete the old one"
        )


def write_study_file(folder: Path, file: Path | None) -> None:
    """Notes in `study.json` which file of a study a folder belongs to, if there is one.

    The path is relative to the repository where the file lies in it, else absolute.
    """
    if file is None:
        return
    path = file.resolve()
    if path.is_relative_to(REPOSITORY):
        path = path.relative_to(REPOSITORY)
    write_json(folder / "study.json", {"file": path.as_posix()})


def check_data(folder: Path, info: dict[str, Any]) -> None:
    """Raises ConfigError if the run in the folder read other data: a `..._hash` of it differs.

    info: what is to be recorded of the data now, as in `environment`.
    """
    path = folder / "environment.json"
    if not path.exists():
        return
    begun = read_json(path, "delete it; the next start writes it anew, without a check of the data")
    old = dict(configs.leaves(begun["data"]))
    new = dict(configs.leaves(info))
    differing = [
        f"{key}: {old[key]} -> {new[key]}"
        for key in sorted(old.keys() & new.keys())
        if key.endswith("_hash") and old[key] != new[key]
    ]
    if differing:
        raise ConfigError(
            f"{folder} holds a run that read other data; these differ:\n  "
            + "\n  ".join(differing)
            + "\nchoose another --workdir, delete the old one, or bring the data back"
        )


class BusyError(ConfigError):
    """Another process is at work in a folder."""


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds a run's folder for this process; the system lets go of it when the process ends.

    Raises:
        BusyError: when another process trains there.
    """
    with (folder / "lock").open("a") as file:
        tries = 5
        while not _lock(file):
            tries -= 1
            if not tries:
                raise BusyError(
                    f"another process trains in {folder}: wait for it, or choose another --workdir"
                )
            time.sleep(0.1)  # it may be `is_running` that looks
        yield


@contextlib.contextmanager
def sweeping(workdir: Path) -> Iterator[None]:
    """Makes the folder of a study and keeps other sweeps out of it while the context lasts.

    Raises:
        BusyError: when another sweep is at work there.
        ConfigError: when it cannot be used.
    """
    with translate_io_errors(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        file = (workdir / "lock").open("a")
    with file:
        if not _lock(file):
            raise BusyError(
                f"another sweep is at work in {workdir}: wait for it, or choose another --workdir"
            )
        yield


def is_running(folder: Path) -> bool:
    """Whether a process trains in a run's folder now."""
    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open("a") as file:
        return not _lock(file)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        raise ConfigError(
            f"{file.name} cannot be locked ({error.strerror}): its file system has no locks, "
            "choose a --workdir on another one"
        ) from error
    return True


@contextlib.contextmanager
def translate_io_errors(folder: Path) -> Iterator[None]:
    """Turns what a disk, a path or too little memory can do to a run into one clear ConfigError."""
    try:
        yield
    except Exception as error:
        text = str(error)
        # orbax ends its own words with those of the system; its status is also that of memory.
        full = "No space left on device" in text or "Disk quota exceeded" in text
        if full or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
            raise ConfigError(
                f"the disk of {folder} is full; all up to the last checkpoint is safe: free some "
                "space, then give the same command to go on"
            ) from error
        unusable = isinstance(error, FileExistsError | NotADirectoryError | PermissionError)
        other = (errno.EROFS, errno.ENAMETOOLONG)
        if unusable or (isinstance(error, OSError) and error.errno in other):
            raise ConfigError(
                f"{folder} cannot be used as a folder ({text}): choose another --workdir"
            ) from error
        if "RESOURCE_EXHAUSTED" in text and re.search("memory|allocat", text, re.IGNORECASE):
            raise ConfigError(
                f"the memory of a device is too small for {folder} ({text.splitlines()[0]}): set "
                "--config.devices.members_at_once=1, or a larger --config.train.accumulate, and "
                "choose another --workdir"
            ) from error
        raise


def environment(config: Config, members: list[Overrides], info: dict) -> dict[str, Any]:
    """Returns what to quote beside the numbers: versions, device, config hash, data."""
    import jax

    return {
        "config_hash": config_hash(config, members),
        "commit": _commit(),
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "platform": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        "data": info,
    } | versions()


def versions() -> dict[str, str]:
    """Returns the versions of the libraries that decide a number or a speed."""
    return {name: metadata.version(name) for name in VERSIONS}


def _commit() -> str:
    """Returns the commit of the code that runs, with + for uncommitted changes; "" if unknown."""
    git = ("git", "-C", str(Path(__file__).parent))
    try:
        head = subprocess.run(
            [*git, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            capture_output=True,
            text=True,
        )
    except OSError:  # no git on this machine
        return ""
    return head.stdout.strip()


def _summary(members: list[Overrides]) -> str:
    keys = sorted({key for member in members for key in member})
    return f"{len(members)} over ({', '.join(keys)})"
