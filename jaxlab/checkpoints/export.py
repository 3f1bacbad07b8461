"""Arrays of a checkpoint to safetensors or npz, and back into an orbax checkpoint, bit for bit."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxlab.checkpoints.file_formats import SAFETENSORS_TYPES
from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Tensor, bits, np_dtype

SUFFIXES = (".safetensors", ".npz")


def export(checkpoint: Checkpoint, path: Path, *, overwrite: bool = False) -> int:
    """Writes all arrays of a checkpoint into one file, piece by piece.

    What is no array (strings, None, empty and unreadable leaves) goes into the header with the
    notes: the metadata of safetensors, or `__header__` of npz, in JSON; it is not imported again.
    Types that NumPy's own format lacks, such as bfloat16, are written to npz as unsigned integers
    of their bits, with the type in `__types__`; safetensors has them.

    Args:
      checkpoint: what to write; see `Checkpoint.member` for one member.
      path: ends in .safetensors or .npz.
      overwrite: whether a file of that name may be replaced.

    Returns:
      How many arrays were written.

    Raises:
      CheckpointError: another suffix, a type that the format lacks, a file that exists, or damaged
        arrays; then there is no file.
    """
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: choose a name that ends in {' or '.join(SUFFIXES)}")
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists: choose another name, or add --overwrite")
    arrays = [tensor for tensor in checkpoint.tensors.values() if tensor.kind is Kind.ARRAY]
    if not arrays:
        raise CheckpointError(f"{checkpoint.path} holds no array to export")
    others = {t.name: [t.kind, t.text] for t in checkpoint.tensors.values() if t not in arrays}
    header = {
        "source": str(checkpoint.path),
        "notes": json.dumps(checkpoint.notes),
        "leaves": json.dumps(others),
    }
    write = _write_safetensors if path.suffix == ".safetensors" else _write_npz
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        write(Path(folder, path.name), arrays, header)
        Path(folder, path.name).replace(path)
    return len(arrays)


def _write_safetensors(path: Path, arrays: list[Tensor], header: dict[str, str]) -> None:
    known = {dtype: name for name, dtype in SAFETENSORS_TYPES.items() if bits(dtype) >= 8}
    content: dict[str, Any] = {"__metadata__": header}
    end = 0
    arrays = sorted(arrays, key=lambda tensor: -np_dtype(tensor.dtype).itemsize)  # for alignment
    for tensor in arrays:
        if tensor.dtype not in known or tensor.name in content:
            raise CheckpointError(
                f"safetensors has no place for {tensor.name} of type {tensor.dtype}: choose .npz"
            )
        content[tensor.name] = {
            "dtype": known[tensor.dtype],
            "shape": tensor.shape,
            "data_offsets": (end, end + tensor.bytes),
        }
        end += tensor.bytes
    start = json.dumps(content).encode()
    start += b" " * (-len(start) % 8)
    with path.open("wb") as file:
        file.write(len(start).to_bytes(8, "little") + start)
        for tensor in arrays:
            _write_blocks(file, tensor)


def _write_npz(path: Path, arrays: list[Tensor], header: dict[str, str]) -> None:
    types = {t.name: t.dtype for t in arrays if np_dtype(t.dtype).isbuiltin != 1}
    texts = {"__types__": json.dumps(types), "__header__": json.dumps(header)}
    with zipfile.ZipFile(path, "w") as archive:
        for tensor in arrays:
            if tensor.name in texts:
                raise CheckpointError(f"{tensor.name} is a name that is used here: choose another")
            dtype = np_dtype(tensor.dtype)
            stored = np.dtype(f"u{dtype.itemsize}") if tensor.name in types else dtype
            with archive.open(f"{tensor.name}.npy", "w", force_zip64=True) as file:
                entry = {"descr": stored.str, "fortran_order": False, "shape": tensor.shape}
                np.lib.format.write_array_header_1_0(file, entry)
                _write_blocks(file, tensor)
        for name, text in texts.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.array(text))


def _write_blocks(file: IO[bytes], tensor: Tensor) -> None:
    dtype = np_dtype(tensor.dtype)  # in the byte order of this machine
    for block in tensor.blocks():
        plain = block.astype(dtype, order="C", copy=False)
        file.write(plain.reshape(-1).view(np.uint8).data)


def read_exported(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Returns the arrays of an exported file with the types that they had."""
    arrays = {n: t.read() for n, t in checkpoint.tensors.items() if t.kind is Kind.ARRAY}
    types = checkpoint.tensors.get("__types__")
    for name, dtype in json.loads(types.text if types else "{}").items():
        arrays[name] = arrays[name].view(np_dtype(dtype))
    return arrays


def import_arrays(checkpoint: Checkpoint, folder: Path) -> int:
    """Writes the arrays of an exported file as an orbax checkpoint of one tree.

    Names are split at "/" into nested keys.

    Raises:
      CheckpointError: the folder exists, or a name is both an array and a group.
    """
    import orbax.checkpoint as ocp

    if folder.exists():
        raise CheckpointError(f"{folder} exists: choose another name")
    tree: dict[str, Any] = {}
    arrays = read_exported(checkpoint)
    for name, values in arrays.items():
        *parents, last = name.split("/")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise CheckpointError(f"{name}: {key} is an array as well as a group")
        if last in node:
            raise CheckpointError(f"{name} is an array as well as a group")
        node[last] = values
    with ocp.StandardCheckpointer() as saver:
        saver.save(folder.absolute(), tree)
    return len(arrays)
