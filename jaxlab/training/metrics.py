"""`metrics.jsonl`: when records fall, and one JSON object per record with a number per member."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from jaxlab.disk import LONGEST_SEAL, last_seal, seal, sealed_lines, write_atomically


def record_steps(config) -> np.ndarray:
    """Returns the steps (updates done) at which a run records, from 0 to its last step.

    With `records.per_decade` = k they start out dense, a factor 10^(1/k) apart; in any case they
    are at most `records.every_steps` apart.
    """
    last, every, per_decade = (
        config.train.steps,
        config.records.every_steps,
        config.records.per_decade,
    )
    steps = [0]
    while steps[-1] < last:
        step = steps[-1] + every
        if per_decade:
            step = min(step, int(np.ceil(round(steps[-1] * 10 ** (1 / per_decade), 6))))
        steps.append(min(max(step, steps[-1] + 1), last))
    return np.array(steps)


def append(path: Path, record: dict) -> None:
    """Appends one record, sealed; arrays hold a number per member, and NaN becomes null."""
    text = json.dumps({key: _plain(value) for key, value in record.items()})
    with path.open("a+b") as file:
        file.seek(max(0, file.tell() - LONGEST_SEAL))
        before = last_seal(file.read().decode(errors="replace"))
        file.write(f"{seal(text, before)}\n".encode())


def flush_to_disk(path: Path) -> None:
    """Returns once the records are on the disk itself, where a loss of power leaves them."""
    with path.open("ab") as file:
        os.fsync(file.fileno())


def truncate(path: Path, last_step: int) -> list[int]:
    """Drops the records after a step: what a killed run wrote beyond its last checkpoint.

    Returns:
        The steps of the records that it keeps.

    Raises:
        ConfigError: a record up to that step was changed, or is missing in the middle.
    """
    if not path.exists():
        return []
    kept, lines = [], path.read_bytes().splitlines(keepends=True)
    for row in sealed_lines(path):
        if row["step"] > last_step:
            break
        kept.append(row["step"])
    write_atomically(path, b"".join(lines[: len(kept)]))
    return kept


def _plain(value):
    if isinstance(value, int):
        return value
    # Nine digits hold a float32 exactly.
    return [float(f"{x:.9g}") if np.isfinite(x) else None for x in np.asarray(value).tolist()]
