"""What differs between two checkpoints, of whatever steps, members, runs or formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.statistics import as_double
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Tensor


@dataclass(frozen=True)
class Difference:
    """One leaf in two checkpoints.

    Attributes:
      name: in the first, or in the second where it is new.
      change: "added", "removed", "reshaped", "retyped", "changed" or "equal".
      before, after: shape and type, "" where the leaf is absent.
      distance: |after - before| over |before|, in Euclidean norms; infinite where before is zero.
      cosine: between the two; None where either is zero.
      largest: the largest absolute change of one number.
    """

    name: str
    change: str
    before: str = ""
    after: str = ""
    distance: float | None = None
    cosine: float | None = None
    largest: float | None = None


def compare(
    first: Checkpoint,
    second: Checkpoint,
    *,
    pattern: str = "*",
    renamed: Mapping[str, str] | None = None,
) -> list[Difference]:
    """Returns what became of every leaf of two checkpoints, names and then numbers.

    Args:
      first, second: before and after.
      pattern: of the names to compare.
      renamed: names in the first to names in the second; names of different formats, whose keys are
        joined by "." or "/", are matched without it.

    Raises:
      CheckpointError: an array is damaged, or a name of `renamed` is in neither.
    """
    names = {_plain(name): name for name in second.tensors}
    pairs = {}
    for name in first.tensors:
        target = (renamed or {}).get(name)
        if target is not None and target not in second.tensors:
            raise CheckpointError(f"{second.path} has no {target}, to which {name} is mapped")
        pairs[name] = target or names.get(_plain(name))
    for name in renamed or {}:
        if name not in first.tensors:
            raise CheckpointError(f"{first.path} has no {name}, which is mapped")
    found = [
        Difference(name, "removed", before=describe(first[name]))
        if other is None
        else difference(first[name], second[other])
        for name, other in pairs.items()
        if fnmatch(name, pattern)
    ]
    new = [name for name in second.tensors if name not in pairs.values() and fnmatch(name, pattern)]
    return found + [Difference(name, "added", after=describe(second[name])) for name in new]


def difference(before: Tensor, after: Tensor) -> Difference:
    """Returns what became of one leaf."""
    both = describe(before), describe(after)
    if before.kind is not after.kind or before.shape != after.shape:
        return Difference(before.name, "reshaped", *both)
    if before.kind is not Kind.ARRAY:
        change = "equal" if before.text == after.text else "changed"
        return Difference(before.name, change, *both)
    apart = first = second = product = 0.0
    largest, equal = 0.0, True
    rows = max(before.rows_at_once, after.rows_at_once)
    for a, b in zip(before.blocks(rows), after.blocks(rows), strict=True):
        wide_a, wide_b = as_double(a).ravel(), as_double(b).ravel()
        same = (wide_a == wide_b) | (np.isnan(wide_a) & np.isnan(wide_b))
        equal &= bool(same.all())
        with np.errstate(invalid="ignore"):
            delta = np.where(same, 0.0, wide_b - wide_a)
        apart += float(delta @ delta)
        first += float(wide_a @ wide_a)
        second += float(wide_b @ wide_b)
        product += float(wide_a @ wide_b)
        largest = max(largest, float(np.abs(delta).max(initial=0.0)))
    change = "equal" if equal else "changed"
    if before.dtype != after.dtype:
        change = "retyped"
    return Difference(
        before.name,
        change,
        *both,
        distance=0.0 if equal else (np.sqrt(apart / first) if first else np.inf),
        cosine=float(product / np.sqrt(first * second)) if first and second else None,
        largest=largest,
    )


def describe(tensor: Tensor) -> str:
    """Returns shape and type, as "4x64 float32"."""
    if tensor.kind is not Kind.ARRAY:
        return str(tensor.kind)
    return f"{'x'.join(map(str, tensor.shape)) or 'scalar'} {tensor.dtype}"


def _plain(name: str) -> str:
    return name.replace("/", ".")
