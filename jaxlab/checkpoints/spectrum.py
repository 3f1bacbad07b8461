"""Singular values of the matrices of a checkpoint, and the power law of their tail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.checkpoints.statistics import matching, matrices, singular_values
from jaxlab.checkpoints.tensors import CheckpointError, Kind, Tensor

LEAST_FOR_TAIL = 16  # singular values, for a law of their tail


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Of one matrix, such as one of those that lie in the leading axes of an array.

    Attributes:
      name, shape: of the matrix; see `statistics.matrices`.
      values: the singular values, descending.
      decay: s_i ~ i^-decay, by least squares over the second to the middle value in logarithms;
        None for fewer than `LEAST_FOR_TAIL` values.
      tail_exponent: of the density of the squared singular values above their median, p(x) ~
        x^-tail_exponent, by Hill's estimator (maximum likelihood); None likewise.
      tail_stderr: the standard error of `tail_exponent` for independent values.
      remark: why there are no values.
    """

    name: str
    shape: tuple[int, ...]
    values: np.ndarray
    decay: float | None
    tail_exponent: float | None
    tail_stderr: float | None
    remark: str = ""

    @property
    def row(self) -> Row:
        """What a table shows."""
        low, high = (self.values[-1], self.values[0]) if self.values.size else (np.nan, np.nan)
        laws = (self.decay, self.tail_exponent, self.tail_stderr, self.remark)
        return Row(self.name, self.shape, self.values.size, float(high), float(low), *laws)


class Row(NamedTuple):
    """A spectrum without its values."""

    name: str
    shape: tuple[int, ...]
    values: int
    largest: float
    least: float
    decay: float | None
    tail_exponent: float | None
    tail_stderr: float | None
    remark: str


def spectra(checkpoint: Checkpoint, pattern: str = "*") -> Iterator[Spectrum]:
    """Yields the spectrum of every matrix in the arrays whose names fit the pattern.

    Raises:
      CheckpointError: no matrix fits, or an array is damaged.
    """
    found = False
    for tensor in matching(checkpoint, pattern):
        if tensor.kind is Kind.ARRAY and len(tensor.shape) >= 2:
            for matrix in matrices(tensor):
                found = True
                values, why = singular_values(matrix)
                yield replace(spectrum(matrix, values), remark=why)
    if not found:
        raise CheckpointError(f"{checkpoint.path} has no matrix that fits {pattern!r}: see `tree`")


def spectrum(tensor: Tensor, values: np.ndarray) -> Spectrum:
    """Returns the spectrum of a matrix from its singular values, descending."""
    positive = values[values > 1e-12 * values[0]] if values.size and values[0] > 0 else values[:0]
    if positive.size < LEAST_FOR_TAIL:
        return Spectrum(tensor.name, tensor.shape, values, None, None, None)
    order = np.arange(1, positive.size + 1)
    part = slice(1, positive.size // 2 + 1)
    decay = -float(np.polyfit(np.log(order[part]), np.log(positive[part]), 1)[0])
    energy = positive**2
    least = float(np.median(energy))
    tail = energy[energy > least]
    hill = float(np.mean(np.log(tail / least)))
    return Spectrum(
        tensor.name,
        tensor.shape,
        values,
        decay=decay,
        tail_exponent=1 + 1 / hill if hill > 0 else None,
        tail_stderr=1 / hill / np.sqrt(tail.size) if hill > 0 else None,
    )
