"""What differs between two checkpoints, of whatever steps, members, runs or formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Tensor, as_double, paired, real_parts


@dataclass(frozen=True)
class Difference:
    """One leaf in two checkpoints.

    Attributes:
      name: in the first, or in the second where it is new.
      change: "added", "removed", "reshaped", "retyped", "changed" or "equal" (the same bits in
        every place, or NaN in both).
      before, after: shape and type, "" where the leaf is absent.
      distance: |after - before| over |before|, in Euclidean norms; infinite where before is zero.
      cosine: between the two; None where either is zero.
      largest: the largest absolute change of one number, or of one part of a complex one.
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
      CheckpointError: an array is damaged, a name of `renamed` is in neither, or no leaf fits.
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
    if not found and not new and pattern != "*":
        raise CheckpointError(
            f"neither {first.path} nor {second.path} has a leaf that fits {pattern!r}: see `tree`"
        )
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
    for a, b in paired(before, after):
        a, b = real_parts(a), real_parts(b)
        same = _same(a, b)
        equal &= bool(same.all())
        wide_a, wide_b = as_double(a), as_double(b)
        delta = np.where(same, 0.0, _distance(a, b))
        apart += float(delta @ delta)
        first += float(wide_a @ wide_a)
        second += float(wide_b @ wide_b)
        product += float(wide_a @ wide_b)
        largest = float(np.maximum(largest, delta.max(initial=0.0)))  # NaN stays NaN
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


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether numbers have the same bits, or are both NaN, place by place."""
    nan = (a != a) & (b != b)
    if a.dtype != b.dtype or a.dtype.itemsize > 8:
        return (as_double(a) == as_double(b)) | nan
    bits = np.dtype(f"u{a.dtype.itemsize}")
    return (a.view(bits) == b.view(bits)) | nan


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns |b - a| in double precision; that of integers is exact before it is rounded."""
    if a.dtype == b.dtype and a.dtype.kind in "iu":
        bits = np.dtype(f"u{a.dtype.itemsize}")
        a_bits, b_bits = a.view(bits), b.view(bits)
        return np.where(b > a, b_bits - a_bits, a_bits - b_bits).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.abs(as_double(b) - as_double(a))


def _plain(name: str) -> str:
    return name.replace("/", ".")
