"""What the sizes of a model must be."""

from __future__ import annotations

from typing import Any


def require(model: Any, **least: int) -> None:
    """Raises ValueError where a field of `model` is below its least value."""
    for name, bound in least.items():
        if getattr(model, name) < bound:
            raise ValueError(f"{name} must be at least {bound}, got {getattr(model, name)}")
