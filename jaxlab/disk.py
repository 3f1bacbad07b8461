"""Files that are there whole or not at all, and JSON that shows when it was changed."""

from __future__ import annotations

import json
import os
import re
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxlab import config as configs
from jaxlab.config import Config, ConfigError, Overrides

SEAL = "crc32"  # the last key of a sealed JSON object
MEMBERS = "number_of_members"  # in config.json: how many its check sum is over
LONGEST_SEAL = 40  # bytes
_SEALED = re.compile(r',\s*"crc32": "([0-9a-f]{8})"\s*}\s*$')


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Replaces the file at `path` as a whole, so that a kill or a full disk leaves the old one.

    Raises:
        ConfigError: it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")  # unique, on other hosts too
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


def seal(text: str, before: str = "") -> str:
    """Returns a JSON object with the check sum of its text as a last key.

    Args:
        text: a JSON object with at least one key.
        before: the check sum of the object before it, which makes a chain of them: none of it can
            be changed, lost or moved unseen.
    """
    body = text.rstrip().removesuffix("}").rstrip()
    return f'{body}, "{SEAL}": "{_check_sum(body, before)}"}}'


def unseal(text: str, before: str = "") -> tuple[Any, str]:
    """Returns what JSON holds, without its check sum, and that check sum, "" where it has none.

    Raises:
        ValueError: it is no JSON, or was changed after it was sealed.
    """
    value = json.loads(text)
    found = _SEALED.search(text)
    if not (found and isinstance(value, dict)):
        return value, ""
    if _check_sum(text[: found.start()], before) != found[1]:
        raise ValueError("it was changed after it was written")
    del value[SEAL]
    return value, found[1]


def read_json(path: Path, remedy: str) -> Any:
    """Returns what a JSON file holds.

    Raises:
        ConfigError: it cannot be read, or was changed after it was sealed. The message ends with
            the remedy.
    """
    try:
        return unseal(path.read_text())[0]
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged ({error}): {remedy}") from error


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Writes a JSON object with its check sum, there whole or not at all."""
    write_atomically(path, f"{seal(json.dumps(value, indent=1))}\n".encode())


def write_config(folder: Path, config: Config, members: list[Overrides]) -> None:
    """Writes `config.json` and `members.json` of a run or a study.

    The config comes last: a folder that has it has both. Its check sum is over the members too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "members.json", f"{json.dumps(members, indent=1)}\n".encode())
    values = configs.plain(config) | {MEMBERS: len(members)}
    sealed = seal(json.dumps(values, indent=2, sort_keys=True), _of_members(members))
    write_atomically(folder / "config.json", f"{sealed}\n".encode())


def read_config(folder: Path, added: bool = False) -> tuple[Config, list[Overrides]]:
    """Returns the config and the members of a run or a study.

    Args:
        folder: of the run or the study.
        added: whether further members may have come since the config was written, as in a study
            whose extension was killed.

    Raises:
        ConfigError: they cannot be read, or were changed after they were written.
    """
    try:
        members = list(configs.tuples(json.loads((folder / "members.json").read_text())))
        text = (folder / "config.json").read_text()
        count = json.loads(text).get(MEMBERS, len(members))
        if count > len(members) or (count < len(members) and not added):
            raise ValueError(f"members.json has {len(members)} members, not {count}")
        values, _ = unseal(text, _of_members(members[:count]))
        values.pop(MEMBERS, None)
        config = configs.from_plain(values)
        if not {"study", "seed", "experiment"} <= set(config):
            raise ValueError("config.json is not the config of a run")
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{folder} is not a whole run (config.json or members.json: {error}): restore it, "
            "or delete the folder and train it again"
        ) from error
    return config, members


def sealed_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yields what the whole lines of a file hold: JSON objects, the seals of which are a chain.

    A last line without its end is what a kill leaves, and is left out.

    Raises:
        ConfigError: a line is no JSON object, or lines were changed, lost or moved; it says where.
    """
    last = ""
    remedy = "restore it, or delete the run and train it again"
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error}): {remedy}") from error
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break
        try:
            row, own = unseal(line.decode(), last)
            if not isinstance(row, dict) or (last and not own):
                raise ValueError("it is no whole record")
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path} is damaged, line {number}: {error}; {remedy}") from error
        last = own
        yield row


def last_seal(text: str) -> str:
    """Returns the check sum at the end of a text, "" where there is none."""
    found = _SEALED.search(text)
    return found[1] if found else ""


def _of_members(members: list[Overrides]) -> str:
    return _check_sum(json.dumps(members, sort_keys=True), "")


def _check_sum(text: str, before: str) -> str:
    return f"{zlib.crc32(text.encode(), int(before or '0', 16)):08x}"
