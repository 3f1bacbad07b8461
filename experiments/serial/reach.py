"""The reach of a model: the longest prefix of a word that it follows."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray


def reach(accuracy_SxN: ArrayLike, level: float = 0.95) -> NDArray[np.float64]:
    """Returns the longest prefix up to which every accuracy is at least `level`, [S]; 0 for none.

    Args:
      accuracy_SxN: of each seed on prefixes of 1 to N letters.
      level: above what guesses reach.
    """
    right_SxN = np.asarray(accuracy_SxN) >= level
    return np.cumprod(right_SxN, axis=1).sum(axis=1).astype(np.float64)


def by_letter(own: xr.Dataset, length: int, prefix: str = "eval_accuracy_") -> NDArray[np.float64]:
    """Returns the accuracy of each seed on prefixes of 1 to `length` letters, [S, N]."""
    names = [f"{prefix}letter_{place}" for place in range(1, length + 1)]
    return np.stack([own[name].values for name in names], axis=1)
