"""Single files of arrays: safetensors, npz and flax's msgpack. Nothing in them is ever executed."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from jaxlab.checkpoints.tensors import (
    CheckpointError,
    Kind,
    Part,
    Tensor,
    bits,
    no_data,
    np_dtype,
    parse_json,
    read_json,
)

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
# What `zipfile` and `numpy.lib.format` raise for damaged bytes.
DAMAGED_ZIP = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    SyntaxError,
    MemoryError,
    OverflowError,
    NotImplementedError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
MOST_BETWEEN = 24  # bytes between two entries of a zip archive, for a data descriptor
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
    header = parse_json(content, f"the header of {path}")
    if not isinstance(header, dict) or not all(isinstance(e, dict) for e in header.values()):
        raise CheckpointError(f"{path} has a damaged header: copy or download it again")
    notes = header.pop("__metadata__", {})
    found = [_safetensor(path, name, entry, 8 + length, size) for name, entry in header.items()]
    if sum(tensor.bytes for tensor in found) != size - 8 - length:
        raise CheckpointError(f"{path} has bytes of no tensor: copy or download it again")
    return found, notes


def read_index(path: Path) -> list[Tensor]:
    """Returns the arrays that an index of safetensors names, unread, each from its own shard.

    Raises:
      CheckpointError: the index is damaged, or the shards do not hold what it says.
    """
    content = read_json(path)
    shard_of = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shard_of, dict) or not all(_is_name(s) for s in shard_of.values()):
        raise CheckpointError(f"{path} has no table of shards (weight_map): download it again")
    shards = sorted(set(shard_of.values()))
    missing = [shard for shard in shards if not (path.parent / shard).is_file()]
    if missing:
        raise CheckpointError(f"{path.parent} lacks {_some(missing)}: download what is missing")
    found = {shard: read_safetensors(path.parent / shard)[0] for shard in shards}
    held = {(tensor.name, shard) for shard in shards for tensor in found[shard]}
    if lost := [name for name, shard in shard_of.items() if (name, shard) not in held]:
        raise CheckpointError(f"{path} names {_some(lost)}, which its shard does not hold")
    return [t for shard in shards for t in found[shard] if shard_of.get(t.name, shard) == shard]


def _is_name(shard: Any) -> bool:
    return isinstance(shard, str) and shard == Path(shard).name and "\0" not in shard


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} others" if len(names) > 5 else "")


def _safetensor(path: Path, name: str, entry: dict[str, Any], base: int, size: int) -> Tensor:
    shape, offsets, type_name = entry.get("shape"), entry.get("data_offsets"), entry.get("dtype")
    if not _are_lengths(shape) or not _are_lengths(offsets) or len(offsets) != 2:
        raise CheckpointError(f"{path}: {name} has no whole shape and offsets: copy it again")
    if not isinstance(type_name, str) or type_name not in SAFETENSORS_TYPES:
        raise CheckpointError(f"{path}: {name} has the unknown type {type_name}")
    (first, last), shape, dtype = offsets, tuple(shape), SAFETENSORS_TYPES[type_name]
    wanted = math.ceil(math.prod(shape) * bits(dtype) / 8)
    if last - first != wanted or base + last > size:
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


def _are_lengths(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def read_npz(path: Path) -> list[Tensor]:
    """Returns the arrays of a NumPy archive, unread.

    Raises:
      CheckpointError: it is damaged, or holds Python objects, which only a pickle can bring back.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(path, archive)
            return [_npz_entry(path, archive, entry) for entry in archive.infolist()]
    except DAMAGED_ZIP as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} is no whole npz archive ({error}): write it again"
        ) from error


def _check_directory(path: Path, archive: zipfile.ZipFile) -> None:
    """Raises BadZipFile where the directory of an archive leaves an entry out."""
    end = 0
    with path.open("rb") as file:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
            if entry.header_offset - end > MOST_BETWEEN:
                break
            file.seek(entry.header_offset + 26)
            end = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
            end += entry.compress_size
    if archive.start_dir - end > MOST_BETWEEN:
        raise zipfile.BadZipFile("its directory leaves out what it holds")


