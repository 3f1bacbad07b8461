"""Texts that mostly repeat others are left out, so that none lies on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping

WINDOW = 4  # lines that are compared at once: single lines of code are alike by chance
MOST = 0.5  # of a text's windows that earlier texts may have


def distinct(texts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns the texts of which earlier ones, in the given order, hold no more than half.

    What is compared are runs of four lines without their indentation and without empty lines. Texts
    without any line are left out too.
    """
    seen: set[int] = set()
    kept = {}
    for name, text in texts.items():
        own = _windows(text)
        if own and len(own & seen) <= MOST * len(own):
            kept[name] = text
            seen |= own
    return kept


def _windows(text: bytes) -> set[int]:
    lines = [line for line in map(bytes.strip, text.splitlines()) if line]
    last = max(1, len(lines) - WINDOW + 1)
    return {hash(b"\n".join(lines[n : n + WINDOW])) for n in range(last)} if lines else set()
