"""One leaf of a checkpoint: what is known without reading it, and how to read it."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

BLOCK_BYTES = 1 << 23  # what `blocks` reads at once
PIECE_NUMBERS = 1 << 16  # that are in double precision at once

Part = tuple[slice, ...]


class CheckpointError(ValueError):
    """A checkpoint that cannot be read: the message says what, where, and what to do."""


class Kind(StrEnum):
    """What a leaf is."""

    ARRAY = "array"
    STRING = "string"
    NONE = "None"
    EMPTY = "empty"  # a dict or list without entries
    UNREADABLE = "unreadable"  # what is stored in a way that is not read here; `text` says how


@dataclass(frozen=True, eq=False)
class Tensor:
    """A leaf of a checkpoint.

    Attributes:
      name: the path of its keys, joined by "/".
      kind: what it is; only arrays have values to read.
      shape: its shape; () for what is no array.
      dtype: the name of its type, such as "bfloat16"; the kind's name for what is no array.
      read_part: reads the part that slices of some leading axes select, as a NumPy array.
      sharding: how it lay over the devices that saved it, "" where that is not recorded.
      block_shape: what the file stores in one piece, () where it is one piece.
      text: the string, of a string; of what is unreadable, what it is.
      digest: of the array when it was saved, "" where none was; see `Digest`. An array that is read
        whole is compared with it.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    read_part: Callable[[Part], np.ndarray]
    sharding: str = ""
    block_shape: tuple[int, ...] = ()
    text: str = ""
    digest: str = ""

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape) if self.kind is Kind.ARRAY else 0

    @property
    def bytes(self) -> int:
        """How many bytes they take; of types below a byte, rounded up for all together."""
        return math.ceil(self.size * bits(self.dtype) / 8) if self.kind is Kind.ARRAY else 0

    def read(self) -> np.ndarray:
        """Returns the whole array.

        Raises:
          CheckpointError: it is no array, or its data are damaged.
        """
        if self.kind is not Kind.ARRAY:
            raise CheckpointError(f"{self.name} is {self.kind}, not an array")
        values = self.read_part(())
        if self.digest:
            self._compare(digest(values))
        return values

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields the array in row-major order, in the pieces that `parts` selects.

        Raises:
          CheckpointError: after the last piece, when the array is not what was saved.
        """
        found = Digest(self.dtype, self.shape)
        for part in self.parts():
            values = self.read_part(part)
            if self.digest:
                found.add(values)
            yield values
        if self.digest:
            self._compare(found.text)

    def pieces(self) -> Iterator[np.ndarray]:
        """Yields the numbers in row-major order, at most `PIECE_NUMBERS` at once, as 1-D arrays."""
        for block in self.blocks():
            yield from cut(block)

    def parts(self) -> Iterator[Part]:
        """Yields a slice of every axis: pieces of about `BLOCK_BYTES`, in row-major order.

        What the file stores as one piece is read once, so that a piece is as large as that.
        """
        if self.kind is not Kind.ARRAY:
            return
        if not self.size:
            yield (slice(None),) * len(self.shape)
            return
        stored = self.block_shape or (1,) * len(self.shape)
        inner = self.size * np_dtype(self.dtype).itemsize  # bytes of one index of all axes so far
        for axis, length in enumerate(self.shape):
            inner //= length
            if inner <= BLOCK_BYTES or stored[axis] > 1:
                break
        else:
            yield ()
            return
        rows = max(1, BLOCK_BYTES // inner)
        rows = math.ceil(rows / stored[axis]) * stored[axis]
        rest = (slice(None),) * (len(self.shape) - axis - 1)
        for index in np.ndindex(self.shape[:axis]):
            for start in range(0, length, rows):
                own = slice(start, min(start + rows, length))
                yield (*(slice(i, i + 1) for i in index), own, *rest)

    @functools.cached_property
    def _found_digest(self) -> str:
        found = Digest(self.dtype, self.shape)
        for part in self.parts():
            found.add(self.read_part(part))
        return found.text

    def verify(self) -> None:
        """Compares the array with its digest, if there is one; it is read once, in pieces.

        Raises:
          CheckpointError: it is not what was saved.
        """
        if self.digest:
            self._compare(self._found_digest)

    def _compare(self, found: str) -> None:
        if found != self.digest:
            raise CheckpointError(
                f"{self.name} is damaged: its bytes are not those that were saved: use another step"
            )


def paired(first: Tensor, second: Tensor) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the same places of two arrays of one shape, as `Tensor.pieces` does of one.

    Raises:
      CheckpointError: one of them is damaged.
    """
    others = second.pieces()
    other = np.empty(0)
    for own in first.pieces():
        while own.size:
            other = other if other.size else next(others)
            both = min(own.size, other.size)
            yield own[:both], other[:both]
            own, other = own[both:], other[both:]
    for _ in others:  # its digest is compared after the last piece
        pass