def _npz_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Tensor:
    name = entry.filename.removesuffix(".npy")
    if name == entry.filename:
        with archive.open(entry):  # which compares the name with that beside the data
            pass
        what = f"a file of {entry.file_size} bytes"
        return Tensor(name, Kind.UNREADABLE, (), str(Kind.UNREADABLE), no_data, text=what)
    if entry.flag_bits & 1:
        raise CheckpointError(f"{path}: {name} is encrypted, or damaged: write it again")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        reader = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = reader(file)
        stored_bytes = entry.file_size - file.tell()
    if dtype.hasobject:
        raise CheckpointError(
            f"{path}: {name} holds Python objects, which only unpickling could read and which "
            "could run any code: save plain arrays"
        )
    if math.prod(shape) * dtype.itemsize != stored_bytes:
        raise CheckpointError(
            f"{path}: {name} is damaged, {stored_bytes} bytes with shape {shape} and type {dtype}: "
            "write it again"
        )

    def read_whole() -> np.ndarray:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return arrays[name]
        except DAMAGED_ZIP as error:
            raise CheckpointError(f"{path}: {name} is damaged ({error}): write it again") from error

    return _numpy_leaf(name, tuple(shape), dtype, read_whole)


def _numpy_leaf(
    name: str, shape: tuple[int, ...], dtype: np.dtype, read_whole: Callable[[], np.ndarray]
) -> Tensor:
    """Returns a leaf that is read whole; what NumPy stores as raw bytes has an axis of bytes."""
    if dtype.kind in "US":
        return Tensor(name, Kind.STRING, (), str(Kind.STRING), no_data, text=str(read_whole()))
    if not dtype.isbuiltin and dtype.kind == "V" and dtype.itemsize:
        raw = (*shape, dtype.itemsize)

        def read_bytes(part: Part) -> np.ndarray:
            return np.frombuffer(read_whole().tobytes(), np.uint8).reshape(raw)[part]

        return Tensor(name, Kind.ARRAY, raw, "uint8", read_bytes, block_shape=raw)
    if not dtype.itemsize:
        what = f"an array of the empty type {dtype}"
        return Tensor(name, Kind.UNREADABLE, (), str(Kind.UNREADABLE), no_data, text=what)
    return Tensor(
        name, Kind.ARRAY, shape, dtype.name, lambda part: read_whole()[part], block_shape=shape
    )


def read_msgpack(path: Path) -> list[Tensor]:
    """Returns the leaves of a file written by `flax.serialization`; it is read as a whole.

    Raises:
      CheckpointError: it is damaged, or no such file.
    """
    from flax import serialization

    try:
        return _msgpack_leaves(serialization.msgpack_restore(path.read_bytes()), "")
    except Exception as error:  # msgpack raises many kinds, each of which means the same here
        raise CheckpointError(
            f"{path} is no whole msgpack file of flax ({type(error).__name__}: {error})"
        ) from error


def _msgpack_leaves(tree: Any, name: str) -> list[Tensor]:
    match tree:
        case dict() | list() if tree:
            items = tree.items() if isinstance(tree, dict) else enumerate(tree)
            return [
                leaf
                for key, value in items
                for leaf in _msgpack_leaves(value, f"{name}/{key}".removeprefix("/"))
            ]
        case dict() | list():
            return [Tensor(name, Kind.EMPTY, (), str(Kind.EMPTY), no_data)]
        case None:
            return [Tensor(name, Kind.NONE, (), str(Kind.NONE), no_data)]
        case str():
            return [Tensor(name, Kind.STRING, (), str(Kind.STRING), no_data, text=tree)]
        case np.ndarray() | np.generic() | bool() | int() | float() | complex():
            values = np.asarray(tree)
            return [_numpy_leaf(name, values.shape, values.dtype, lambda: values)]
        case _:
            what = type(tree).__name__
            return [Tensor(name, Kind.UNREADABLE, (), str(Kind.UNREADABLE), no_data, text=what)]
