"""How a statistic of a run's arrays moved over its saved steps, member by member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint, open_checkpoint
from jaxlab.checkpoints.statistics import effective_rank, matching, matrices
from jaxlab.checkpoints.steps import saved_steps
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Tensor, as_double, paired


class Row(NamedTuple):
    """One number: of an array of one member (None: of the whole) at one step."""

    step: int
    member: int | None
    name: str
    statistic: str
    value: float


def _norm(tensor: Tensor) -> float:
    return float(np.sqrt(sum(float((as_double(p) ** 2).sum()) for p in tensor.pieces())))


def _rms(tensor: Tensor) -> float:
    return _norm(tensor) / np.sqrt(max(tensor.size, 1))


def _mean(tensor: Tensor) -> float:
    return sum(float(as_double(p).sum()) for p in tensor.pieces()) / max(tensor.size, 1)


def _largest(tensor: Tensor) -> float:
    return max((float(np.abs(as_double(p)).max()) for p in tensor.pieces()), default=0.0)


def _rank(tensor: Tensor) -> float:
    rank, _ = effective_rank(tensor)
    return float("nan") if rank is None else rank


RANK = "effective_rank"  # of each matrix of the last two axes; NaN for the largest
STATISTICS: Mapping[str, Callable[[Tensor], float]] = {
    "norm": _norm,
    "rms": _rms,
    "mean": _mean,
    "largest": _largest,
    RANK: _rank,
}
ROTATION = "rotation"  # of an array from its first saved step: the angle between both, in degrees


def history(
    path: Path,
    statistic: str,
    pattern: str = "params/*",
    members: bool = False,
    readings: tuple[str, ...] = (),
) -> list[Row]:
    """Returns a statistic of arrays at every saved step.

    Args:
      path: a run, or a folder of steps.
      statistic: one of `STATISTICS`, or "rotation".
      pattern: of the names of arrays.
      members: whether each index of the leading axes is read apart.
      readings: names of what `lab_run.read` can give of this run, for the message.

    Raises:
      CheckpointError: no saved step, no array that fits, an unknown statistic, or damage.
    """
    known = (*STATISTICS, ROTATION, *readings)
    if statistic not in known:
        raise CheckpointError(
            f"there is no statistic {statistic!r}: choose one of {', '.join(known)}"
        )
    steps = saved_steps(path)
    if not steps:
        raise CheckpointError(f"{path} has no saved step: give a run, or its checkpoints folder")
    rows: list[Row] = []
    first: dict[tuple[str, int | None], Tensor] = {}
    for step in steps:
        for member, own in _members(open_checkpoint(path, step), pattern, members):
            if statistic == RANK:
                own = (m for tensor in own if len(tensor.shape) >= 2 for m in matrices(tensor))
            for tensor in own:
                if statistic == ROTATION:
                    value = _angle(first.setdefault((tensor.name, member), tensor), tensor)
                else:
                    value = STATISTICS[statistic](tensor)
                rows.append(Row(step, member, tensor.name, statistic, value))
    if not rows:
        what = "matrix" if statistic == RANK else "array"
        raise CheckpointError(f"{path} has no {what} that fits {pattern!r}: see `tree`")
    return rows


def _members(
    checkpoint: Checkpoint, pattern: str, members: bool
) -> list[tuple[int | None, list[Tensor]]]:
    own = [tensor for tensor in matching(checkpoint, pattern) if tensor.kind is Kind.ARRAY]
    if not members or not own:
        return [(None, own)]
    count = min(tensor.shape[0] if tensor.shape else 0 for tensor in own)
    found = []
    for member in range(count):
        view = checkpoint.member(member)
        found.append((member, [view[tensor.name] for tensor in own]))
    return found


def _angle(first: Tensor, second: Tensor) -> float:
    """Returns the angle between two arrays, degrees; NaN where one is zero or not finite."""
    product = square = other = 0.0
    for a, b in paired(first, second):
        wide_a, wide_b = as_double(a), as_double(b)
        product += float(wide_a @ wide_b)
        square += float(wide_a @ wide_a)
        other += float(wide_b @ wide_b)
    norms = np.sqrt(square) * np.sqrt(other)
    if not 0 < norms < np.inf:
        return float("nan")
    return float(np.degrees(np.arccos(np.clip(product / norms, -1.0, 1.0))))
