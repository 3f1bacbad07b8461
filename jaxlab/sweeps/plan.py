"""From a config file to groups: expand its sweep into members, group those that share a program."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlab import config as configs
from jaxlab import study_file, validation
from jaxlab.config import Config, ConfigError, Overrides, check
from jaxlab.experiment import ExperimentModule

LONGEST_NAME = 200  # of a group; its parts add to it, and a file system takes 255


MOST_MEMBERS = 500_000  # of a sweep


class Group(NamedTuple):
    """Members whose programs are the same: they differ in traced values alone."""

    name: str  # of the run's folder: the static values that set it apart
    config: Config
    members: list[Overrides]


@dataclass(frozen=True, eq=False)
class Sweep:
    """A config file with its argument applied.

    Attributes:
        config: what the members override.
        members: overrides, one dict per member.
        file: the file of the study; None where there is none.
        groups: the members by their static values; see `group`.
    """

    config: Config
    members: list[Overrides]
    file: Path | None = None
    groups: list[Group] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", group(self))


def load(spec: str, overrides: Overrides, with_sweep: bool = True) -> Sweep:
    """Reads `FILE.py` or `FILE.py:SIZE`: calls its `get_config(size)` and `sweep(add, config)`.

    Args:
        spec: the value of a `--config` flag.
        overrides: dotted keys set on the command line; the sweep comes after them.
        with_sweep: False leaves the sweep aside: the only member is the config itself.

    Raises:
        ConfigError: for a file that is missing or has no `get_config`, a bad key, or a bad member.
    """
    path, size = spec, ""
    if not Path(spec).expanduser().exists():  # a path may hold colons too
        path, _, size = spec.rpartition(":") if ":" in spec else (spec, "", "")
    file = study_file.read(Path(path).expanduser())
    config = configs.override(file.config(size or None), overrides)
    members: list[Overrides] = []

    def add(**member: Any) -> None:
        check(len(members) < MOST_MEMBERS, f"the sweep of {spec} adds over {MOST_MEMBERS} members")
        members.append(_plain(member))

    if with_sweep and file.sweep is not None:
        with study_file.blamed(file.path, "sweep"):
            file.sweep(add, config)
        check(bool(members), f"the sweep of {spec} adds no member: is one of its lists empty?")
    members = members or [{}]
    with study_file.blamed(file.path, "its values"):
        _check_members(config, members, path, overrides)
    return Sweep(config, members, file.path)


def experiment_module(name: str) -> ExperimentModule:
    """Returns what `experiments/NAME/build.py` provides as `EXPERIMENT`.

    Raises:
        ConfigError: when there is no such experiment.
    """
    check(
        isinstance(name, str) and name.isidentifier(),
        f"experiment is {name!r}: give the name of a folder in experiments/",
    )
    path = f"experiments.{name}.build"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name not in (f"experiments.{name}", path):
            raise
        raise ConfigError(f"experiment is {name!r}: there is no experiments/{name}") from error
    found = vars(module).get("EXPERIMENT")
    if not isinstance(found, ExperimentModule):
        raise ConfigError(f"experiments/{name}/build.py has no EXPERIMENT, an ExperimentModule")
    return found


def group(sweep: Sweep) -> list[Group]:
    """Groups the members by their static values, in the order of the sweep.

    Raises:
        ConfigError: for values that differ only in what a folder's name cannot hold.
    """
    known = dict(configs.leaves(sweep.config))
    found: dict[frozenset[tuple[str, Any]], Group] = {}
    names: set[str] = set()
    for member in sweep.members:
        static = _static(known, member)
        values = frozenset(static.items())
        if values not in found:
            name = _folder_name(static)
            check(
                len(name) <= LONGEST_NAME,
                f"a folder would be named after {len(static)} values ({name[:60]}…), in "
                f"{len(name)} characters of at most {LONGEST_NAME}: set fewer or shorter ones in "
                "the sweep",
            )
            check(name not in names, f"{static} and another member would share the folder {name}")
            names.add(name)
            found[values] = Group(name, configs.override(sweep.config, static), [])
        traced = {key: value for key, value in member.items() if key not in static}
        found[values].members.append(traced)
    return list(found.values())


def parts(whole: Group, number: int) -> list[Group]:
    """Splits a group into parts whose sizes differ by one at most; equal parts compile alike."""
    if number <= 1:
        return [whole]
    count = len(whole.members)
    bounds = [count * part // number for part in range(number + 1)]
    return [
        whole._replace(
            name=f"{whole.name},part={part + 1}of{number}",
            members=whole.members[bounds[part] : bounds[part + 1]],
        )
        for part in range(number)
    ]


def _check_members(
    config: Config, members: list[Overrides], path: str, overrides: Overrides
) -> None:
    """Raises ConfigError for a member that cannot run, one that comes twice, or an unused value."""
    known = dict(configs.leaves(config))
    complete = _completer(config, members)
    swept = sorted({key for member in members for key in member})
    seen: set[tuple] = set()
    ignored = set(overrides)  # by every member so far
    for number, member in enumerate(members):
        clash = set(member) & set(overrides)
        check(
            not clash,
            f"{', '.join(sorted(clash))}: set by the command line and by the sweep of {path}, "
            "which gives members their own: leave the flag out, or change the file",
        )
        try:
            full = complete(member)
            validation.validate(full)
            experiment = experiment_module(full.experiment)
            experiment.validate(full)
            unused = validation.unused_keys(full) | experiment.unused_keys(full)
            _check_used(unused & {key for key in member if member[key] != known[key]})
        except ConfigError as error:
            raise ConfigError(f"{path}, member {number} {member or ''}: {error}") from error
        values = tuple(configs.get(full, key) for key in swept)
        check(values not in seen, f"the sweep of {path} adds {member} twice: members must differ")
        seen.add(values)
        ignored &= unused
    _check_used(ignored)


def _completer(config: Config, members: list[Overrides]) -> Callable[[Overrides], Config]:
    """Returns a function from a member to its complete config, which the next call changes.

    Members with the same static values share one config, since to copy one takes as long as to
    check it.
    """
    known = dict(configs.leaves(config))
    keys = {key for member in members for key in member if key in known}
    traced = [key for key in keys if configs.is_traced(key, known[key])]
    found: dict[frozenset[tuple[str, Any]], Config] = {}

    def complete(member: Overrides) -> Config:
        typed = {key: configs.converted(known, key, value) for key, value in member.items()}
        static = _static(known, typed)
        values = frozenset(static.items())
        if values not in found:
            found[values] = configs.override(config, static)
        for key in traced:
            configs.put(found[values], key, typed.get(key, known[key]))
        return found[values]

    return complete


def _plain(member: dict[str, Any]) -> Overrides:
    """Returns a member with NumPy's numbers as Python's."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in member.items()}


def _check_used(unused: set[str]) -> None:
    check(not unused, f"{', '.join(sorted(unused))} is set, but nothing here reads it")


def _static(known: dict[str, Any], member: Overrides) -> dict[str, Any]:
    return {key: v for key, v in member.items() if not configs.is_traced(key, known.get(key))}


def _folder_name(static: dict[str, Any]) -> str:
    name = ",".join(f"{key}={value}" for key, value in sorted(static.items())) or "all"
    return "".join(c if c.isalnum() or c in "=,._-" else "_" for c in name)
