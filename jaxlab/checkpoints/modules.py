"""The leaves of a checkpoint folded into modules, with totals."""

from __future__ import annotations

from dataclasses import dataclass

from jaxlab.checkpoints.differences import describe
from jaxlab.checkpoints.opening import Checkpoint


@dataclass(frozen=True)
class Module:
    """A leaf, or all leaves below a name.

    Attributes:
      name: of the leaf, or what its leaves' names begin with.
      leaves: how many.
      numbers: how many numbers they hold together.
      bytes: what they take.
      what: shape and type of a leaf; "" of several.
      sharding: of a leaf, how it lay over devices.
    """

    name: str
    leaves: int
    numbers: int
    bytes: int
    what: str = ""
    sharding: str = ""


def modules(checkpoint: Checkpoint, depth: int | None = None) -> list[Module]:
    """Returns the leaves, or what lies below the first `depth` parts of their names."""
    if depth is None:
        return [
            Module(t.name, 1, t.size, t.bytes, describe(t) + f" {t.text}".rstrip(), t.sharding)
            for t in checkpoint.tensors.values()
        ]
    separator = "/" if any("/" in name for name in checkpoint.tensors) else "."
    found: dict[str, Module] = {}
    for name, tensor in checkpoint.tensors.items():
        start = separator.join(name.split(separator)[:depth])
        old = found.get(start, Module(start, 0, 0, 0))
        found[start] = Module(
            start, old.leaves + 1, old.numbers + tensor.size, old.bytes + tensor.bytes
        )
    return list(found.values())
