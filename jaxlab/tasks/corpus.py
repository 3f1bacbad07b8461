"""A prepared TFDS text set as one array of bytes that remembers where its documents begin.

Held whole in memory: a batch is then an index into one array, which jit can do on the device.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

MAX_TOKENS = 2**31 - 1  # offsets are int32, the widest index that JAX has by default


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of one split, one after another, without separators.

    Attributes:
        tokens_N: uint8, the bytes.
        document_starts_D: int32, the offset of each document's first byte; it ends where the next
            begins, or at N.
        content_hash: sha256 over these documents and their borders, to be recorded with a run.
        info: what else to record: `dataset` (name/config/version), `split`, and the metadata of
            the set itself (for `python_source` its `python_version` and `library_hash`).
    """

    tokens_N: np.ndarray = dataclasses.field(repr=False)
    document_starts_D: np.ndarray = dataclasses.field(repr=False)
    content_hash: str
    info: dict[str, Any]


def load_bytes(name: str, split: str, data_dir: str | os.PathLike) -> Corpus:
    """Reads a split of a TFDS set with a `text` feature. Never downloads.

    Args:
        name: `python_source`, which is prepared on the spot when missing, or any set that lies
            prepared under `data_dir`: `lm1b`, or `wiki40b/en:1.3.0` where a name alone leaves a
            choice. So a copy that another Python prepared is read by its full name.
        split: as TFDS writes it, such as `train` or `train[:10%]`.
        data_dir: the TFDS data folder.

    Raises:
        ValueError: the set is not there, damaged, not in a format that needs no TensorFlow, has no
            `text` or not this split, or is too large for int32 offsets.
    """
    import tensorflow_datasets as tfds  # takes a second: only for those who read text

    if name == "python_source":
        from jaxlab.tasks import python_source

        folder = python_source.prepare(data_dir)
    else:
        folder = _prepared_folder(name, Path(data_dir))
    builder: Any = tfds.builder_from_directory(folder)
    info = builder.info
    if "text" not in info.features or not isinstance(info.features["text"], tfds.features.Text):
        raise ValueError(f"{folder} has no text feature called `text`: {dict(info.features)}")
    try:
        source = builder.as_data_source(split)
        documents = [example["text"] for example in source.__getitems__(range(len(source)))]
    except NotImplementedError as error:
        raise ValueError(
            f"{folder} is in the format {info.file_format.value}, which takes TensorFlow to read: "
            'prepare it with file_format="array_record"'
        ) from error
    except RuntimeError as error:  # a checksum of array_record
        raise ValueError(
            f"{folder} is damaged: delete it and prepare it again ({error})"
        ) from error
    return _corpus(documents, {"dataset": info.full_name, "split": split, **(info.metadata or {})})


def window_starts(corpus: Corpus, length: int, stride: int = 1) -> np.ndarray:
    """Where windows of `length` bytes may begin so that none reaches over a document's end.

    Args:
        corpus: the documents.
        length: bytes in a window; documents that are shorter are skipped.
        stride: bytes from one window to the next in a document; `length` makes them disjoint.

    Returns:
        int32, shape (windows,), ascending offsets into `tokens_N`.

    Raises:
        ValueError: `length` or `stride` is below 1, or no document is long enough.
    """
    if length < 1 or stride < 1:
        raise ValueError(f"length and stride must be at least 1, got {length} and {stride}")
    starts_D = corpus.document_starts_D
    lengths_D = np.diff(starts_D, append=len(corpus.tokens_N))
    if lengths_D.max(initial=0) < length:
        raise ValueError(
            f"no document has {length} bytes, the longest has {lengths_D.max(initial=0)}: "
            "take shorter windows"
        )
    ends_D = starts_D + lengths_D - length + 1
    spans = zip(starts_D, ends_D, strict=True)
    return np.concatenate([np.arange(start, end, stride, dtype=np.int32) for start, end in spans])


def _corpus(documents: list[bytes], info: dict[str, Any]) -> Corpus:
    lengths_D = np.array([len(document) for document in documents], np.int64)
    if lengths_D.sum() > MAX_TOKENS:
        raise ValueError(
            f"{info['dataset']} {info['split']} has {lengths_D.sum()} bytes, more than 2**31 - 1: "
            f"take a part, such as split='{info['split']}[:1%]'"
        )
    text = b"".join(documents)
    starts_D = (np.cumsum(lengths_D) - lengths_D).astype("<i4")
    content_hash = hashlib.sha256(starts_D.tobytes() + text).hexdigest()
    return Corpus(np.frombuffer(text, np.uint8), starts_D, content_hash, info)


def _prepared_folder(name: str, data_dir: Path) -> Path:
    """The one folder data_dir/name[/config][/version] that holds a finished set."""
    infos = [
        info
        for depth in ("", "*/", "*/*/")
        for info in (data_dir / name.replace(":", "/")).glob(f"{depth}dataset_info.json")
        if not info.parent.name.startswith("incomplete.")
    ]
    if not infos:
        raise ValueError(
            f"no prepared TFDS set {name!r} under {data_dir.absolute()}, and nothing is downloaded "
            'here: prepare it there with file_format="array_record", or take python_source, which '
            "every machine has"
        )
    if len(infos) > 1:
        choices = ", ".join(sorted(info.parent.relative_to(data_dir).as_posix() for info in infos))
        raise ValueError(f"several sets are called {name!r} under {data_dir}, name one: {choices}")
    return infos[0].parent
