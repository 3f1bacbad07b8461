"""Weights to start from: those that the finished runs of an earlier study ended with."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, check
from jaxlab.experiment import Params

# Orbax and xarray take seconds to import: only for those who start from earlier runs.
if TYPE_CHECKING:
    from jaxlab.analysis.study import RunRecord


def check_seed(study: str, seed: int) -> None:
    """Raises ConfigError unless a finished run in the folder `study` trained this seed once."""
    found = [own for own in _members(study, Path.cwd()) if own.seed == seed]
    check(
        len(found) == 1,
        f"start.study is {study}, which has {len(found)} members of seed {seed}: "
        "there must be one for every seed that starts from it",
    )


def check_steps(study: str, steps: int) -> None:
    """Raises ConfigError unless the runs in the folder `study` took so many steps."""
    found = sorted({own.train.steps for own in _members(study, Path.cwd())})
    check(
        found == [steps],
        f"task.first_step is {steps}, but the runs in start.study, {study}, took "
        f"{' or '.join(map(str, found))}: set it to these, to go on with the data where they "
        "stopped, or to 0, to see their data again",
    )


def load(study: str, part: str) -> tuple[np.ndarray, Params]:
    """Returns the seeds_S of a study, and a part of their last parameters, the seeds leading.

    Raises:
        ConfigError: for a folder without finished runs, or a damaged checkpoint.
    """
    from jaxlab.checkpoints import CheckpointError, open_checkpoint

    seeds, found = [], []
    for run in _runs(study):
        try:
            params = open_checkpoint(run.folder).tree("params")
        except CheckpointError as error:
            raise ConfigError(f"start.study: {run.folder} cannot be read: {error}") from error
        seeds += [configs.override(run.config, member).seed for member in run.members]
        found.append(jax.tree.map(np.asarray, params[part]))
    return np.array(seeds), jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)


def content_hashes(study: str, part: str) -> dict[str, str]:
    """Returns the sha256 of the parameters of each seed, as `load` has them, to be recorded.

    A run that goes on is refused when those of a seed have changed; see `run.check_data`. Seeds
    that the study gets later change nothing.
    """
    seeds_S, found_S = load(study, part)
    found = {}
    for number, seed in enumerate(seeds_S.tolist()):
        digest = hashlib.sha256()
        for key, leaf_S in _paths(found_S):
            leaf = leaf_S[number]
            digest.update(f"{jax.tree_util.keystr(key)} {leaf.dtype} {leaf.shape}".encode())
            digest.update(leaf.tobytes())
        found[f"seed_{seed}_hash"] = digest.hexdigest()
    return found


def check_shapes(study: str, found_S: Params, expected: Params) -> None:
    """Raises ConfigError unless the members in `found_S` have the shapes of `expected`."""
    found = {jax.tree_util.keystr(k): v.shape[1:] for k, v in _paths(found_S)}
    wanted = {jax.tree_util.keystr(k): v.shape for k, v in _paths(expected)}
    wrong = [key for key in wanted if found.get(key) != wanted[key]]
    check(
        not wrong,
        f"start.study is {study}, whose model is another one: "
        + ", ".join(f"{key} is {found.get(key)} and not {wanted[key]}" for key in wrong[:3]),
    )


@functools.cache
def _members(study: str, here: Path) -> list[Config]:
    """Returns the configs of all members, read once for all that start from the study `here`."""
    return [configs.override(run.config, own) for run in _runs(study) for own in run.members]


def _runs(study: str) -> list[RunRecord]:
    from jaxlab.analysis.study import find_runs

    try:
        runs = find_runs(Path(study), with_metrics=False)
    except ConfigError as error:
        raise ConfigError(
            f"start.study is {study!r}, which runs read when they begin and when they go on, and "
            f"{error}"
        ) from error
    for run in runs:
        check(run.done is not None, f"start.study: {run.folder} is not finished: go on with it")
    return runs


def _paths(tree: Any) -> list:
    return jax.tree_util.tree_flatten_with_path(tree)[0]
