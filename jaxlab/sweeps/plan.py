"""From a config file to groups: expand its sweep into members, group those that share a program."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides, check


class Group(NamedTuple):
    """Members whose programs are the same: they differ in traced values alone."""

    name: str  # of the run's folder: the static values that set it apart
    config: Config
    members: list[Overrides]


class Sweep(NamedTuple):
    """A config file with its argument applied."""

    config: Config
    members: list[Overrides]


def load(spec: str, overrides: Overrides, with_sweep: bool = True) -> Sweep:
    """Reads `FILE.py` or `FILE.py:ARG`: calls its `get_config(arg)` and `sweep(add)`.

    Args:
        spec: the value of a `--config` flag.
        overrides: dotted keys set on the command line; the sweep comes after them.
        with_sweep: False leaves the sweep aside: the only member is the config itself.

    Raises:
        ConfigError: for a file that is missing or has no `get_config`, a bad key, or a bad member.
    """
    path, _, arg = spec.partition(":")
    module = _import(Path(path))
    check(hasattr(module, "get_config"), f"{path} has no get_config(arg): it is no config file")
    config = configs.override(module.get_config(arg or None), overrides)
    members: list[Overrides] = []
    if with_sweep and hasattr(module, "sweep"):
        module.sweep(lambda **member: members.append(member), config)
        check(bool(members), f"the sweep of {spec} adds no member: is one of its lists empty?")
        twice = [member for number, member in enumerate(members) if member in members[:number]]
        check(not twice, f"the sweep of {spec} adds {twice[:1]} twice: every member must differ")
    members = members or [{}]
    known = dict(configs.leaves(config))
    ignored = set(overrides)  # by every member so far
    for number, member in enumerate(members):
        clash = set(member) & set(overrides)
        check(
            not clash,
            f"{', '.join(sorted(clash))}: set by the command line and by the sweep of {path}, "
            "which gives members their own: leave the flag out, or change the file",
        )
        try:
            full = configs.override(config, member)
            configs.validate(full)
            experiment = experiment_module(full.experiment)
            experiment.validate(full)
            unread = configs.unread(full)
            if hasattr(experiment, "unread"):
                unread |= experiment.unread(full)
            _check_read(unread & {key for key in member if member[key] != known[key]})
        except ConfigError as error:
            raise ConfigError(f"{path}, member {number} {member or ''}: {error}") from error
        ignored &= unread
    _check_read(ignored)
    return Sweep(config, members)


def experiment_module(name: str) -> ModuleType:
    """Returns `experiments.<name>.build`, which has `validate(config)` and `build(config)`.

    It may have `unread(config)`, the experiment's own keys that a config does not read.
    """
    try:
        return importlib.import_module(f"experiments.{name}.build")
    except ModuleNotFoundError as error:
        if error.name not in (f"experiments.{name}", f"experiments.{name}.build"):
            raise
        raise ConfigError(f"experiment is {name!r}: there is no experiments/{name}") from error


def group(sweep: Sweep) -> list[Group]:
    """Groups the members by their static values, in the order of the sweep.

    Raises:
        ConfigError: for values that differ only in what a folder's name cannot hold.
    """
    static_keys = _static_keys(sweep)
    found: dict[str, Group] = {}
    for member in sweep.members:
        static = {key: value for key, value in member.items() if key in static_keys}
        traced = {key: value for key, value in member.items() if key not in static_keys}
        name = ",".join(f"{key}={value}" for key, value in sorted(static.items())) or "all"
        name = "".join(c if c.isalnum() or c in "=,._-" else "_" for c in name)
        config = configs.override(sweep.config, static)
        own = found.setdefault(name, Group(name, config, []))
        check(own.config == config, f"{static} and another member would share the folder {name}")
        own.members.append(traced)
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


def _check_read(unread: set[str]) -> None:
    check(not unread, f"{', '.join(sorted(unread))} is set, but nothing here reads it")


def _static_keys(sweep: Sweep) -> set[str]:
    known: dict[str, Any] = dict(configs.leaves(sweep.config))
    keys = {key for member in sweep.members for key in member}
    return {key for key in keys if not configs.is_traced(key, known[key])}


def _import(path: Path) -> ModuleType:
    check(path.exists(), f"there is no config file {path}, seen from {Path.cwd()}")
    check(
        path.suffix == ".py" and path.is_file(),
        f"{path} is no config file: give a .py file, such as configs/one_third/headline.py",
    )
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    assert spec is not None  # the suffix decides
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
