"""Text files as documents: read, hashed, and split by their paths."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable
from pathlib import Path

SPLITS = ("train", "validation")


def read_matching(pattern: str) -> dict[str, bytes]:
    """Reads the files of a folder, or of a glob such as `/texts/**/*.txt`.

    Hidden files are left out, and so are those without any text.

    Returns:
        Path to content as `read_files`, the path from the folder where the pattern's first wildcard
        is, so that it is the same wherever the folder lies.

    Raises:
        ValueError: nothing matches, or a file cannot be read.
    """
    parts = Path(pattern).expanduser().parts
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    folder, rest = Path(*parts[:fixed]), Path(*parts[fixed:]).as_posix()
    if fixed == len(parts):
        rest = "**/*" if folder.is_dir() else folder.name
        folder = folder if folder.is_dir() else folder.parent
    found = glob.glob(rest, root_dir=folder, recursive=True)
    try:
        files = read_files((folder / path for path in found if (folder / path).is_file()), folder)
    except OSError as error:
        raise ValueError(f"files:{pattern} cannot be read: {error}") from error
    if not any(files.values()):
        raise ValueError(
            f"no text matches files:{pattern}: name a folder, or files by a pattern such as "
            f"files:{folder}/**/*.txt"
        )
    return {path: text for path, text in files.items() if text}


def read_files(paths: Iterable[Path], folder: Path) -> dict[str, bytes]:
    """Reads files under `folder`: relative posix path to content, in the order of paths.

    Bytes are kept as they are, valid UTF-8 or not. Links are not followed, and of files with the
    same content only the first is kept: a copy on the other side of a split would be a leak.
    """
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if not path.is_symlink()
    }
    first_paths = {}
    for path in sorted(files):
        first_paths.setdefault(files[path], path)
    return {path: text for text, path in first_paths.items()}


def hash_of(files: dict[str, bytes]) -> str:
    """sha256 over the (path, content) pairs in the order of paths, each with its length."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(errors="surrogateescape"), files[path]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def split_of(path: str) -> str:
    """`validation` for one path in ten, `train` for the rest, whatever else is in the set.

    Whole files, because cutting by offset would put the same text on both sides.
    """
    encoded = path.encode(errors="surrogateescape")
    number = int.from_bytes(hashlib.sha256(encoded).digest()[:8], "big")
    return "validation" if number % 10 == 0 else "train"
