"""Studies as labelled arrays, from the folders of their runs or from their record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxlab import config as configs
from jaxlab.analysis.record import FOLDER, RunRecord, read_record, single_precision
from jaxlab.config import Config, ConfigError
from jaxlab.disk import read_config, read_json, sealed_lines

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Study:
    """The runs of one sweep and what they logged; equal to itself alone, so it can key a cache.

    Attributes:
      name: of the file of the study.
      config: of its first run.
      runs: one per group of members, and more where seeds were added later.
      data: dimensions (member, step); see `load`.
      file: the file of the study, relative to the repository; "" where the runs do not name it.
      not_begun: names of runs of the sweep that have logged nothing yet.
    """

    name: str
    config: Config
    runs: list[RunRecord]
    data: xr.Dataset
    file: str = ""
    not_begun: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        """How many seeds its members have, those that were added later included."""
        return np.unique(self.data["seed"].values).size

    @property
    def unfinished(self) -> list[str]:
        """The names of the runs that are not finished, those that have not begun among them."""
        begun = [run.folder.name for run in self.runs if run.done is None]
        return [*begun, *self.not_begun]


def find_studies(path: Path) -> dict[str, Study]:
    """Returns the studies in a folder and below it by their names.

    They are read from runs or, where there is none, from the record of a report.

    Raises:
        ConfigError: when there is neither, or one that is not whole.
    """
    if runs := _run_folders(path):
        return _studies((_study_folder(folder), read_run(folder)) for folder in runs)
    records = sorted(path.glob(f"**/{FOLDER}/*.npz"))
    if not records:
        raise ConfigError(f"there is no run in {path}: train one first (scripts/sweep.py --help)")
    found = {}
    for record in records:
        file, runs = read_record(record)
        if record.stem in found:
            raise ConfigError(f"{path} holds several records of {record.stem}: report one folder")
        found[record.stem] = Study(record.stem, runs[0].config, runs, load(runs), file)
    return found


def find_runs(path: Path, with_metrics: bool = True) -> list[RunRecord]:
    """Returns the runs in a folder and below it, sorted by path.

    with_metrics: False leaves what they logged unread.

    Raises:
        ConfigError: when there is none.
    """
    if folders := _run_folders(path):
        return [read_run(folder, with_metrics) for folder in folders]
    raise ConfigError(f"there is no run in {path}: train one first (scripts/sweep.py --help)")


def load(runs: list[RunRecord]) -> xr.Dataset:
    """Returns the metrics of runs as one dataset with the dimensions (member, step).

    Every traced value and every swept static value is a coordinate of `member` under its dotted
    key; `run` is the folder. Members that did not record at a step, and records of diverged
    members, are NaN.

    Args:
        runs: of one study.
    """
    import xarray as xr

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
    rows = list(sealed_lines(path))
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        # Null, the JSON of NaN, becomes NaN again.
        columns = {name: np.array([row[name] for row in rows], dtype=float).T for name in names}
    except (ValueError, TypeError, LookupError) as error:
        raise ConfigError(f"{path} is damaged ({error!r}): train it again") from error
    if not rows:
        raise ConfigError(f"{path} holds no record: the run stopped before its first; run it again")
    columns |= {name: columns[name].astype(int) for name in ("step", "examples")}
    return single_precision(columns)


def read_run(folder: Path, with_metrics: bool = True) -> RunRecord:
    """Returns what a run on disk logged; see `jaxlab.training.run` and `find_runs`.

    Raises:
        ConfigError: for a folder that lacks a part of a run.
    """

    config, members = read_config(folder)
    again = f"{folder} is not a whole run; restore the file, or delete it and train on"
    done, metrics = None, {}
    if (folder / "DONE").exists():
        done = read_json(folder / "DONE", "delete it, and train on: the last checkpoint is there")
    if with_metrics:
        metrics = read_metrics(folder / "metrics.jsonl")
        records = metrics["step"].size
        if done and done.get("records", records) != records:
            raise ConfigError(
                f"{folder / 'metrics.jsonl'} has {records} of the {done['records']} records of the "
                "finished run: restore it, or delete the run and train it again"
            )
    return RunRecord(
        folder=folder,
        config=config,
        members=members,
        environment=read_json(folder / "environment.json", again),
        done=done,
        metrics=metrics,
    )


def _run_folders(path: Path) -> list[Path]:
    return sorted(metrics.parent for metrics in path.rglob("metrics.jsonl"))


def _study_folder(run: Path) -> Path:
    # A sweep's folder has a config of its own; the run of a single model is its own study.
    return run.parent if (run.parent / "config.json").exists() else run


def _studies(runs: Iterable[tuple[Path, RunRecord]]) -> dict[str, Study]:
    by_folder: dict[Path, list[RunRecord]] = {}
    for folder, run in runs:
        by_folder.setdefault(folder, []).append(run)
    found: dict[str, Study] = {}
    folders: dict[str, Path] = {}
    for folder, own in by_folder.items():
        name = own[0].config.study
        if name in found:
            raise ConfigError(
                f"the study {name!r} lies in {folders[name]} and in {folder}: report one at a time"
            )
        begun = {run.folder.name for run in own}
        planned = (path.parent.name for path in sorted(folder.glob("*/members.json")))
        waiting = tuple(run for run in planned if run not in begun)
        found[name] = Study(name, own[0].config, own, load(own), _study_file(folder), waiting)
        folders[name] = folder
    return found


def _study_file(folder: Path) -> str:
    path = folder / "study.json"
    return read_json(path, "delete it, and train again")["file"] if path.exists() else ""


def _dataset(run: RunRecord, keys: list[str]) -> xr.Dataset:
    import xarray as xr

    columns = {name: values.astype(float) for name, values in run.metrics.items()}
    step, examples = (columns.pop(name).astype(int) for name in ("step", "examples"))
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
        if key not in configs.SEED_KEYS  # a study that was extended: its runs differ in these
    }
