"""`metrics.jsonl`: when records fall, and one JSON object per record with a number per member."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np


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
    """Appends one record; arrays hold a number per member, and NaN becomes null."""
    with path.open("a") as file:
        file.write(json.dumps({key: _plain(value) for key, value in record.items()}) + "\n")


def truncate(path: Path, last_step: int) -> None:
    """Drops the records after a step: what a killed run wrote beyond its last checkpoint."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        try:
            if not line.endswith("\n") or json.loads(line)["step"] > last_step:
                break
        except json.JSONDecodeError:
            break  # the kill came in mid-line
        kept.append(line)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(kept))
    os.replace(temporary, path)


def _plain(value):
    if isinstance(value, int):
        return value
    # Nine digits hold a float32 exactly.
    return [float(f"{x:.9g}") if np.isfinite(x) else None for x in np.asarray(value).tolist()]
