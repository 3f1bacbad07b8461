"""A text set as one array of bytes or tokens that remembers where its documents begin.

Held whole in memory: a batch is then an index into one array, which jit can do on the device.
"""

import dataclasses
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.disk import write_atomically
from jaxlab.tasks import files

MAX_TOKENS = 2**31 - 1  # offsets are int32, the widest index that JAX has by default


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of one split, one after another, without separators.

    Attributes:
        tokens_N: the bytes (uint8), or the tokens (uint16, or int32 for more than 65,536).
        document_starts_D: int32, the offset of each document's first token; it ends where the next
            begins, or at N.
        content_hash: sha256 over the bytes of these documents and their borders, to be recorded
            with a run.
        info: what else to record: `dataset` (name/config/version), `split`, and the metadata of
            the set itself (for `python_source` its `python_version` and `library_hash`, for the
            user's own files their `files_hash`); of tokens see `load_tokens`.
        pieces: the bytes of every token of the vocabulary; empty for bytes that are no tokens.
    """

    tokens_N: np.ndarray = dataclasses.field(repr=False)
    document_starts_D: np.ndarray = dataclasses.field(repr=False)
    content_hash: str
    info: dict[str, Any]
    pieces: tuple[bytes, ...] = dataclasses.field(default=(), repr=False)

    def document_lengths(self) -> np.ndarray:
        """Counts the tokens of each document."""
        return np.diff(self.document_starts_D, append=len(self.tokens_N))

    def documents(self) -> list[bytes]:
        """Cuts bytes (not tokens) into the documents."""
        text = self.tokens_N.tobytes()
        pairs = zip(self.document_starts_D, self.document_lengths(), strict=True)
        return [text[start : start + length] for start, length in pairs]


def load_tokens(
    name: str, split: str, data_dir: str | os.PathLike, vocabulary: int, tokenizer_folder: str = ""
) -> Corpus:
    """Reads a split as the tokens of a vocabulary that was learned from the split `train`.

    Both the vocabulary and the tokens are kept under `data_dir`/tokens; the first time takes
    seconds per 10 MB.

    Args:
        name: as for `load_bytes`.
        split: as for `load_bytes`. The vocabulary does not depend on it.
        data_dir: as for `load_bytes`.
        vocabulary: 256 for the bytes themselves, or how many tokens of byte-pair encoding.
        tokenizer_folder: of a released model, whose tokenizer.json is taken instead; `vocabulary`
            is then the number of tokens that the model has.

    Returns:
        The corpus; its `info` has also `vocabulary`, `tokenizer_hash` ("" for bytes), and
        `tokens_per_byte`: a loss in nats per token times it is one in nats per byte.

    Raises:
        ValueError: as `load_bytes`, `tokenizer.load` and `released_tokenizer.load`.
    """
    corpus = load_bytes(name, split, data_dir)
    if vocabulary == 256 and not tokenizer_folder:
        info = {"vocabulary": 256, "tokenizer_hash": "", "tokens_per_byte": 1.0}
        pieces = tuple(bytes([byte]) for byte in range(256))
        return dataclasses.replace(corpus, info=corpus.info | info, pieces=pieces)
    from jaxlab.tasks import released_tokenizer, tokenizer

    folder = Path(data_dir, "tokens")
    if tokenizer_folder:
        codec = released_tokenizer.load(tokenizer_folder, vocabulary)
    else:
        train = corpus if split == "train" else load_bytes(name, "train", data_dir)
        codec = tokenizer.load(train.documents(), vocabulary, folder)
    path = folder / f"bpe{vocabulary}-{codec.hash[:16]}-{corpus.content_hash[:16]}.npz"
    if not path.exists():
        write_atomically(path, _encoded(corpus.documents(), codec.encode))
    try:
        with path.open("rb") as file, np.load(file) as saved:
            tokens_N, starts_D = saved["tokens_N"], saved["document_starts_D"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: delete it and run again ({error})") from error
    info = {
        "vocabulary": vocabulary,
        "tokenizer_hash": codec.hash,
        "tokens_per_byte": len(tokens_N) / max(1, len(corpus.tokens_N)),
    }
    about = corpus.info | info
    return Corpus(tokens_N, starts_D, corpus.content_hash, about, tuple(codec.pieces))


def load_bytes(name: str, split: str, data_dir: str | os.PathLike) -> Corpus:
    """Reads a split of a text set. Never downloads.

    Args:
        name: `python_source`, `python_prose`, `python_packages` or `packages_prose`, which are
            prepared on the spot when missing; `files:` and a folder or a pattern, such as
            `files:/texts/**/*.txt`; or any TFDS set with a `text` that lies prepared under
            `data_dir`: `lm1b`, or `wiki40b/en:1.3.0` where a name alone leaves a choice. So a copy
            that another Python prepared is read by its full name.
        split: as TFDS writes it, such as `train` or `train[:10%]`; of `files:` one of
            `files.SPLITS`, by a hash of each path.
        data_dir: the TFDS data folder.

    Raises:
        ValueError: the set is not there, damaged, not in a format that needs no TensorFlow, has no
            `text` or not this split, or is too large for int32 offsets.
    """
    if name.startswith("files:"):
        return _load_files(name, split)
    import tensorflow_datasets as tfds  # takes a second: only for those who read text

    from jaxlab.tasks import python_packages, python_prose, python_source

    built = {
        "python_source": python_source.PythonSource,
        "python_prose": python_prose.PythonProse,
        "python_packages": python_packages.PythonPackages,
        "packages_prose": python_packages.PackagesProse,
    }
    if name in built:
        folder = python_source.prepare(data_dir, built[name])
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
    lengths_D = corpus.document_lengths()
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


def _load_files(name: str, split: str) -> Corpus:
    if split not in files.SPLITS:
        raise ValueError(f"{name} has no split {split!r}, only {', '.join(files.SPLITS)}")
    found = files.read_matching(name.removeprefix("files:"))
    chosen = [text for path, text in found.items() if files.split_of(path) == split]
    if not chosen:
        raise ValueError(
            f"of the {len(found)} different texts of {name} none falls into {split}, to which a "
            "hash of its path takes one in ten: cut them into more files"
        )
    info = {"dataset": name, "split": split, "files_hash": files.hash_of(found)}
    return _corpus(chosen, info)


def _encoded(documents: list[bytes], encode: Callable[[bytes], np.ndarray]) -> bytes:
    encoded = [encode(document) for document in documents]
    lengths_D = np.array([len(tokens) for tokens in encoded], np.int64)
    starts_D = (np.cumsum(lengths_D) - lengths_D).astype(np.int32)
    content = io.BytesIO()
    np.savez(content, tokens_N=np.concatenate(encoded), document_starts_D=starts_D)
    return content.getvalue()


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
            'here: prepare it there with file_format="array_record", or take python_source or '
            "python_prose, which every machine has, or your own texts by files:FOLDER"
        )
    if len(infos) > 1:
        choices = ", ".join(sorted(info.parent.relative_to(data_dir).as_posix() for info in infos))
        raise ValueError(f"several sets are called {name!r} under {data_dir}, name one: {choices}")
    return infos[0].parent
