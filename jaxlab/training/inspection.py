"""What a checkpoint holds, read without the code that wrote it.

Works on the lab's own runs and on any other orbax checkpoint that stores pytrees. Shapes come from
the stored metadata alone. Arrays are read one at a time and straight into NumPy, so the devices
that saved them need not exist here and a checkpoint larger than the memory can be summarised.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from orbax.checkpoint.metadata import (
    ArrayMetadata,
    NamedShardingMetadata,
    SingleDeviceShardingMetadata,
)

# Orbax writes a step under this name and renames the folder once all of it is on disk.
_UNFINISHED = ".orbax-checkpoint-tmp"
_TREE_FILE = "_METADATA"
_JSON_FILE = "metadata"
_TREE_HANDLERS = ("StandardCheckpointHandler", "PyTreeCheckpointHandler")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One saved step: where it lies, its pytrees by name, and its JSON notes by name.

    A checkpoint of one unnamed tree has the single item "".
    """

    path: Path
    step: int | None
    items: dict[str, Path]
    notes: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Leaf:
    """One stored array; `sharding` says how it lay over the devices that saved it, if recorded."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    sharding: str | None


@dataclasses.dataclass(frozen=True)
class LeafStatistics:
    """Summary of one array, in double precision, over its finite values.

    `zeros` is the fraction of all values that are zero; `nan` and `inf` are counts. The moments and
    the extremes are None when no value is finite.
    """

    name: str
    shape: tuple[int, ...]
    mean: float | None
    std: float | None
    rms: float | None
    min: float | None
    max: float | None
    zeros: float
    nan: int
    inf: int


def find_checkpoint(path: str | Path, step: int | None = None) -> Checkpoint:
    """Finds what to read in a run, a folder of steps, a step, one of its items, or any checkpoint.

    Where there are several steps the last one is taken, unless `step` names another.

    Raises:
      ValueError: there is nothing there, no finished save, no such step, or no orbax checkpoint.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        problem = "is a file" if path.exists() else "does not exist"
        raise ValueError(f"{path} {problem}. Give the folder of a run or of a checkpoint.")
    if _UNFINISHED in path.name:
        raise ValueError(
            f"{path} is a save that never finished. "
            "Give the folder above it to read the last whole step."
        )
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    steps = {int(child.name): child for child in folder.iterdir() if _is_step(child)}
    unfinished = sorted(child.name for child in folder.iterdir() if _UNFINISHED in child.name)
    if steps:
        chosen = max(steps) if step is None else step
        if chosen not in steps:
            half = f"; {_series(unfinished)} never finished" if unfinished else ""
            whole = _series(sorted(steps))
            raise ValueError(f"{folder} has no step {chosen}. It has {whole}{half}.")
        return _open(steps[chosen], chosen)
    if unfinished:
        raise ValueError(
            f"{folder} has no finished step, only the half-written {_series(unfinished)}. "
            "Start the run again: it goes on from its last whole save."
        )
    if folder != path:
        raise ValueError(f"{folder} has no step yet. Let the run reach its first save.")
    own_step = int(path.name) if _is_step(path) else None
    if step is not None and step != own_step:
        raise ValueError(f"{path} is one checkpoint, without numbered steps to choose {step} from.")
    return _open(path, own_step)


def leaves(checkpoint: Checkpoint) -> list[Leaf]:
    """Every array of the checkpoint, from metadata alone: no array is read.

    Raises:
      ValueError: the metadata is damaged.
    """
    return [
        Leaf(
            name=name,
            shape=tuple(stored.shape),
            dtype=str(np.dtype(stored.dtype)),
            bytes=math.prod(stored.shape) * np.dtype(stored.dtype).itemsize,
            sharding=_describe_sharding(stored.sharding),
        )
        for item, folder in checkpoint.items.items()
        for name, stored in _named_arrays(item, _read_metadata(folder))
    ]


def statistics(checkpoint: Checkpoint, member: int | None = None) -> Iterator[LeafStatistics]:
    """Summarises the arrays one after another; with `member`, that index of every leading axis.

    Complex arrays are left out, for they have no order.

    Raises:
      ValueError: an array has no such member, or metadata or an array is damaged.
    """
    if member is not None:
        for leaf in leaves(checkpoint):
            if not leaf.shape or not 0 <= member < leaf.shape[0]:
                raise ValueError(
                    f"{leaf.name} has shape {leaf.shape}: its first axis has no member {member}."
                )
    for item, folder in checkpoint.items.items():
        metadata = _read_metadata(folder)
        for name, stored in _named_arrays(item, metadata):
            if np.issubdtype(np.dtype(stored.dtype), np.complexfloating):
                continue
            values = _read_array(folder, metadata, stored, name)
            yield _summarise(name, values if member is None else values[member])


