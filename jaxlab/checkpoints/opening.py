"""Opens what people have: runs and studies of the lab, orbax, safetensors, npz and flax files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.checkpoints import file_formats, orbax_format
from jaxlab.checkpoints.steps import STEP_FILE, is_step, saved_steps
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Part, Tensor, no_data, read_json

UNFINISHED = ".orbax-checkpoint-tmp"  # orbax renames the folder once all of it is on disk
NOTE_FILE = "metadata"  # of an item that is JSON
DEEPEST_ITEM = 3  # folders below a step in which trees are looked for
NOTE, DIGESTS = "meta", "digests"  # where the lab's checkpoints carry the digests of their arrays
INDEX_SUFFIX = ".safetensors.index.json"
PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Named leaves that are read when they are asked for; `checkpoint[name]` is one of them.

    Attributes:
      path: what was opened.
      format: what it is, such as "orbax".
      tensors: the leaves by name, in the order of the file.
      step: of a saved step.
      notes: JSON that was saved beside the arrays, by name.
      digests: of the arrays that were saved, by name; empty where leaves or members were left out.
    """

    path: Path
    format: str
    tensors: Mapping[str, Tensor]
    step: int | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        """Returns a leaf.

        Raises:
          CheckpointError: there is none of this name.
        """
        import difflib

        if name not in self.tensors:
            close = difflib.get_close_matches(name, self.tensors, n=1)
            hint = f"did you mean {close[0]}?" if close else "see `tree`"
            raise CheckpointError(f"{self.path} has no {name}: {hint}")
        return self.tensors[name]

    def tree(self, item: str) -> dict[str, Any]:
        """Reads all arrays below a name, such as "params", as nested dicts.

        Raises:
          CheckpointError: there is none, or one is damaged.
        """
        found: dict[str, Any] = {}
        for name, tensor in self.only(f"{item}/*").tensors.items():
            node = found
            *parents, last = name.removeprefix(f"{item}/").split("/")
            for key in parents:
                node = node.setdefault(key, {})
            node[last] = tensor.read()
        return found

    def only(self, pattern: str) -> Checkpoint:
        """Returns the leaves whose names fit a pattern, such as "params/*".

        Raises:
          CheckpointError: none does.
        """
        found = {name: tensor for name, tensor in self.tensors.items() if fnmatch(name, pattern)}
        if not found:
            raise CheckpointError(f"{self.path} has no leaf that fits {pattern!r}: see `tree`")
        return replace(self, tensors=found, digests={})

    def member(self, index: int) -> Checkpoint:
        """Returns one member of a group: this index of every leading axis.

        Raises:
          CheckpointError: some array has no such index.
        """
        found = {}
        for name, tensor in self.tensors.items():
            if tensor.kind is Kind.ARRAY:
                if not tensor.shape or not 0 <= index < tensor.shape[0]:
                    raise CheckpointError(
                        f"{name} has shape {tensor.shape}: its first axis has no member {index}"
                    )
                tensor = _member(tensor, index)
            found[name] = tensor
        return replace(self, tensors=found, digests={})


