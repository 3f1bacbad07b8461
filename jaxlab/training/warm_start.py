"""Weights to start from: those of the finished runs of an earlier study, or of a released model."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, check
from jaxlab.experiment import Params
from jaxlab.models.streams import Streams

# Orbax and xarray take seconds to import: only for those who start from earlier runs.
if TYPE_CHECKING:
    from jaxlab.analysis.study import RunRecord
    from jaxlab.checkpoints.released import Released


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


def check_model(folder: str, model: Streams, streams: bool) -> None:
    """Raises ConfigError unless the released model in a folder is one that a config describes.

    streams: whether its streams are wanted too.
    """
    found, run = _model(folder).streams, ("dtype", "attention", "scanned", "rematerialized")
    own = {name: getattr(model.decoder, name) for name in run}
    released = vars(dataclasses.replace(found.decoder, **own))
    wrong = [
        f"{name} is {value!r} in the config and {released[name]!r} there"
        for name, value in vars(model.decoder).items()
        if value != released[name]
    ]
    check(not wrong, f"start.model is {folder}, another architecture: {', '.join(wrong)}")
    same = dataclasses.replace(found, decoder=model.decoder, code_hidden=model.code_hidden)
    check(
        not streams or (found.count > 1 and dataclasses.replace(same, rank=model.rank) == model),
        f"start.model is {folder}, whose streams are {found.count} with prefixes of {found.prefix} "
        "and learned weights, unlike those of the config: set start.streams=False to draw others",
    )


def load_model(folder: str, streams: bool) -> Params:
    """Returns the decoder of a released model in float32, and with `streams` all of it.

    Raises:
        ConfigError: tensors are missing, damaged or of another shape.
    """
    from jaxlab.checkpoints import CheckpointError

    try:
        params = _model(folder).params("float32")
    except CheckpointError as error:
        raise ConfigError(f"start.model: {error}") from error
    return params if streams else {"decoder": params["decoder"]}


def describe_model(folder: str) -> dict[str, Any]:
    """Returns the config.json of a released model and the sha256 of its weights, for the record."""
    digest = hashlib.sha256()
    for key, leaf in _paths(load_model(folder, streams=True)):
        digest.update(f"{jax.tree_util.keystr(key)} {leaf.shape}".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return {"config": dict(_model(folder).config), "weights_hash": digest.hexdigest()}


def _model(folder: str) -> Released:
    from jaxlab.checkpoints import CheckpointError, released

    try:
        return released.open_model(folder)
    except CheckpointError as error:
        raise ConfigError(f"start.model: {error}") from error


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
