"""Loss curves: what the fits accept, the part inside a window, and reading them from CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.estimate import NotMeasurable

Window = tuple[float, float]

# Fewer points than this leave a three-parameter fit too little to be wrong about.
MIN_POINTS = 5


@dataclass(frozen=True)
class Curves:
    """The loss curves of several seeds.

    Attributes:
      time: [S, R] the clock (τ, steps, ...) of each record.
      loss: [S, R] usually in nats.
      names: [S] what to call each curve in tables and messages.
    """

    time: NDArray[np.float64]
    loss: NDArray[np.float64]
    names: tuple[str, ...]


def check_curve(
    time: ArrayLike, loss: ArrayLike, *, name: str = "the curve"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One curve as float64, or a ValueError that names the first record that cannot be fitted.

    Args:
      time: [R] finite and strictly increasing.
      loss: [R] finite. (A loss outside the fit window may be zero or negative.)
      name: what messages call this curve, such as "seed 3".
    """
    time, loss = np.asarray(time, np.float64), np.asarray(loss, np.float64)
    if time.ndim != 1 or time.shape != loss.shape:
        raise ValueError(
            f"{name}: time {time.shape} and loss {loss.shape} must be vectors of the same length"
        )
    for what, values in (("time", time), ("loss", loss)):
        if not np.isfinite(values).all():
            record = int(np.argmin(np.isfinite(values)))
            raise NotMeasurable(
                f"{name}: {what} is {values[record]} at record {record} of {values.size}; "
                "leave out a diverged curve in the open, or cut it before it diverges"
            )
    if (np.diff(time) <= 0).any():
        record = int(np.argmax(np.diff(time) <= 0)) + 1
        raise NotMeasurable(
            f"{name}: time must increase, but record {record} ({time[record]:g}) "
            f"follows {time[record - 1]:g}; are several runs in one column?"
        )
    return time, loss


def cut_curve(
    time: ArrayLike, loss: ArrayLike, window: Window | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The records of one curve with window[0] <= time <= window[1], checked.

    Args:
      time: [R] finite and strictly increasing.
      loss: [R] finite, and positive inside the window because the fits take its logarithm.
      window: in units of time; either end may be infinite; None takes every record.

    Raises:
      ValueError: bad records (see `check_curve`), or fewer than MIN_POINTS in the window.
    """
    time, loss = check_curve(time, loss)
    if window is not None:
        low, high = window
        if not low < high:
            raise ValueError(f"a window is (low, high) with low < high, not ({low:g}, {high:g})")
        kept = (time >= low) & (time <= high)
        if kept.sum() < MIN_POINTS and time.size >= MIN_POINTS:
            raise NotMeasurable(
                f"the window ({low:g}, {high:g}) holds {kept.sum()} of {time.size} records, a fit "
                f"needs {MIN_POINTS}; time runs from {time[0]:g} to {time[-1]:g}: widen the window"
            )
        time, loss = time[kept], loss[kept]
    if time.size < MIN_POINTS:
        raise NotMeasurable(f"a fit needs at least {MIN_POINTS} points, the curve has {time.size}")
    if (loss <= 0).any():
        worst = int(np.argmax(loss <= 0))
        raise NotMeasurable(
            f"loss is {loss[worst]:g} at time {time[worst]:g}: the fits take its logarithm, "
            "so every loss in the window must be positive"
        )
    return time, loss


def read_curves(path: str | Path, *, time: str, losses: Sequence[str]) -> Curves:
    """Loss curves from a CSV file with a header.

    Several curves are either several loss columns that share the time column, or one loss
    column beside a column `seed`, with the same number of rows for each seed.

    Raises:
      ValueError: a column is missing (the message lists those there are), a cell is no finite
        number (the message gives the line of the file, the header being line 1), there are
        fewer than MIN_POINTS rows, or the seeds do not have equally many.
    """
    header, lines = _read(path)
    missing = [column for column in (time, *losses) if column not in header]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]!r}; it has: {', '.join(header)}")
    by_seed = "seed" in header and "seed" not in (time, *losses)
    if by_seed and len(losses) > 1:
        raise ValueError(f"{path} has a column 'seed', so give one loss column, not {len(losses)}")

    rows_by_seed: dict[str, list[list[float]]] = {}
    for line, cells in lines:
        numbers = [_number(cells.get(c), f"{path}, line {line}: {c}") for c in (time, *losses)]
        seed = cells.get("seed", "").strip() if by_seed else ""
        rows_by_seed.setdefault(seed, []).append(numbers)

    counts = {seed: len(rows) for seed, rows in rows_by_seed.items()}
    if min(counts.values(), default=0) < MIN_POINTS:
        seed = min(counts, key=lambda seed: counts[seed], default="")
        of_seed = f" for seed {seed}" if seed else ""
        raise ValueError(
            f"{path} has {counts.get(seed, 0)} points{of_seed}; a fit needs at least {MIN_POINTS}"
        )
    if len(set(counts.values())) > 1:
        raise ValueError(f"{path}: the seeds must have equally many rows, but have {counts}")

    if by_seed:
        table_SxRx2 = np.array(list(rows_by_seed.values()))
        names = tuple(f"seed {seed}" for seed in rows_by_seed)
        return Curves(table_SxRx2[..., 0], table_SxRx2[..., 1], names)
    table_RxC = np.array(rows_by_seed[""])
    loss_SxR = table_RxC[:, 1:].T
    return Curves(np.broadcast_to(table_RxC[:, 0], loss_SxR.shape), loss_SxR, tuple(losses))


def _read(path: str | Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The column names, and each row with its line number; a short row lacks its last cells."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [column.strip() for column in next(reader, [])]
            lines = [
                (reader.line_num, dict(zip(header, row, strict=False))) for row in reader if row
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from error
    if not header:
        raise ValueError(f"{path} is empty: its first line must name the columns")
    return header, lines


def _number(cell: str | None, where: str) -> float:
    try:
        value = float(cell or "nan")
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{where} is {cell!r}, not a finite number")
    return value
