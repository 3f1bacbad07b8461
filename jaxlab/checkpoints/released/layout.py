"""Where the arrays of a model lie in a released one: a map that is read in both directions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from einops import rearrange

from jaxlab.checkpoints.tensors import CheckpointError
from jaxlab.models.decoder import Decoder
from jaxlab.models.streams import Streams

SAME = "l ... -> l ..."
TRANSPOSED = "l m n -> l n m"


@dataclasses.dataclass(frozen=True)
class Entry:
    """Leaves of a model, and the released tensors that hold the same numbers.

    Attributes:
      leaves: names of one leaf, or of several that one tensor holds: they lead as an axis `c`.
      name: of the tensor; with {} in it, there is one for each layer, and `l` leads the pattern.
      pattern: of einops, from the leaves to the tensors.
      sizes: of the axes that the shapes leave open in either direction.
    """

    leaves: tuple[str, ...]
    name: str
    pattern: str
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def tensors(self, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the tensors by name."""
        found = [leaves[name] for name in self.leaves]
        return self._released(found[0] if len(found) == 1 else np.stack(found))

    def shapes(self, leaves: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of the tensors, given those of the leaves; no array is made."""
        shape = leaves[self.leaves[0]]
        joined = shape if len(self.leaves) == 1 else (len(self.leaves), *shape)
        released = self._released(np.broadcast_to(np.int8(0), joined))
        return {name: values.shape for name, values in released.items()}

    def _released(self, joined: np.ndarray) -> dict[str, np.ndarray]:
        released = rearrange(joined, self.pattern, **self.sizes)
        if "{}" not in self.name:
            return {self.name: released}
        return {self.name.format(number): values for number, values in enumerate(released)}

    def from_tensors(self, tensors: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the leaves of the values in the order of `tensors`."""
        left, right = self.pattern.split("->")
        released = np.stack(tensors) if "{}" in self.name else tensors[0]
        joined = rearrange(released, f"{right} -> {left}", **self.sizes)
        if len(self.leaves) == 1:
            return {self.leaves[0]: joined}
        return dict(zip(self.leaves, joined, strict=True))


@dataclasses.dataclass(frozen=True)
class Family:
    """Released models of one architecture.

    Attributes:
      model_types: what `model_type` in config.json may be.
      decoder: config.json -> the keys of `Decoder` that it decides.
      config: a decoder -> the keys of config.json that it decides.
      entries: of a decoder's own leaves.
      base: the name before all but the read-out.
      attention: the name of a layer's attention, below which prefixes lie.
    """

    model_types: tuple[str, ...]
    decoder: Callable[[ReleasedConfig], dict[str, Any]]
    config: Callable[[Decoder], dict[str, Any]]
    entries: Callable[[Decoder], list[Entry]]
    base: str
    attention: str

    def all_entries(self, model: Streams) -> list[Entry]:
        """Returns the entries of all leaves, those of P streams as ParScale names them.

        The first matrix of the mixture reads (hidden, stream), the stream fastest.
        """
        entries = self.entries(model.decoder)
        if model.plain:
            return entries
        prefixes = [
            Entry(
                (f"streams/prefix_{name}_PxLxSxKxD",),
                f"{self.attention}prefix_{name[0]}",
                "p l s k d -> l p k s d",
            )
            for name in ("key", "value")
        ]
        mixer = f"{self.base}aggregate_layer."
        sizes = {"p": model.count}
        return [
            *entries,
            *prefixes,
            Entry(("streams/mixer_PxMxM",), f"{mixer}0.weight", "p m n -> n (m p)", sizes),
            Entry(("streams/mixer_bias_M",), f"{mixer}0.bias", "m -> m"),
            Entry(("streams/head_MxP",), f"{mixer}2.weight", "m p -> p m"),
            Entry(("streams/head_bias_P",), f"{mixer}2.bias", "p -> p"),
        ]


class ReleasedConfig(dict[str, Any]):
    """What config.json holds; a key that is missing is one clear error."""

    def __missing__(self, key: str) -> Any:
        raise CheckpointError(f"config.json has no {key!r}: it is not that of a whole model")

    def require(self, **values: Any) -> None:
        """Raises CheckpointError unless each key has this value, or is absent."""
        for key, value in values.items():
            found = self.get(key, value)
            if found != value:
                raise CheckpointError(
                    f"config.json has {key} = {found!r}: only {value!r} can be read here"
                )

    def count(self, key: str, default: int | None = None) -> int:
        """Returns a whole number above 0; the default, if there is one, of a key without a value.

        Raises:
          CheckpointError: it is none.
        """
        value = self[key] if default is None else self.get(key)
        value = default if value is None else value
        if type(value) is not int or not 0 < value < 2**31:
            raise CheckpointError(f"config.json has {key} = {value!r}: it must be a whole number")
        return value

    def number(self, key: str) -> float:
        """Returns a finite number of at least 0.

        Raises:
          CheckpointError: it is none.
        """
        value = self[key]
        if type(value) not in (int, float) or not 0 <= value < 1e38:
            raise CheckpointError(f"config.json has {key} = {value!r}: it must be a finite number")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Returns true or false.

        Raises:
          CheckpointError: it is neither.
        """
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise CheckpointError(f"config.json has {key} = {value!r}: it must be true or false")
        return value

    @property
    def rope(self) -> ReleasedConfig:
        """`rope_parameters`, which newer files have; empty otherwise."""
        parameters = self.get("rope_parameters") or {}
        if not isinstance(parameters, dict):
            raise CheckpointError(f"config.json has rope_parameters = {parameters!r}: not a table")
        return ReleasedConfig(parameters)

    def rope_base(self, key: str) -> int:
        """Returns the base of RoPE, from `rope_parameters` where newer files have it."""
        if self.rope.get("rope_type", "default") != "default":
            raise CheckpointError(f"config.json scales RoPE ({self.rope}): this is not read here")
        base = self.rope.number("rope_theta") if self.rope.get("rope_theta") else self.number(key)
        if base != int(base) or not 1 <= base < 2**31:
            raise CheckpointError(f"config.json has {key} = {base}: it must be an integer here")
        return int(base)


def simple(names: Mapping[str, str], template: str, pattern: str = SAME) -> list[Entry]:
    """Returns an entry for each leaf of the layers, one tensor each."""
    return [
        Entry((f"decoder/layers/{leaf}",), template.format("{}", name), pattern)
        for leaf, name in names.items()
    ]


def outside(decoder: Decoder, embedding: str, norm: str, readout: str) -> list[Entry]:
    """Returns the entries of what lies outside the layers; names end in .weight and .bias."""
    entries = [
        Entry(("decoder/embedding_VxM",), f"{embedding}.weight", "v m -> v m"),
        Entry(("decoder/norm_M",), f"{norm}.weight", "m -> m"),
    ]
    if decoder.norm == "layer":
        entries.append(Entry(("decoder/norm_bias_M",), f"{norm}.bias", "m -> m"))
    if not decoder.tied:
        entries.append(Entry(("decoder/unembedding_VxM",), f"{readout}.weight", "v m -> v m"))
    return entries
