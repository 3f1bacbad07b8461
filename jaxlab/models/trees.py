"""Parameters by name, as checkpoints have them, and the trees that models are applied to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np


def names(tree: Any) -> list[str]:
    """Returns the name of each leaf: its keys joined by "/", such as "head/kernel"."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]


def from_names(init: Callable[[jax.Array], Any], arrays: Mapping[str, np.ndarray]) -> Any:
    """Returns the tree that `init(key)` makes, with the arrays of these names as leaves."""
    shapes = jax.eval_shape(init, jax.random.key(0))
    return jax.tree.unflatten(jax.tree.structure(shapes), [arrays[name] for name in names(shapes)])
