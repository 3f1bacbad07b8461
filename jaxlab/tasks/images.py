"""A labelled image set as two arrays in memory, so that a batch is an index on the device."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.tasks import glyphs


@dataclass(frozen=True, eq=False)
class Images:
    """One split.

    Attributes:
        pixels_NxP: uint8, a flattened image per row.
        labels_N: int32, from 0.
        classes: how many there are.
        info: what to record: `dataset`, `split`, `examples` and `content_hash` (sha256).
    """

    pixels_NxP: np.ndarray = field(repr=False)
    labels_N: np.ndarray = field(repr=False)
    classes: int
    info: dict[str, Any]


def load(name: str, split: str, data_dir: str | os.PathLike) -> Images:
    """Reads a split of an image set. Never downloads.

    Args:
        name: `glyphs`, which every machine has; `fashion_mnist`, which is prepared from Debian's
            files when missing; or any TFDS set with `image` and `label` that lies prepared under
            `data_dir`.
        split: "train" or "test".
        data_dir: the TFDS data folder.

    Raises:
        ValueError: the set is not there, damaged, not of such images, or in a format that takes
            TensorFlow.
    """
    if name == "glyphs":
        pixels, labels_N = glyphs.draw(split)
        return _images(pixels, labels_N, len(glyphs.DIGITS), "glyphs", split)
    builder = _builder(name, Path(data_dir))
    features = builder.info.features
    if not {"image", "label"} <= set(features) or not hasattr(features["label"], "num_classes"):
        raise ValueError(f"{name} has no `image` with a class `label`: {dict(features)}")
    try:
        source = builder.as_data_source(split)
        examples = source.__getitems__(range(len(source)))
    except (NotImplementedError, ImportError) as error:
        raise ValueError(
            f"{builder.data_dir} takes TensorFlow to read: prepare it as array_record, with "
            "`image` as a Tensor"
        ) from error
    except RuntimeError as error:  # a checksum of array_record
        raise ValueError(f"{builder.data_dir} is damaged ({error}): delete it") from error
    pixels = np.stack([example["image"] for example in examples])
    labels_N = np.array([example["label"] for example in examples], np.int32)
    classes = features["label"].num_classes
    return _images(pixels, labels_N, classes, builder.info.full_name, split)


def _builder(name: str, data_dir: Path) -> Any:
    import tensorflow_datasets as tfds  # takes a second: only for those who read images
    from tensorflow_datasets.core import read_only_builder

    try:
        return read_only_builder.builder_from_files(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        if name != "fashion_mnist":
            raise ValueError(
                f"no prepared TFDS set {name!r} under {data_dir.absolute()}, and nothing is "
                "downloaded here: prepare it there as array_record, or take fashion_mnist or glyphs"
            ) from error
    from jaxlab.tasks import fashion_mnist

    return tfds.builder_from_directory(fashion_mnist.prepare(data_dir))


def _images(
    pixels: np.ndarray, labels_N: np.ndarray, classes: int, dataset: str, split: str
) -> Images:
    pixels_NxP = pixels.reshape(len(pixels), -1)
    content_hash = hashlib.sha256(pixels_NxP.tobytes() + labels_N.tobytes()).hexdigest()
    info = {"dataset": dataset, "split": split}
    info |= {"examples": len(labels_N), "content_hash": content_hash}
    return Images(pixels_NxP, labels_N, classes, info)
