"""Models written as released ones."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlab.checkpoints.opening import INDEX_SUFFIX
from jaxlab.checkpoints.released.layout import Family, ReleasedConfig
from jaxlab.checkpoints.released.model import (
    CONFIG,
    FAMILIES,
    WEIGHTS,
    family_of,
    leaf_name,
)
from jaxlab.checkpoints.tensors import CheckpointError, np_dtype
from jaxlab.models.decoder import Decoder, Params
from jaxlab.models.streams import Streams

SHARD_BYTES = 5_000_000_000


def describe(
    model: Streams, smoothing: float, config: Mapping[str, Any] | None = None
) -> ReleasedConfig:
    """Returns the config.json of a model.

    config: of the released model that it started from; the keys of its streams are replaced. None
      for a model of the lab's own.

    Raises:
      CheckpointError: no released layout has a place for it.
    """
    published = model.transform == "prefix" and model.aggregation == "learned" and not model.tied
    if model.lone_prefix or (model.count > 1 and not published):
        raise CheckpointError(
            "a released model has a prefix of its own for each of several streams, and learned "
            "weights (transform=prefix, tied=False, lone=False, aggregation=learned): this one has "
            "not"
        )
    found = ReleasedConfig(config if config is not None else _described(model.decoder))
    if model.count == 1:
        if "parscale_n" in found:
            found["parscale_n"] = 1
        return found
    found |= {
        "parscale_n": model.count,
        "parscale_n_tokens": model.prefix,
        "parscale_attn_smooth": smoothing,
    }
    if found["model_type"] == "qwen2":
        found["model_type"] = "qwen2_parscale"
        found["architectures"] = ["Qwen2ParScaleForCausalLM"]
    return found


def write_model(
    model: Streams, params: Params, config: Mapping[str, Any], folder: Path, dtype: str = ""
) -> int:
    """Writes a model as a folder with config.json and safetensors; returns how many tensors.

    Args:
      model: whose parameters these are.
      params: without a leading axis of members.
      config: from `describe`.
      folder: must not exist.
      dtype: of the tensors; "" leaves each as it is.

    Raises:
      CheckpointError: the folder exists, or the config is not that of the model.
    """
    from safetensors.numpy import save_file

    if folder.exists():
        raise CheckpointError(f"{folder} exists: choose another name")
    family = family_of(config)
    leaves = {
        leaf_name(path): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(model.merged(params))[0]
    }
    tensors = (
        (name, np.ascontiguousarray(values.astype(np_dtype(dtype)) if dtype else values))
        for entry in family.all_entries(model)
        for name, values in entry.tensors(leaves).items()
    )
    weight_map: dict[str, str] = {}
    shards = list[str]()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as outer:
        temporary = Path(outer, folder.name)
        temporary.mkdir()
        for number, shard in enumerate(_shards(tensors)):
            shards.append(f"{number}.safetensors")
            save_file(shard, temporary / shards[-1], metadata={"format": "pt"})
            weight_map |= dict.fromkeys(shard, shards[-1])
        _name_shards(temporary, shards, weight_map)
        (temporary / CONFIG).write_text(json.dumps(dict(config), indent=2) + "\n")
        temporary.rename(folder)
    return len(weight_map)


def _described(decoder: Decoder) -> dict[str, Any]:
    """Returns the config.json of a decoder that the lab trained from scratch."""
    for family in FAMILIES:
        config = family.config(decoder)
        if all(getattr(decoder, k) == v for k, v in _all_keys(family, config).items()):
            return config | {"torch_dtype": "float32"}
    raise CheckpointError(f"no released layout has a place for this decoder: {decoder}")


def _all_keys(family: Family, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a config says of a decoder, and the defaults of what it leaves open."""
    optional = {
        field.name: field.default
        for field in dataclasses.fields(Decoder)
        if field.default is not dataclasses.MISSING
    }
    return optional | family.decoder(ReleasedConfig(config))


def _shards(
    tensors: Iterator[tuple[str, np.ndarray]],
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the tensors in dicts of at most `SHARD_BYTES`."""
    shard: dict[str, np.ndarray] = {}
    for name, values in tensors:
        if shard and sum(v.nbytes for v in shard.values()) + values.nbytes > SHARD_BYTES:
            yield shard
            shard = {}
        shard[name] = values
    yield shard


def _name_shards(folder: Path, shards: list[str], weight_map: Mapping[str, str]) -> None:
    """Renames the shards as is usual, and writes the index where there are several."""
    if len(shards) == 1:
        (folder / shards[0]).rename(folder / WEIGHTS)
        return
    names = {
        shard: f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        for number, shard in enumerate(shards)
    }
    for shard, name in names.items():
        (folder / shard).rename(folder / name)
    index = {
        "metadata": {"total_size": sum((folder / name).stat().st_size for name in names.values())},
        "weight_map": {name: names[shard] for name, shard in weight_map.items()},
    }
    (folder / f"model{INDEX_SUFFIX}").write_text(json.dumps(index, indent=2) + "\n")
