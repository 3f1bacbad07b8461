"""Studies on disk as labelled arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError


class RunRecord(NamedTuple):
    """A run's folder and the JSON in it; see `jaxlab.training.run`."""

    folder: Path
    config: Config
    members: list[dict[str, Any]]
    environment: dict[str, Any]
    done: dict[str, Any] | None  # None: not finished


@dataclass(frozen=True, eq=False)
class Study:
    """The runs of one config file's sweep, and their metrics; equal to itself alone."""

    name: str
    config: Config  # of its first run
    runs: list[RunRecord]
    data: xr.Dataset  # dimensions (member, step); see `load`


def find_studies(path: Path) -> dict[str, Study]:
    """Returns the studies in a folder and below it by their name, `study` in the config.

    Raises:
        ConfigError: when there is no run, or a run that is not whole.
    """
    runs: dict[str, list[RunRecord]] = {}
    for run in find_runs(path):
        runs.setdefault(run.config.study, []).append(run)
    for name, own in runs.items():
        folders = sorted({str(_study_folder(run.folder)) for run in own})
        if len(folders) > 1:
            raise ConfigError(
                f"the study {name!r} lies in {' and in '.join(folders)}: report one at a time"
            )
    return {name: Study(name, own[0].config, own, load(own)) for name, own in runs.items()}


def find_runs(path: Path) -> list[RunRecord]:
    """Returns the runs in a folder and below it, sorted by path.

    Raises:
        ConfigError: when there is none.
    """
    folders = sorted(metrics.parent for metrics in path.rglob("metrics.jsonl"))
    if not folders:
        raise ConfigError(f"there is no run in {path}: train one first (scripts/sweep.py --help)")
    return [_record(folder) for folder in folders]


def load(runs: list[RunRecord]) -> xr.Dataset:
    """Returns the metrics of runs as one dataset with the dimensions (member, step).

    Every traced value and every swept static value is a coordinate of `member` under its dotted
    key; `run` is the folder. Members that did not record at a step, and records of diverged
    members, are NaN.

    Args:
        runs: of one study.
    """
    swept = {key for run in runs for member in run.members for key in member}
    swept |= _differing_static_keys(runs)
    return xr.concat(
        [_dataset(run, sorted(swept)) for run in runs],
        dim="member",
        join="outer",
        data_vars="all",
        coords="different",
        compat="equals",
    )


def read_metrics(path: Path) -> dict[str, np.ndarray]:
    """Returns the records of a run: `step` and `examples` are [R], the others [M, R].

    Raises:
        ConfigError: for a file that holds no whole record, or a damaged one.
    """
    lines = path.read_text().splitlines(keepends=True)
    try:
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        names = dict.fromkeys(name for row in rows for name in row)
        # Null, the JSON of NaN, becomes NaN again.
        columns = {name: np.array([row[name] for row in rows], dtype=float).T for name in names}
    except (ValueError, TypeError, LookupError) as error:
        raise ConfigError(f"{path} is damaged ({error!r}): train it again") from error
    if not rows:
        raise ConfigError(f"{path} holds no record: the run stopped before its first; run it again")
    return columns | {name: columns[name].astype(int) for name in ("step", "examples")}


def _study_folder(run: Path) -> Path:
    # A sweep's folder has a config of its own; the run of a single model is its own study.
    return run.parent if (run.parent / "config.json").exists() else run


def _record(folder: Path) -> RunRecord:
    def read(name: str) -> Any:
        return json.loads((folder / name).read_text())

    try:
        config, members = configs.load(folder / "config.json"), read("members.json")
        done = read("DONE") if (folder / "DONE").exists() else None
        return RunRecord(folder, config, members, read("environment.json"), done)
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(f"{folder} is not a whole run ({error}): train it again") from error


def _dataset(run: RunRecord, keys: list[str]) -> xr.Dataset:
    columns = read_metrics(run.folder / "metrics.jsonl")
    step, examples = columns.pop("step"), columns.pop("examples")
    base = dict(configs.leaves(run.config))
    wanted = [key for key in base if configs.is_traced(key, base[key]) or key in keys]
    member_coords = {
        key: ("member", np.array([member.get(key, base[key]) for member in run.members]))
        for key in wanted
    }
    return xr.Dataset(
        {name: (("member", "step"), values) for name, values in columns.items()},
        coords={
            "step": step,
            "examples": ("step", examples),
            "run": ("member", [str(run.folder)] * len(run.members)),
            **member_coords,
        },
    )


def _differing_static_keys(runs: list[RunRecord]) -> set[str]:
    first = dict(configs.leaves(runs[0].config))
    return {
        key
        for run in runs[1:]
        for key, value in configs.leaves(run.config)
        if key in first and first[key] != value and not isinstance(value, tuple)
    }
