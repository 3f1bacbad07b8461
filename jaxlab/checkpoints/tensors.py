"""One leaf of a checkpoint: what is known without reading it, and how to read it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import ml_dtypes
import numpy as np

BLOCK_BYTES = 1 << 26  # what `blocks` reads at once

Part = tuple[slice, ...]


class CheckpointError(ValueError):
    """A checkpoint that cannot be read: the message says what, where, and what to do."""


class Kind(StrEnum):
    """What a leaf is."""

    ARRAY = "array"
    STRING = "string"
    NONE = "None"
    EMPTY = "empty"  # a dict or list without entries


@dataclass(frozen=True, eq=False)
class Tensor:
    """A leaf of a checkpoint.

    Attributes:
      name: the path of its keys, joined by "/".
      kind: what it is; only arrays have values to read.
      shape: its shape; () for what is no array.
      dtype: the name of its type, such as "bfloat16"; the kind's name for what is no array.
      read_part: reads the part that some leading slices select, as a NumPy array.
      sharding: how it lay over the devices that saved it, "" where that is not recorded.
      block_shape: what the file stores in one piece, () where it is one piece.
      text: the string, of a string.
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
        (values,) = self.blocks(rows=max(1, *self.shape)) if self.shape else self.blocks()
        return values

    def blocks(self, rows: int | None = None) -> Iterator[np.ndarray]:
        """Yields the array in pieces of so many rows of its leading axis; see `rows_at_once`.

        Raises:
          CheckpointError: after the last piece, when the array is not what was saved.
        """
        if self.kind is not Kind.ARRAY:
            return
        found = Digest(self.dtype, self.shape)
        for part in self._parts(rows or self.rows_at_once):
            values = self.read_part(part)
            if self.digest:
                found.add(values)
            yield values
        if self.digest and found.text != self.digest:
            raise CheckpointError(
                f"{self.name} is damaged: its bytes are not those that were saved: use another step"
            )

    def _parts(self, rows: int) -> list[Part]:
        if not self.shape or rows >= self.shape[0]:
            return [()]
        return [(slice(start, start + rows),) for start in range(0, self.shape[0], rows)]

    @property
    def rows_at_once(self) -> int:
        """How many rows make a piece of about `BLOCK_BYTES`, in whole pieces of the file."""
        if not self.shape or not self.size:
            return 1
        stored = self.block_shape[0] if self.block_shape else 1
        rows = max(1, int(BLOCK_BYTES // (self.bytes / self.shape[0])))
        return max(1, math.ceil(rows / stored)) * stored


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
