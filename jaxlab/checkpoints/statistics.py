"""Statistics of the arrays of a checkpoint, one by one, in pieces and in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import Kind, Tensor

PIECE_NUMBERS = 1 << 18  # that are in double precision at once
MOST_FOR_RANK = 4096  # of the smaller side of a matrix whose singular values are computed


@dataclass(frozen=True)
class Statistics:
    """Of one array, over its finite values; None where no value is finite.

    Attributes:
      name, shape, dtype: of the array.
      norm: the Euclidean norm.
      rms, mean, std, min, max: of its numbers; of complex ones, of their absolute values.
      zeros: the share of zeros.
      nan, inf: how many.
      effective_rank: exp of the entropy of the squared singular values as shares, of a matrix whose
        last two axes are taken (the first of several); None for vectors and for large matrices.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    norm: float | None
    rms: float | None
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    zeros: float
    nan: int
    inf: int
    effective_rank: float | None = None


def matching(checkpoint: Checkpoint, pattern: str = "*") -> list[Tensor]:
    """Returns the leaves whose name fits a pattern such as "params/*"."""
    return [tensor for name, tensor in checkpoint.tensors.items() if fnmatch(name, pattern)]


def statistics(
    checkpoint: Checkpoint, pattern: str = "*", with_rank: bool = False
) -> Iterator[Statistics]:
    """Yields the statistics of each array, which is read while it is its turn.

    Raises:
      CheckpointError: an array is damaged.
    """
    for tensor in matching(checkpoint, pattern):
        if tensor.kind is Kind.ARRAY:
            yield summarise(tensor, with_rank)


def summarise(tensor: Tensor, with_rank: bool = False) -> Statistics:
    """Returns the statistics of one array."""
    count = nan = inf = zeros = 0
    mean = apart = squares = 0.0  # apart: the sum of squared distances from the mean so far
    low, high = np.inf, -np.inf
    for wide in (as_double(piece) for block in tensor.blocks() for piece in _pieces(block)):
        finite_N = wide[np.isfinite(wide)]
        nan += int(np.isnan(wide).sum())
        inf += int(np.isinf(wide).sum())
        zeros += int((wide == 0).sum())
        if finite_N.size:
            # Pieces are joined by their means (Chan, Golub and LeVeque 1983): a difference of two
            # sums of squares would lose what a large mean covers.
            own = float(finite_N.mean())
            shift, joined = own - mean, count + finite_N.size
            apart += float(((finite_N - own) ** 2).sum())
            apart += shift**2 * count * finite_N.size / joined
            mean += shift * finite_N.size / joined
            count = joined
            squares += float(finite_N @ finite_N)
            low, high = min(low, float(finite_N.min())), max(high, float(finite_N.max()))
    return Statistics(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        norm=float(np.sqrt(squares)) if count else None,
        rms=float(np.sqrt(squares / count)) if count else None,
        mean=mean if count else None,
        std=float(np.sqrt(apart / count)) if count else None,
        min=low if count else None,
        max=high if count else None,
        zeros=zeros / max(tensor.size, 1),
        nan=nan,
        inf=inf,
        effective_rank=effective_rank(tensor) if with_rank else None,
    )


def _pieces(block: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the numbers of a block in pieces whose double precision fits a cache."""
    flat_N = block.reshape(-1)
    for start in range(0, flat_N.size, PIECE_NUMBERS):
        yield flat_N[start : start + PIECE_NUMBERS]


def as_double(values: np.ndarray) -> np.ndarray:
    """Returns numbers in double precision; complex ones as absolute values."""
    if np.issubdtype(values.dtype, np.complexfloating):
        return np.abs(values.astype(np.complex128))
    return values.astype(np.float64)


def singular_values(tensor: Tensor) -> np.ndarray | None:
    """Returns the singular values of a matrix, descending; None for what is no matrix.

    Of more than two axes, the last two are taken for each index of the others, and all singular
    values are returned together.
    """
    if len(tensor.shape) < 2 or min(tensor.shape[-2:]) > MOST_FOR_RANK or not tensor.size:
        return None
    values = as_double(tensor.read())
    if not np.isfinite(values).all():
        return None
    found = np.linalg.svd(values, compute_uv=False)
    return np.sort(found.ravel())[::-1]


def effective_rank(tensor: Tensor) -> float | None:
    """Returns exp(entropy) of the squared singular values as shares; see `Statistics`."""
    if len(tensor.shape) < 2:
        return None
    part = (slice(0, 1),) * (len(tensor.shape) - 2)
    if min(tensor.shape[-2:]) > MOST_FOR_RANK or not tensor.size:
        return None
    values = as_double(tensor.read_part(part)).reshape(tensor.shape[-2:])
    if not np.isfinite(values).all():
        return None
    energy = np.linalg.svd(values, compute_uv=False) ** 2
    share = energy[energy > 0] / energy.sum() if energy.sum() > 0 else np.ones(0)
    return float(np.exp(-(share * np.log(share)).sum())) if share.size else 0.0
