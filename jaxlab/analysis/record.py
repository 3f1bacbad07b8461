"""The record of a study: all that its runs logged, in one compact file that needs no training.

`results/X/record/STUDY.npz` is a NumPy archive. `study.json` in it names the file of the study.
For every run it has `RUN/run.json` (config, members, environment, what it cost) and an array per
metric: `RUN/step` and `RUN/examples` are [R], the others [M, R], for R evaluations of M members.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides
from jaxlab.disk import write_atomically

FOLDER = "record"  # in the folder of a report
DOUBLE = ("tau",)  # computed on the host in double precision; devices compute the others in single


class RunRecord(NamedTuple):
    """What one run logged.

    Attributes:
      folder: where the run lies, or lay when it was recorded.
      config: the complete config of the group; members override it.
      members: a list of overrides, one per member.
      environment: versions, devices, hashes of config and data.
      done: what the run cost and which members diverged; None where it is not finished.
      metrics: `step` and `examples` are [R], the others [M, R]; NaN where nothing was logged.
    """

    folder: Path
    config: Config
    members: list[Overrides]
    environment: dict[str, Any]
    done: dict[str, Any] | None
    metrics: dict[str, np.ndarray]


def write_record(path: Path, study_file: str, runs: Iterable[RunRecord]) -> None:
    """Writes the runs of a study; the same runs give the same bytes.

    Args:
      path: the archive, replaced as a whole.
      study_file: the file of the study, relative to the repository.
      runs: their names, the last part of `folder`, are unique.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "study.json", _json({"file": study_file}))
        for run in runs:
            facts = {
                "config": run.config.to_dict(),
                "members": run.members,
                "environment": run.environment,
                "done": run.done,
            }
            _add(archive, f"{run.folder.name}/run.json", _json(facts))
            for name, values in run.metrics.items():
                _add(archive, f"{run.folder.name}/{name}.npy", _array(name, values))
    write_atomically(path, content.getvalue())


def read_record(path: Path) -> tuple[str, list[RunRecord]]:
    """Returns the file of the study, and its runs as they were written.

    Raises:
      ConfigError: for an archive that is damaged, or is no record.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            study_file = json.loads(archive.read("study.json"))["file"]
            names = [name for name in archive.namelist() if name.endswith("/run.json")]
            return study_file, [
                _run(path, archive, name.removesuffix("run.json")) for name in names
            ]
    except (OSError, zipfile.BadZipFile, zlib.error, LookupError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a whole record ({error}): restore it, or write it anew from its runs"
        ) from error


def single_precision(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rounds metrics to what the devices computed, so that runs and records have equal numbers."""
    return {
        name: values if name in DOUBLE or values.dtype.kind == "i" else values.astype(np.float32)
        for name, values in columns.items()
    }


def _run(path: Path, archive: zipfile.ZipFile, prefix: str) -> RunRecord:
    facts = json.loads(archive.read(f"{prefix}run.json"))
    metrics = {}
    for name in archive.namelist():
        if name.startswith(prefix) and name.endswith(".npy"):
            metrics[name.removeprefix(prefix).removesuffix(".npy")] = np.load(
                io.BytesIO(archive.read(name)), allow_pickle=False
            )
    return RunRecord(
        folder=path.with_suffix("") / prefix.rstrip("/"),
        config=configs.from_plain(facts["config"]),
        members=facts["members"],
        environment=facts["environment"],
        done=facts["done"],
        metrics=metrics,
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed date, so that the same runs give the same bytes.
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _array(name: str, values: np.ndarray) -> bytes:
    # Members in a row and bytes of equal significance side by side would compress a little better,
    # at the price of a format that np.load cannot read.
    content = io.BytesIO()
    np.save(content, single_precision({name: values})[name])
    return content.getvalue()
