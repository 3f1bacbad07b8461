"""Orbax checkpoints, read through tensorstore: no tree to restore, no device, leaf by leaf.

A saved tree is a folder with `_METADATA`, which names the leaves, and their arrays in zarr, either
in one OCDBT database or, in the older layout, in a folder each. Where `_METADATA` is missing the
arrays themselves say their names, shapes and types.
"""

from __future__ import annotations

import base64
import functools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlab.checkpoints.tensors import (
    CheckpointError,
    Kind,
    Part,
    Tensor,
    no_data,
    np_dtype,
    read_json,
)

TREE_FILE, STRINGS_FILE, SHARDING_FILE = "_METADATA", "_strings.json", "_sharding"
DATABASE = "manifest.ocdbt"
ZARR, ZARR3 = "/.zarray", "/zarr.json"  # what marks an array of each version


def is_tree(folder: Path) -> bool:
    """Whether a folder holds a saved tree."""
    if (folder / TREE_FILE).is_file() or (folder / DATABASE).is_file():
        return True
    return any(folder.glob("*/.zarray")) or any(folder.glob("*/zarr.json"))


def read_tree(folder: Path, prefix: str = "") -> list[Tensor]:
    """Returns the leaves of a saved tree, their arrays unread.

    Args:
      folder: of the tree.
      prefix: what goes before the names, such as "params/".

    Raises:
      CheckpointError: what is there is damaged.
    """
    store = _Store(folder)
    declared = _declared(folder)
    strings = read_json(folder / STRINGS_FILE) if (folder / STRINGS_FILE).is_file() else {}
    if not isinstance(strings, dict):
        raise CheckpointError(f"{folder / STRINGS_FILE} is damaged: use another step")
    shardings = _shardings(folder)
    if declared is None:
        names = {path: path.replace(".", "/") for path in store.listed()}
        opened = store.open_all(list(names))
        return [
            _array(prefix + names[path], opened[path], shardings.get(path, "")) for path in names
        ]
    arrays = [path for path, (_, kind) in declared.items() if kind is Kind.ARRAY]
    opened = store.open_all(arrays)
    found = []
    for path, (name, kind) in declared.items():
        if kind is Kind.ARRAY:
            found.append(_array(prefix + name, opened[path], shardings.get(path, "")))
        else:
            leaf = Tensor(prefix + name, kind, (), str(kind), no_data)
            found.append(replace(leaf, text=str(strings.get(path, ""))))
    return found


def _declared(folder: Path) -> dict[str, tuple[str, Kind]] | None:
    """The path in the store, name and kind of each leaf; None where no file says so."""
    path = folder / TREE_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        entries = [
            ([str(key["key"]) for key in entry["key_metadata"]], entry["value_metadata"])
            for entry in content["tree_metadata"].values()
        ]
        names = Counter("/".join(keys) for keys, _ in entries)
        found = {}
        for keys, value in entries:
            name = "/".join(keys)
            if names[name] > 1:  # {"a/b": ..., "a": {"b": ...}}; "~1" is the "/" of JSON pointers
                name = "/".join(key.replace("/", "~1") for key in keys)
            if not keys:
                raise CheckpointError(f"{path} is damaged, it has a leaf without a key")
            if ".".join(keys) in found:
                raise CheckpointError(f"{path} has two leaves that are stored as {'.'.join(keys)}")
            found[".".join(keys)] = (name, _kind(str(value["value_type"])))
        return found
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged ({error!r}): use another step") from error


def _kind(value_type: str) -> Kind:
    match value_type:
        case "string":
            return Kind.STRING
        case "None":
            return Kind.NONE
        case "Dict" | "List" | "Tuple" | "NamedTuple":
            return Kind.EMPTY
        case _:
            return Kind.ARRAY


