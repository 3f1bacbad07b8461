"""Arrays of a checkpoint to safetensors or npz, and back into an orbax checkpoint, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import CheckpointError, Kind, np_dtype

SUFFIXES = (".safetensors", ".npz")


def export(checkpoint: Checkpoint, path: Path, *, overwrite: bool = False) -> int:
    """Writes all arrays of a checkpoint into one file; strings and notes go into its header.

    Types that NumPy's own format lacks, such as bfloat16, are written to npz as unsigned integers
    of their bits, with the type in `__types__`; safetensors has them.

    Args:
      checkpoint: what to write; see `Checkpoint.member` for one member.
      path: ends in .safetensors or .npz; its arrays fit the memory.
      overwrite: whether a file of that name may be replaced.

    Returns:
      How many arrays were written.

    Raises:
      CheckpointError: another suffix, a file that exists, or damaged arrays.
    """
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: choose a name that ends in {' or '.join(SUFFIXES)}")
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists: choose another name, or add --overwrite")
    arrays = {
        name: tensor.read()
        for name, tensor in checkpoint.tensors.items()
        if tensor.kind is Kind.ARRAY
    }
    if not arrays:
        raise CheckpointError(f"{checkpoint.path} holds no array to export")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    if path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        notes = {"source": str(checkpoint.path), "notes": json.dumps(checkpoint.notes)}
        plain = {name: values.copy(order="C") for name, values in arrays.items()}
        save_file(plain, temporary, metadata=notes)
    else:
        types = {n: v.dtype.name for n, v in arrays.items() if v.dtype.isbuiltin != 1}
        stored = {name: _as_bits(values) for name, values in arrays.items()}
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **stored, __types__=np.array(json.dumps(types)))
    temporary.rename(path)
    return len(arrays)


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


def _as_bits(values: np.ndarray) -> np.ndarray:
    if values.dtype.isbuiltin == 1:
        return values
    return values.view(np.dtype(f"u{values.dtype.itemsize}"))
