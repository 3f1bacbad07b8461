"""Statistics of the arrays of a checkpoint, one by one, in pieces and in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.tensors import Kind, Tensor, as_double

MOST_FOR_RANK = 4096  # of the smaller side of a matrix whose singular values are computed


@dataclass(frozen=True)
class Statistics:
    """Of one array, over its finite values; None where no value is finite.

    Attributes:
      name, shape, dtype: of the array.
      norm: the Euclidean norm.
      rms, mean, std, min, max: of its numbers; here and below, of complex ones both parts count.
      zeros: the share of zeros.
      nan, inf: how many.
      effective_rank: of a matrix, exp of the entropy of the squared singular values as shares.
      remark: why a matrix has no effective rank.
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
    remark: str = ""


def matching(checkpoint: Checkpoint, pattern: str = "*") -> list[Tensor]:
    """Returns the leaves whose name fits a pattern such as "params/*".

    Raises:
      CheckpointError: none does.
    """
    if pattern == "*":
        return list(checkpoint.tensors.values())
    return list(checkpoint.only(pattern).tensors.values())


def statistics(
    checkpoint: Checkpoint, pattern: str = "*", with_rank: bool = False
) -> Iterator[Statistics]:
    """Yields the statistics of each array, which is read while it is its turn.

    with_rank: of each matrix of its last two axes instead, with the effective rank.

    Raises:
      CheckpointError: an array is damaged.
    """
    for tensor in matching(checkpoint, pattern):
        if tensor.kind is Kind.ARRAY and with_rank and len(tensor.shape) >= 2:
            for matrix in matrices(tensor):
                rank, why = effective_rank(matrix)
                yield replace(summarise(matrix), effective_rank=rank, remark=why)
        elif tensor.kind is Kind.ARRAY:
            yield summarise(tensor)


def summarise(tensor: Tensor) -> Statistics:
    """Returns the statistics of one array."""
    total = count = nan = inf = zeros = 0
    mean = apart = squares = 0.0  # apart: the sum of squared distances from the mean so far
    low, high = np.inf, -np.inf
    for wide in map(as_double, tensor.pieces()):
        finite_N = wide[np.isfinite(wide)]
        total += wide.size
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
        zeros=zeros / max(total, 1),
        nan=nan,
        inf=inf,
    )


def matrices(tensor: Tensor) -> Iterator[Tensor]:
    """Yields the matrices of an array's last two axes, which is read whole, as "name[0, 1]".

    Raises:
      CheckpointError: the array is damaged.
    """
    if len(tensor.shape) == 2:
        yield tensor
        return
    values = tensor.read()
    for index in np.ndindex(tensor.shape[:-2]):
        yield replace(
            tensor,
            name=f"{tensor.name}[{', '.join(map(str, index))}]",
            shape=tensor.shape[-2:],
            read_part=values[index].__getitem__,
            block_shape=(),
            digest="",
        )


def singular_values(matrix: Tensor) -> tuple[np.ndarray, str]:
    """Returns the singular values of a matrix, descending, and "" or why there are none."""
    if not matrix.size:
        return np.empty(0), "it has no numbers"
    if min(matrix.shape) > MOST_FOR_RANK:
        return np.empty(0), f"no singular values: both sides exceed {MOST_FOR_RANK:,}"
    values = matrix.read()
    is_complex = np.issubdtype(values.dtype, np.complexfloating)
    values = values.astype(np.complex128 if is_complex else np.float64)
    if not np.isfinite(values).all():
        return np.empty(0), "no singular values: not all numbers are finite"
    return np.linalg.svd(values, compute_uv=False), ""


def effective_rank(matrix: Tensor) -> tuple[float | None, str]:
    """Returns exp(entropy) of the squared singular values as shares, and "" or why there is none.

    See Roy and Vetterli, The effective rank (EUSIPCO 2007), with squares in place of the values.
    """
    values, why = singular_values(matrix)
    if why:
        return None, why
    energy = values**2
    share = energy[energy > 0] / energy.sum() if energy.sum() > 0 else np.ones(0)
    return (float(np.exp(-(share * np.log(share)).sum())) if share.size else 0.0), ""
