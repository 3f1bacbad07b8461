"""Fashion-MNIST from the files of Debian's package, which needs no site but a Debian mirror.

60 000 + 10 000 grey images of 28 x 28 pixels in 10 balanced classes (Xiao, Rasul and Vollgraf,
arXiv 1708.07747; MIT licence).
"""

import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

SYSTEM = Path("/usr/share/datasets/fashion-mnist")  # where `apt install` puts the files
UNPACKED = Path("dataset-fashion-mnist")  # where a user without root unpacks them in the data_dir
FILES = {"train": "train", "test": "t10k"}
COMMANDS = "apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb {folder}"
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
CLASSES += ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


class FashionMnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """TFDS set `fashion_mnist`: `image` (28, 28, 1) uint8 and `label`, splits train and test.

    As the set of that name in the catalogue, but for the encoding of the image: TFDS needs
    TensorFlow to write a PNG. So it stays out of the registry, where the name is taken. Written as
    array_record: see `prepare`.
    """

    VERSION = tfds.core.Version("3.0.1")

    def __init__(self, source: Path, **kwargs: Any):
        self._source = source
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Fashion-MNIST, from Debian's package dataset-fashion-mnist.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(28, 28, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(names=list(CLASSES)),
                }
            ),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            license="MIT",
            disable_shuffling=True,  # the files' order is kept; training shuffles by index
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        del dl_manager  # there is nothing to download
        return {split: self._generate_examples(split) for split in FILES}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        images, labels = (
            read_idx(self._source / f"{FILES[split]}-{kind}-ubyte.gz")
            for kind in ("images-idx3", "labels-idx1")
        )
        if images.shape != (len(labels), 28, 28) or labels.max(initial=0) >= len(CLASSES):
            raise ValueError(
                f"{self._source}: the {split} files hold images {images.shape} and labels "
                f"{labels.shape} up to {labels.max(initial=0)}: install the package again"
            )
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield number, {"image": image[..., None], "label": int(label)}


def prepare(data_dir: str | os.PathLike) -> Path:
    """Writes `fashion_mnist` under `data_dir` from Debian's files, unless it is there already.

    The files are looked for in `data_dir` and where the package installs them.

    Returns:
        The folder of the prepared set, for `tfds.builder_from_directory`.

    Raises:
        ValueError: the files are missing or damaged, or `data_dir` cannot be written.
    """
    unpacked = Path(data_dir) / UNPACKED
    places = (unpacked / SYSTEM.relative_to("/"), SYSTEM)
    source = next((place for place in places if place.is_dir()), None)
    if source is None:
        raise ValueError(
            f"fashion_mnist is not under {Path(data_dir).absolute()}, and Debian's files are not "
            f"in {SYSTEM}. On Debian or Ubuntu: {COMMANDS.format(folder=unpacked)} (or, as root, "
            "apt-get install dataset-fashion-mnist). Or set task.dataset = 'glyphs', which every "
            "machine has"
        )
    builder = FashionMnist(source, data_dir=data_dir)
    quiet = io.StringIO()  # nothing is being "downloaded"
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            builder.download_and_prepare(file_format="array_record")
    except (OSError, RuntimeError) as error:  # array_record reports a full disk as RuntimeError
        # Where another process was faster, its complete folder is in the way of our rename.
        if not builder.is_prepared():
            raise ValueError(f"cannot write fashion_mnist under {data_dir}: {error}") from error
    return Path(builder.data_dir)


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped idx file of bytes: uint8 of the shape in its header.

    The format: two zero bytes, 8 for unsigned bytes, the number of axes, their lengths as
    big-endian 32-bit numbers, the bytes (http://yann.lecun.com/exdb/mnist).

    Raises:
        ValueError: the file is missing, damaged or of another kind.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start], ">u4").tolist() if len(content) >= start > 4 else [-1]
    if len(content) - start != np.prod(shape):
        raise ValueError(f"{path} is no idx file of unsigned bytes, or a part of one")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
