"""A study on disk: the runs in its folder, and what they lack of a sweep.

A study can get more members later: more seeds, or another value in the file of its sweep. Runs that
are there stay as they are, byte for byte, and the new members become further runs beside them:
`all` has the first members, `all,added=1` those that came with the next command.

A member computes what it would have computed in the first run: to the bit where the program treats
it alike, else up to the rounding of float32, since XLA compiles a device's only member otherwise
than one of several, and a batch that devices share otherwise than a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides
from jaxlab.disk import read_config, write_config
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.training import run

Identity = frozenset[tuple[str, Any]]  # the values in which a member differs from the study


def prepare_study(workdir: Path, sweep: Sweep) -> None:
    """Makes a study's folder ready for a sweep, new or with members that were there before.

    Its `config.json` and `members.json` hold the union of what was asked for so far.

    Raises:
        ConfigError: when the folder holds something else, naming the keys that differ.
    """
    check_study(workdir, sweep)
    config, members = sweep.config, sweep.members
    if (workdir / "config.json").exists():
        old, members = read_config(workdir, added=True)
        config = _with_all_seeds(old, config)
        known = dict(configs.leaves(sweep.config))
        found = {_identity(known, member) for member in members}
        members += [own for own in sweep.members if _identity(known, own) not in found]
    write_config(workdir, config, members)
    run.write_study_file(workdir, sweep.file)


def check_study(workdir: Path, sweep: Sweep) -> None:
    """Raises ConfigError when a folder, should it exist, holds another study than this sweep's."""
    runs = [name for name in run.OWN if (workdir / name).exists()]
    if runs:
        raise ConfigError(
            f"{workdir} holds {' and '.join(runs)}: it is the folder of a run, and no place for "
            "the runs of a sweep; choose another --workdir"
        )
    if (workdir / "config.json").exists():
        old, _ = read_config(workdir, added=True)
        differing = configs.differing_keys(old, sweep.config, ignore=configs.SEED_KEYS)
        run.refuse_differing(workdir, differing)


def stored_runs(workdir: Path) -> list[Group]:
    """Returns the runs in a study's folder, begun or finished, in the order of their names."""
    folders = [path.parent for path in workdir.glob("*/config.json")]
    return [Group(folder.name, *read_config(folder)) for folder in sorted(folders, key=_natural)]


def runs_of(sweep: Sweep, stored: list[Group]) -> list[tuple[Group, list[Group]]]:
    """Returns for each group the runs that train it: those on disk, then one of what they lack.

    A run on disk goes on with all members that it began with, whether or not the sweep still has
    them. A run that shares no member with a group is not among its runs.

    Args:
        sweep: the whole sweep.
        stored: from `stored_runs`.
    """
    known = dict(configs.leaves(sweep.config))
    names = [own.name for own in stored]
    place = {  # of every member on disk
        identity: number
        for number, own in enumerate(stored)
        for identity in _identities(known, own)
    }
    result = []
    for group in sweep.groups:
        wanted = list(zip(_identities(known, group), group.members, strict=True))
        runs = [stored[n] for n in sorted({place[i] for i, _ in wanted if i in place})]
        missing = [member for identity, member in wanted if identity not in place]
        if missing:
            runs.append(group._replace(name=_free_name(group.name, names), members=missing))
        result.append((group, runs))
    return result


def outline(sweep: Sweep, workdir: Path) -> list[Group]:
    """Returns all runs of a sweep as they are, or would be, in a study's folder; see `runs_of`.

    Raises:
        ConfigError: when the folder holds another study.
    """
    check_study(workdir, sweep)
    return [own for _, runs in runs_of(sweep, stored_runs(workdir)) for own in runs]


def _identities(known: Mapping[str, Any], group: Group) -> list[Identity]:
    base = dict(configs.leaves(group.config))
    return [_identity(known, {**base, **member}) for member in group.members]


def _identity(known: Mapping[str, Any], values: Overrides) -> Identity:
    return frozenset(
        (key, value)
        for key, value in values.items()
        if key not in configs.SEED_KEYS and known.get(key) != value
    )


def _free_name(name: str, taken: list[str]) -> str:
    """Returns the name of the group if no run on disk has it, else one for the added members."""
    others = [other.removeprefix(name) for other in taken if other.startswith(name)]
    if not any(rest == "" or rest.startswith((",part=", ",added=")) for rest in others):
        return name
    numbers = [int(rest.split("=")[1].split(",")[0]) for rest in others if rest[:7] == ",added="]
    return f"{name},added={max(numbers, default=0) + 1}"


def _with_all_seeds(old: Config, new: Config) -> Config:
    """Returns the new config with the seeds, as one range, and the conditions of both."""
    if "conditions" in new:
        both = dict.fromkeys((*old.conditions, *new.conditions))
        new = configs.override(new, {"conditions": tuple(both)})
    if "seeds" not in new:
        return new
    firsts = [config.get("first_seed", 0) for config in (old, new)]
    stop = max(first + config.seeds for first, config in zip(firsts, (old, new), strict=True))
    hull = {"first_seed": min(firsts), "seeds": stop - min(firsts)}
    return configs.override(new, {key: value for key, value in hull.items() if key in new})


def _natural(folder: Path) -> list[str | int]:
    """Orders added=2 before added=10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", folder.name)]
