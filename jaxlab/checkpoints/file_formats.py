"""Single files of arrays: safetensors, npz and flax's msgpack. Nothing in them is ever executed."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.checkpoints.tensors import CheckpointError, Kind, Part, Tensor, bits, no_data, np_dtype

SAFETENSORS_TYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4_e2m1fn",
}
MOST_HEADER_BYTES = 100_000_000  # the format's own limit


def read_safetensors(path: Path) -> tuple[list[Tensor], dict[str, Any]]:
    """Returns the arrays of a safetensors file, unread, and the notes in its header.

    The `safetensors` package reads no 8-bit floats into NumPy, so the header is read here: eight
    bytes of length, then JSON, then the arrays one after another.

    Raises:
      CheckpointError: the file is cut off, or its header is not what the format asks for.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(size - 8, MOST_HEADER_BYTES):
            raise CheckpointError(f"{path} is no whole safetensors file: copy or download it again")
        content = file.read(length)
    try:
        header = json.loads(content)
        notes = header.pop("__metadata__", {})
        found = [_safetensor(path, name, entry, 8 + length, size) for name, entry in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} has a damaged header ({error!r}): copy or download it again"
        ) from error
    return found, notes


def _safetensor(path: Path, name: str, entry: dict[str, Any], base: int, size: int) -> Tensor:
    shape = tuple(int(length) for length in entry["shape"])
    first, last = entry["data_offsets"]
    if entry["dtype"] not in SAFETENSORS_TYPES:
        raise CheckpointError(f"{path}: {name} has the unknown type {entry['dtype']}")
    dtype = SAFETENSORS_TYPES[entry["dtype"]]
    wanted = math.ceil(math.prod(shape) * bits(dtype) / 8)
    if last - first != wanted or first < 0 or base + last > size or min(shape, default=0) < 0:
        raise CheckpointError(
            f"{path}: {name} needs {wanted} bytes at {first}, the file has {size - base} in all: "
            "copy or download it again"
        )

    def read_part(part: Part) -> np.ndarray:
        if bits(dtype) < 8:
            raise CheckpointError(f"{path}: {name} packs two numbers in a byte, which is not read")
        if not math.prod(shape):
            return np.empty(shape, np_dtype(dtype))[part]
        stored = np.memmap(path, np_dtype(dtype), mode="r", offset=base + first, shape=shape)
        return np.array(stored[part])

    return Tensor(name, Kind.ARRAY, shape, dtype, read_part)


def read_npz(path: Path) -> list[Tensor]:
    """Returns the arrays of a NumPy archive, unread.

    Raises:
      CheckpointError: it is damaged, or holds Python objects, which only a pickle can bring back.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_npz_entry(path, archive, entry) for entry in archive.infolist()]
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise CheckpointError(
            f"{path} is no whole npz archive ({error}): write it again"
        ) from error


def _npz_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Tensor:
    name = entry.filename.removesuffix(".npy")
    if name == entry.filename:
        return Tensor(name, Kind.STRING, (), "file", no_data, text=f"{entry.file_size} bytes")
    try:
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            reader = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = reader(file)
    except (ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: {name} is damaged ({error}): write it again") from error
    if dtype.hasobject:
        raise CheckpointError(
            f"{path}: {name} holds Python objects, which only unpickling could read and which "
            "could run any code: save plain arrays"
        )

    if dtype.kind in "US":
        with np.load(path, allow_pickle=False) as arrays:
            return Tensor(name, Kind.STRING, (), str(Kind.STRING), no_data, text=str(arrays[name]))

    def read_part(part: Part) -> np.ndarray:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return arrays[name][part]
        except (ValueError, OSError, zipfile.BadZipFile, EOFError, zlib_error()) as error:
            raise CheckpointError(f"{path}: {name} is damaged ({error}): write it again") from error

    return Tensor(name, Kind.ARRAY, tuple(shape), dtype.name, read_part)


def zlib_error() -> type[Exception]:
    """Returns what a damaged compressed entry raises."""
    import zlib

    return zlib.error


def read_msgpack(path: Path) -> list[Tensor]:
    """Returns the leaves of a file written by `flax.serialization`; it is read as a whole.

    Raises:
      CheckpointError: it is damaged, or no such file.
    """
    from flax import serialization

    try:
        tree = serialization.msgpack_restore(path.read_bytes())
    except Exception as error:  # msgpack raises many kinds, each of which means the same here
        raise CheckpointError(
            f"{path} is no whole msgpack file of flax ({type(error).__name__}: {error})"
        ) from error
    return _msgpack_leaves(tree, "")


def _msgpack_leaves(tree: Any, name: str) -> list[Tensor]:
    if isinstance(tree, dict) and tree:
        return [
            leaf
            for key, value in tree.items()
            for leaf in _msgpack_leaves(value, f"{name}/{key}".removeprefix("/"))
        ]
    if isinstance(tree, dict):
        return [Tensor(name, Kind.EMPTY, (), str(Kind.EMPTY), no_data)]
    if tree is None:
        return [Tensor(name, Kind.NONE, (), str(Kind.NONE), no_data)]
    if isinstance(tree, str):
        return [Tensor(name, Kind.STRING, (), str(Kind.STRING), no_data, text=tree)]
    values = np.asarray(tree)
    return [Tensor(name, Kind.ARRAY, values.shape, values.dtype.name, lambda part: values[part])]
