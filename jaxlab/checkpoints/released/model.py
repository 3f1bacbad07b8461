"""The folder of a released model, opened and read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlab.checkpoints.opening import INDEX_SUFFIX, Checkpoint, open_checkpoint
from jaxlab.checkpoints.released import gpt_neox, olmo2, qwen2
from jaxlab.checkpoints.released.layout import Entry, Family, ReleasedConfig
from jaxlab.checkpoints.tensors import CheckpointError, np_dtype, read_json
from jaxlab.models.decoder import Decoder, Params
from jaxlab.models.streams import Streams

FAMILIES = (qwen2.FAMILY, gpt_neox.FAMILY, olmo2.FAMILY)
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
NEEDED = (
    f"it needs {CONFIG}, {WEIGHTS} (or model{INDEX_SUFFIX} with the shards that it names) and, for "
    f"text, {TOKENIZER}; nothing is downloaded here"
)
# A read-out may stand beside tied embeddings, as a copy of them.
READOUTS = ("lm_head.weight", "embed_out.weight")
# Tables that follow from the config, which older files hold beside the parameters.
TABLES = ("rotary_emb.inv_freq", "attention.bias", "attention.masked_bias")


@dataclasses.dataclass(frozen=True, eq=False)
class Released:
    """A released model whose arrays are still on disk.

    Attributes:
      folder: where it lies.
      config: what config.json holds.
      family: which layout it has.
      streams: the model; computes in the dtype that `open_model` was given.
      smoothing: ε of the weights of the streams; 0 of a single one.
    """

    folder: Path
    config: ReleasedConfig
    family: Family
    streams: Streams
    smoothing: float

    def params(self, dtype: str = "") -> Params:
        """Reads the parameters of `streams` as NumPy arrays.

        dtype: what to convert them to; "" leaves them as they are stored.

        Raises:
          CheckpointError: files or tensors are missing, damaged, of another shape, or unknown.
        """
        checkpoint = _open_weights(self.folder)
        shapes = leaf_shapes(self.streams)
        entries = self.family.all_entries(self.streams)
        _check(checkpoint, self.config, entries, shapes)
        found: Params = {}
        for entry in entries:
            tensors = [checkpoint[name].read() for name in entry.shapes(shapes)]
            if len({values.dtype for values in tensors}) > 1:
                raise CheckpointError(
                    f"{self.folder}: the tensors {entry.name} have several types: convert them"
                )
            for name, values in entry.from_tensors(tensors).items():
                node = found
                *parents, last = name.split("/")
                for key in parents:
                    node = node.setdefault(key, {})
                node[last] = values.astype(np_dtype(dtype)) if dtype else values
        return found


def is_released(folder: str | Path) -> bool:
    """Whether a folder holds files of a released model, and not a run."""
    folder = Path(folder).expanduser()
    if any(folder.glob("*.safetensors*")):
        return True
    return (folder / CONFIG).is_file() and "model_type" in _read_config(folder / CONFIG)


def open_model(folder: str | Path, dtype: str = "float32") -> Released:
    """Opens the folder of a released model; no array is read.

    dtype: of the computation.

    Raises:
      CheckpointError: files are missing, or the architecture is not known.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise CheckpointError(f"there is no folder {folder} with a released model: {NEEDED}")
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder} lacks {CONFIG}: {NEEDED}")
    config = ReleasedConfig(_read_config(folder / CONFIG))
    family = family_of(config)
    count = config.count("parscale_n", 1)
    try:
        streams = streams_around(
            Decoder(
                **family.decoder(config),
                dtype=dtype,
                attention="blocks",
                scanned=True,
                rematerialized=False,
            ),
            count,
            config.count("parscale_n_tokens", 48),
        )
    except (CheckpointError, ValueError, TypeError) as error:
        raise CheckpointError(f"{folder}: {error}") from error
    smoothing = config.number("parscale_attn_smooth") if count > 1 else 0.0
    return Released(folder, config, family, streams, smoothing)


def streams_around(decoder: Decoder, count: int, prefix: int) -> Streams:
    """Returns P streams as they were published."""
    return Streams(
        decoder=decoder,
        count=count,
        transform="prefix",
        prefix=prefix,
        code=0,
        code_hidden=0,
        rank=0,
        tied=False,
        lone_prefix=False,
        aggregation="learned",
    )


def leaf_shapes(model: Streams) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a model's leaves by name."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    found = jax.tree_util.tree_flatten_with_path(shapes)[0]
    return {leaf_name(path): leaf.shape for path, leaf in found}


def leaf_name(path: jax.tree_util.KeyPath) -> str:
    """Returns the keys of a leaf as one name, as in `Entry.leaves`."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def family_of(config: Mapping[str, Any]) -> Family:
    """Returns the layout that config.json names."""
    for family in FAMILIES:
        if config["model_type"] in family.model_types:
            return family
    known = ", ".join(name for family in FAMILIES for name in family.model_types)
    raise CheckpointError(
        f"config.json is of model_type {config['model_type']!r}: only {known} can be read here"
    )


def _open_weights(folder: Path) -> Checkpoint:
    if not any(folder.glob("*.safetensors*")):
        raise CheckpointError(f"{folder} lacks {WEIGHTS}: {NEEDED}")
    return open_checkpoint(folder)


def _check(
    checkpoint: Checkpoint,
    config: ReleasedConfig,
    entries: list[Entry],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """Raises CheckpointError unless the tensors are those that the config asks for."""
    wanted = {k: v for entry in entries for k, v in entry.shapes(shapes).items()}
    missing = [name for name in wanted if name not in checkpoint.tensors]
    if missing:
        raise CheckpointError(
            f"{checkpoint.path} lacks {len(missing)} tensors that its {CONFIG} asks for, "
            f"{', '.join(missing[:3])}{' and others' if len(missing) > 3 else ''}: {NEEDED}"
        )
    for name, shape in wanted.items():
        if checkpoint[name].shape != shape:
            raise CheckpointError(
                f"{checkpoint.path}: {name} has shape {checkpoint[name].shape}, and {shape} by its "
                f"{CONFIG}: take both files from one model"
            )
    unknown = [
        name
        for name in checkpoint.tensors
        if name not in wanted
        and not name.endswith(TABLES)
        and not (name in READOUTS and _is_copy(checkpoint, name, entries))
    ]
    if unknown:
        raise CheckpointError(
            f"{checkpoint.path} has {len(unknown)} tensors for which a model of model_type "
            f"{config['model_type']!r} has no place here: {', '.join(unknown[:3])}"
        )


def _is_copy(checkpoint: Checkpoint, readout: str, entries: list[Entry]) -> bool:
    """Whether a read-out that tied embeddings make needless is theirs."""
    (own,) = (entry.name for entry in entries if entry.leaves == ("decoder/embedding_VxM",))
    return bool(np.array_equal(checkpoint[readout].read(), checkpoint[own].read()))


def _read_config(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds no table of keys: copy or download it again")
    return found