def cut(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields numbers in row-major order, at most `PIECE_NUMBERS` at once, as 1-D arrays."""
    flat_N = np.ascontiguousarray(values).reshape(-1)
    for start in range(0, flat_N.size, PIECE_NUMBERS):
        yield flat_N[start : start + PIECE_NUMBERS]


def real_parts(values_N: np.ndarray) -> np.ndarray:
    """Returns real numbers as they are; of complex ones, the real and imaginary parts in turn."""
    is_complex = np.issubdtype(values_N.dtype, np.complexfloating)
    return values_N.view(np.finfo(values_N.dtype).dtype) if is_complex else values_N


def as_double(values_N: np.ndarray) -> np.ndarray:
    """Returns `real_parts` in double precision."""
    return real_parts(values_N).astype(np.float64)


class Digest:
    """Sixteen hex digits that change with an array's type, shape or bytes, piece by piece."""

    def __init__(self, dtype: str, shape: tuple[int, ...]):
        """Starts the digest of an array."""
        self._hash = hashlib.blake2b(f"{dtype} {shape}".encode(), digest_size=8)

    def add(self, values: np.ndarray) -> None:
        """Adds the next piece, in row-major order."""
        self._hash.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)

    @property
    def text(self) -> str:
        """The digest of all pieces so far."""
        return self._hash.hexdigest()


def digest(values: np.ndarray) -> str:
    """Returns the digest of an array in memory."""
    found = Digest(values.dtype.name, values.shape)
    found.add(values)
    return found.text


def read_json(path: Path) -> Any:
    """Returns what a JSON file holds.

    Raises:
      CheckpointError: it is damaged.
    """
    return parse_json(path.read_bytes(), str(path))


def parse_json(content: bytes, where: str) -> Any:
    """Returns what JSON holds; `where` begins the message of a CheckpointError otherwise."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{where} is damaged ({reason}): use another copy") from error


def no_data(_: Part) -> np.ndarray:
    """Reads what has no data."""
    raise CheckpointError("this leaf is no array")


def bits(dtype: str) -> int:
    """Returns the bits of one number of a type."""
    found = np_dtype(dtype)
    name = found.name
    if name in ("int4", "uint4", "float4_e2m1fn"):
        return 4
    return 2 if name in ("int2", "uint2") else 8 * found.itemsize


def np_dtype(name: str) -> np.dtype:
    """Returns the NumPy type of a name, those of `ml_dtypes` too.

    Raises:
      CheckpointError: for an unknown name.
    """
    extended = vars(ml_dtypes).get(name)
    try:
        return np.dtype(name if extended is None else extended)
    except TypeError as error:
        raise CheckpointError(f"the type {name!r} is not known here") from error


def is_float(dtype: np.dtype) -> bool:
    """Whether a type holds floating-point numbers, those of `ml_dtypes` too."""
    return bool(np.issubdtype(dtype, np.floating)) or dtype.name.startswith(("bfloat", "float"))