class _Store:
    """The arrays of one tree."""

    def __init__(self, folder: Path):
        import tensorstore

        self.ts, self.folder = tensorstore, folder
        self.in_database = (folder / DATABASE).is_file()
        self.context = tensorstore.Context({"cache_pool": {"total_bytes_limit": 1 << 24}})

    def listed(self) -> list[str]:
        """The paths of all arrays, where no file names them."""
        if not self.in_database:
            marked = [*self.folder.glob("*/.zarray"), *self.folder.glob("*/zarr.json")]
            return sorted(path.parent.name for path in marked)
        try:
            keys = self.ts.KvStore.open(self._root(), context=self.context).result().list().result()
        except Exception as error:  # tensorstore has no error of its own
            raise CheckpointError(_damaged(self.folder, error)) from error
        names = [key.decode(errors="replace") for key in keys]
        return sorted(
            {
                name.removesuffix(end)
                for name in names
                for end in (ZARR, ZARR3)
                if name.endswith(end)
            }
        )

    def open_all(self, paths: list[str]) -> dict[str, _Stored]:
        """Reads shapes and types of arrays side by side, and no number of them."""
        version = self._version()
        # To open an array costs five times what it takes to read its description; a database has
        # check sums of its own, so that a description that can be read is what was written.
        described = self.in_database and version == "zarr"
        try:
            root = self.ts.KvStore.open(self._root(), context=self.context).result()
        except Exception as error:  # as above
            raise CheckpointError(_damaged(self.folder, error)) from error
        opening = {
            path: root.read(f"{path}{ZARR}") if described else self._open(path, version)
            for path in paths
        }
        found = {}
        for path, future in opening.items():
            where = f" at {path.replace('.', '/')}"
            try:
                result = future.result()
            except Exception as error:  # as above
                raise CheckpointError(_damaged(self.folder, error, where)) from error
            if not described:
                found[path] = _of_open(result)
            elif result.state == "value":
                found[path] = self._of_description(path, json.loads(result.value))
            else:
                raise CheckpointError(f"{self.folder} is damaged{where}, which is missing")
        return found

    def _of_description(self, path: str, content: dict[str, Any]) -> _Stored:
        @functools.cache
        def opened() -> Any:
            return self._open(path, "zarr").result()

        dtype = np_dtype(content["dtype"]).name
        return _Stored(tuple(content["shape"]), dtype, tuple(content["chunks"]), opened)

    def _open(self, path: str, version: str) -> Any:
        return self.ts.open(
            {"driver": version, "kvstore": self._root(f"{path}/")},
            open=True,
            read=True,
            context=self.context,
        )

    def _root(self, path: str = "") -> dict[str, Any]:
        if self.in_database:
            return {"driver": "ocdbt", "base": self.folder.absolute().as_uri(), "path": path}
        return {"driver": "file", "path": f"{self.folder.absolute()}/{path}"}

    def _version(self) -> str:
        path = self.folder / TREE_FILE
        if path.is_file():
            return "zarr3" if read_json(path).get("use_zarr3") else "zarr"
        if not self.in_database:
            return "zarr3" if any(self.folder.glob("*/zarr.json")) else "zarr"
        keys = self.ts.KvStore.open(self._root(), context=self.context).result().list().result()
        return "zarr3" if any(key.endswith(ZARR3.encode()) for key in keys) else "zarr"


class _Stored(NamedTuple):
    """An array in the store: what is known of it, and how to open it in order to read it."""

    shape: tuple[int, ...]
    dtype: str
    block_shape: tuple[int, ...]
    opened: Callable[[], Any]


def _of_open(array: Any) -> _Stored:
    block = array.chunk_layout.read_chunk.shape
    known = tuple(block) if block is not None and array.rank else ()
    return _Stored(tuple(array.shape), array.dtype.numpy_dtype.name, known, lambda: array)


def _array(name: str, stored: _Stored, sharding: str) -> Tensor:
    def read_part(part: Part) -> np.ndarray:
        try:
            array = stored.opened()
            return np.asarray((array[part] if part else array).read().result())
        except Exception as error:  # as above
            reason = str(error).splitlines()[0].split(" [tensorstore_spec=")[0]
            raise CheckpointError(f"{name} is damaged ({reason}): use another step") from error

    return Tensor(
        name=name,
        kind=Kind.ARRAY,
        shape=stored.shape,
        dtype=stored.dtype,
        read_part=read_part,
        sharding=sharding,
        block_shape=stored.block_shape,
    )


def _shardings(folder: Path) -> dict[str, str]:
    """How arrays lay over devices, by their paths; nothing where that is not recorded."""
    path = folder / SHARDING_FILE
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
        return {
            base64.b64decode(key).decode(): _sharding(json.loads(value))
            for key, value in content.items()
        }
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}  # no number of the checkpoint hangs on it


def _sharding(record: dict[str, Any]) -> str:
    if "device_str" in record:
        return str(record["device_str"])
    names, sizes = record.get("axis_names", []), record.get("shape", [])
    mesh = ", ".join(f"{name}={size}" for name, size in zip(names, sizes, strict=False))
    spec = ", ".join(_axes(axes) for axes in record.get("partition_spec", []))
    return f"({spec}) over {mesh}"


def _axes(axes: Any) -> str:
    return "+".join(map(str, axes)) if isinstance(axes, list) else str(axes or "-")


def _damaged(folder: Path, error: Exception, where: str = "") -> str:
    reason = str(error).splitlines()[0].split(" [tensorstore_spec=")[0] or type(error).__name__
    return f"{folder} is damaged{where} ({reason}): use another step"
