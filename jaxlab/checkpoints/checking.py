"""What is wrong, or looks wrong, with a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import (
    CheckpointError,
    Digest,
    Kind,
    Tensor,
    as_double,
    cut,
    is_float,
    np_dtype,
)

LEAST_FOR_EQUAL = 64  # numbers in arrays of which it is remarkable that they are equal


@dataclass(frozen=True)
class Problem:
    """Something wrong: with which leaf ("" for the whole), what, and whether it is an error."""

    name: str
    what: str
    is_error: bool = True


def check(checkpoint: Checkpoint, expected: Mapping[str, str] | None = None) -> list[Problem]:
    """Returns the problems of a checkpoint, worst first.

    Errors are NaN, infinity, damage, and leaves that lack or surpass `expected`;
    the rest are remarks: units whose weights are all zero, arrays that are equal, mixed types, what
    is not read.

    Args:
      checkpoint: is read once, array by array.
      expected: name to shape and type, as `differences.describe` writes them.

    """
    found, seen = [], {}
    for name, tensor in checkpoint.tensors.items():
        if tensor.kind is Kind.UNREADABLE:
            found.append(Problem(name, f"is not read here: {tensor.text}", is_error=False))
        if tensor.kind is not Kind.ARRAY:
            continue
        try:
            own, wrong = _read(tensor)
        except CheckpointError as error:
            found.append(Problem(name, str(error)))
            continue
        found += wrong
        if tensor.size > LEAST_FOR_EQUAL and own in seen:
            found.append(Problem(name, f"equals {seen[own]}", is_error=False))
        seen.setdefault(own, name)
    lost = [name for name in checkpoint.digests if name not in checkpoint.tensors]
    found += [Problem(name, "is missing, though its digest was saved") for name in lost]
    found += _types(checkpoint)
    found += _leaves(checkpoint, expected or {})
    return sorted(found, key=lambda problem: not problem.is_error)


def _read(tensor: Tensor) -> tuple[str, list[Problem]]:
    """Reads an array once: its digest, NaN and infinities, and units with zero weights only."""
    digest = Digest(tensor.dtype, tensor.shape)
    total = nan = inf = 0
    is_matrix = len(tensor.shape) >= 2
    used_U = np.zeros((*tensor.shape[:-2], *tensor.shape[-1:]), bool)  # of every matrix
    # `strict` asks for a block after the last, which is when the digests are compared.
    for part, block in zip(tensor.parts(), tensor.blocks(), strict=True):
        digest.add(block)
        if is_matrix:
            used_U[(*part[:-2], part[-1])] |= (block != 0).any(axis=-2)
        for wide in map(as_double, cut(block)):
            total += wide.size
            nan += int(np.isnan(wide).sum())
            inf += int(np.isinf(wide).sum())
    found = []
    if nan:
        found.append(Problem(tensor.name, f"has {nan:,} NaN of {total:,}"))
    if inf:
        found.append(Problem(tensor.name, f"has {inf:,} infinities of {total:,}"))
    if is_matrix and (dead_U := ~used_U & used_U.any(axis=-1, keepdims=True)).any():
        *matrix, unit = np.argwhere(dead_U)[0]
        first = ", ".join(map(str, (*matrix, ":", unit)))
        what = f"{dead_U.sum():,} of {used_U.size:,} units have zero weights only"
        found.append(Problem(tensor.name, f"{what}, the first is [{first}]", is_error=False))
    return digest.text, found


def _types(checkpoint: Checkpoint) -> list[Problem]:
    names = {
        tensor.dtype
        for tensor in checkpoint.tensors.values()
        if tensor.kind is Kind.ARRAY and is_float(np_dtype(tensor.dtype))
    }
    if len(names) < 2:
        return []
    return [Problem("", f"floating-point types are mixed: {', '.join(sorted(names))}", False)]


def _leaves(checkpoint: Checkpoint, expected: Mapping[str, str]) -> list[Problem]:
    from jaxlab.checkpoints.differences import describe

    if not expected:
        return []
    found = {n: describe(t) for n, t in checkpoint.tensors.items() if t.kind is Kind.ARRAY}
    missing = [
        Problem(name, f"is missing, expected {what}")
        for name, what in expected.items()
        if name not in found
    ]
    extra = [Problem(name, "is not expected") for name in found if name not in expected]
    other = [
        Problem(name, f"is {found[name]}, expected {expected[name]}")
        for name in expected
        if name in found and found[name] != expected[name]
    ]
    return missing + other + extra
