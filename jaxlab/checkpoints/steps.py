"""The saved steps in a folder."""

from __future__ import annotations

import re
from pathlib import Path

STEP_FILE = "_CHECKPOINT_METADATA"  # of a step: which handler wrote each item
PREFIXED = re.compile(r"(?P<prefix>.+)_(?P<step>[0-9]+)")  # a step of a manager with step_prefix


def saved_steps(path: str | Path) -> dict[int, Path]:
    """Returns the saved steps of a run or of a folder of steps, in ascending order."""
    path = Path(path).expanduser()
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    children = list(folder.iterdir())
    found = {int(child.name): child for child in children if is_step(child)}
    named = {child: PREFIXED.fullmatch(child.name) for child in children}
    prefixed = {
        child: match for child, match in named.items() if match and (child / STEP_FILE).is_file()
    }
    if not found and len({match["prefix"] for match in prefixed.values()}) == 1:
        found = {int(match["step"]): child for child, match in prefixed.items()}
    return dict(sorted(found.items()))


def is_step(folder: Path) -> bool:
    """Whether a folder has a number for its name."""
    return folder.is_dir() and folder.name.isdecimal()
