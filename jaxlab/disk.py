"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from jaxlab.config import ConfigError


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Replaces the file at `path` as a whole, so that a kill or a full disk leaves the old one.

    Raises:
        ConfigError: it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error}") from error