def open_checkpoint(path: str | Path, step: int | None = None) -> Checkpoint:
    """Opens a checkpoint; its arrays stay on disk until they are read.

    Args:
      path: a run of the lab, its `checkpoints` folder, one saved step or one item of it, any orbax
        checkpoint, a safetensors file or its index, a folder with one, an npz or a msgpack file.
      step: which of several saved steps; the last one by default.

    Raises:
      CheckpointError: there is nothing to read, what is there is damaged, or it is a pickle.
    """
    path = Path(path).expanduser()
    try:
        if path.is_dir():
            return _open_folder(path, step)
        if not path.exists():
            raise CheckpointError(f"{path} does not exist: give a run, or a file of arrays")
        if step is not None:
            raise CheckpointError(f"{path} is one file, without steps: leave step {step} out")
        return _open_file(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def _open_file(path: Path) -> Checkpoint:
    if path.name.endswith(INDEX_SUFFIX):
        return _checkpoint(path, "safetensors (sharded)", file_formats.read_index(path))
    with path.open("rb") as file:
        start = file.read(16)
    # The first byte of safetensors is one of a length, and may be that of a pickle.
    pickled = start[:1] == b"\x80" and start[8:9] != b"{"
    if path.suffix in PICKLES or pickled or _is_torch(path):
        raise CheckpointError(
            f"{path} is a pickle, which can run any code when it is read: it is not opened. Where "
            "you trust it, convert it with torch: safetensors.torch.save_file(torch.load(PATH, "
            "weights_only=True), 'model.safetensors')"
        )
    if start[:4] == b"PK\x03\x04":
        return _checkpoint(path, "npz", file_formats.read_npz(path))
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        tensors, notes = file_formats.read_safetensors(path)
        return _checkpoint(path, "safetensors", tensors, {"header": notes} if notes else {})
    if path.suffix in (".msgpack", ".mpk", ".flax"):
        return _checkpoint(path, "msgpack", file_formats.read_msgpack(path))
    raise CheckpointError(
        f"{path} is no checkpoint that is known here (it starts with {start[:8]!r}): give orbax, "
        "safetensors, npz or msgpack"
    )


def _is_torch(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except file_formats.DAMAGED_ZIP:
        return False


def _open_folder(path: Path, step: int | None) -> Checkpoint:
    if UNFINISHED in path.name:
        raise CheckpointError(
            f"{path} is a save that never finished: give the folder above it, to read the last "
            "whole step"
        )
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    steps = saved_steps(path)
    unfinished = sorted(child.name for child in folder.iterdir() if UNFINISHED in child.name)
    if steps and not orbax_format.is_tree(folder):
        chosen = max(steps) if step is None else step
        if chosen not in steps:
            half = f"; {_series(unfinished)} never finished" if unfinished else ""
            raise CheckpointError(f"{folder} has no step {chosen}: it has {_series(steps)}{half}")
        return _open_step(steps[chosen], chosen)
    if unfinished:
        raise CheckpointError(
            f"{folder} has no finished step, only the half-written {_series(unfinished)}: start "
            "the run again, it goes on from its last whole save"
        )
    if folder != path:
        raise CheckpointError(f"{folder} has no step yet: let the run reach its first save")
    own = int(path.name) if is_step(path) else None
    if step is not None and step != own:
        raise CheckpointError(
            f"{path} is one checkpoint, without numbered steps to choose {step} from"
        )
    return _open_step(path, own)


def _open_step(path: Path, step: int | None) -> Checkpoint:
    children = sorted(child for child in path.iterdir() if child.is_dir())
    if orbax_format.is_tree(path):
        return _checkpoint(path, "orbax", orbax_format.read_tree(path), step=step)
    handlers = _handlers(path)
    lost = set(handlers) - {child.name for child in children}
    if lost:
        raise CheckpointError(
            f"{path} is damaged, it lacks {_series(sorted(lost))}: use another step"
        )
    if not handlers and not any(orbax_format.is_tree(child) for child in children):
        return _open_files_of(path, children)
    tensors, notes = _read_items(path)
    found = {tensor.name.partition("/")[0] for tensor in tensors} | set(notes)
    tensors += [
        Tensor(name, Kind.UNREADABLE, (), str(Kind.UNREADABLE), no_data, text=handlers[name])
        for name in handlers
        if name not in found and not any(note.startswith(f"{name}/") for note in notes)
    ]
    return _checkpoint(path, "orbax", tensors, notes, step)


def _read_items(path: Path, prefix: str = "") -> tuple[list[Tensor], dict[str, Any]]:
    """Returns the leaves of all trees below a folder, and the JSON beside them by name."""
    tensors, notes = [], {}
    for child in sorted(child for child in path.iterdir() if child.is_dir()):
        name = f"{prefix}{child.name}"
        if orbax_format.is_tree(child):
            tensors += orbax_format.read_tree(child, f"{name}/")
        elif (child / NOTE_FILE).is_file():
            notes[name] = read_json(child / NOTE_FILE)
        elif prefix.count("/") < DEEPEST_ITEM:
            below, beside = _read_items(child, f"{name}/")
            tensors, notes = tensors + below, notes | beside
    return tensors, notes


def _open_files_of(path: Path, children: list[Path]) -> Checkpoint:
    """Opens the one file of arrays in a folder, as in that of a released model."""
    indices = sorted(path.glob(f"*{INDEX_SUFFIX}"))
    files = indices or sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return replace(_open_file(files[0]), path=path)
    if len(files) > 1:
        raise CheckpointError(f"{path} holds {_series(f.name for f in files)}: give one of them")
    if runs := sorted(child.name for child in children if (child / "checkpoints").is_dir()):
        raise CheckpointError(f"{path} is a study: give one of its runs: {_series(runs)}")
    found = _series(sorted(child.name for child in path.iterdir())) or "nothing"
    raise CheckpointError(
        f"{path} holds no checkpoint (it holds {found}): give a run, its checkpoints folder, one "
        "saved step, or a file of arrays"
    )


def _handlers(path: Path) -> dict[str, str]:
    """Returns which handler of orbax wrote each item of a step, where that is written down."""
    if not (path / STEP_FILE).is_file():
        return {}
    record = read_json(path / STEP_FILE)
    handlers = record.get("item_handlers") if isinstance(record, dict) else None
    if not isinstance(handlers, dict):
        return {}
    return {name: str(kind).rpartition(".")[2] for name, kind in handlers.items() if kind}


def _checkpoint(
    path: Path,
    format: str,
    tensors: list[Tensor],
    notes: dict[str, Any] | None = None,
    step: int | None = None,
) -> Checkpoint:
    notes = notes or {}
    note = notes.get(NOTE)
    digests = note.get(DIGESTS) if isinstance(note, dict) else None
    digests = digests if isinstance(digests, dict) else {}
    named: dict[str, Tensor] = {}
    for tensor in tensors:
        if tensor.name in named:
            raise CheckpointError(f"{path} has two leaves with the name {tensor.name}")
        named[tensor.name] = replace(tensor, digest=str(digests.get(tensor.name, "")))
    return Checkpoint(path, format, named, step, notes, digests)


def _member(tensor: Tensor, index: int) -> Tensor:
    def read_part(part: Part) -> np.ndarray:
        tensor.verify()  # once: a member has no digest of its own
        return np.asarray(tensor.read_part((slice(index, index + 1), *part))[0])

    return replace(
        tensor,
        shape=tensor.shape[1:],
        read_part=read_part,
        block_shape=tensor.block_shape[1:],
        sharding="",
        digest="",
    )


def _series(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-5:]])