def _is_step(folder: Path) -> bool:
    return folder.is_dir() and folder.name.isdecimal()


def _series(names: list[Any]) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-5:]])


def _open(path: Path, step: int | None) -> Checkpoint:
    """Lists what one step holds, and refuses it if an item that it should hold is not there."""
    children = sorted(child for child in path.iterdir() if child.is_dir())
    items = {child.name: child for child in children if (child / _TREE_FILE).is_file()}
    if (path / _TREE_FILE).is_file():
        items = {"": path}
    notes = {
        child.name: _read_json(child / _JSON_FILE)
        for child in children
        if (child / _JSON_FILE).is_file()
    }
    lost = _expected_trees(path) - items.keys()
    if lost:
        files = _series(sorted(str(path / name / _TREE_FILE) for name in lost))
        raise ValueError(f"{path} is damaged: {files} is missing. Use another step.")
    if not items:
        runs = sorted(child.name for child in children if (child / "checkpoints").is_dir())
        if runs:
            raise ValueError(f"{path} is a study. Give one of its runs: {_series(runs)}.")
        found = _series(sorted(child.name for child in path.iterdir())) or "nothing"
        raise ValueError(
            f"{path} is no orbax checkpoint (it holds {found}). "
            "Give a run, its checkpoints folder, or one saved step."
        )
    return Checkpoint(path, step, items, notes)


def _expected_trees(path: Path) -> set[str]:
    """Names of the pytrees that orbax recorded for this checkpoint when it saved it."""
    record = path / "_CHECKPOINT_METADATA"
    if not record.is_file():
        return set()
    match _read_json(record):
        case {"item_handlers": dict(handlers)}:
            return {name for name, kind in handlers.items() if str(kind).endswith(_TREE_HANDLERS)}
        case {"item_handlers": str(kind)} if kind.endswith(_TREE_HANDLERS):
            return {""}
        case _:
            return set()


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. Use another step.") from error


def _read_metadata(folder: Path) -> Any:
    """The item's tree with an `ArrayMetadata` for each array."""
    try:
        return ocp.PyTreeCheckpointHandler().metadata(epath.Path(folder)).tree
    except (
        Exception
    ) as error:  # orbax has no error of its own: damage shows as what its readers hit first
        raise ValueError(_damaged(folder, error)) from error


def _named_arrays(item: str, metadata: Any) -> Iterator[tuple[str, ArrayMetadata]]:
    for path, stored in jax.tree_util.tree_leaves_with_path(metadata):
        if isinstance(stored, ArrayMetadata):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            yield "/".join(filter(None, (item, name))), stored


def _read_array(folder: Path, metadata: Any, wanted: ArrayMetadata, name: str) -> np.ndarray:
    """Reads one array of an item; placeholders keep the others on disk."""
    target = jax.tree.map(
        lambda stored: np.empty(()) if stored is wanted else ocp.PLACEHOLDER, metadata
    )
    to_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), metadata)
    request = ocp.args.PyTreeRestore(item=target, restore_args=to_numpy)
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            tree = reader.restore(folder, args=request)
    except Exception as error:  # as in _read_metadata
        raise ValueError(_damaged(folder, error, f" at {name}")) from error
    (values,) = (leaf for leaf in jax.tree.leaves(tree) if leaf is not ocp.PLACEHOLDER)
    return np.asarray(values)


def _damaged(folder: Path, error: Exception, where: str = "") -> str:
    reason = f"{type(error).__name__}: {error}".splitlines()[0].split(" [tensorstore_spec=")[0]
    return f"{folder} is damaged{where} ({reason}). Use another step."


def _describe_sharding(sharding: Any) -> str | None:
    match sharding:
        case NamedShardingMetadata():
            mesh = ", ".join(
                f"{name}={size}"
                for name, size in zip(sharding.axis_names, sharding.shape, strict=True)
            )
            return f"P{tuple(sharding.partition_spec)} over {mesh}"
        case SingleDeviceShardingMetadata():
            return sharding.device_str
        case None:
            return None
        case _:
            return str(sharding)


def _summarise(name: str, values: np.ndarray) -> LeafStatistics:
    wide = values.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    some = finite.size > 0
    return LeafStatistics(
        name=name,
        shape=values.shape,
        mean=float(finite.mean()) if some else None,
        std=float(finite.std()) if some else None,
        rms=float(np.sqrt(np.mean(finite**2))) if some else None,
        min=float(finite.min()) if some else None,
        max=float(finite.max()) if some else None,
        zeros=float(np.mean(wide == 0)),
        nan=int(np.isnan(wide).sum()),
        inf=int(np.isinf(wide).sum()),
    )
