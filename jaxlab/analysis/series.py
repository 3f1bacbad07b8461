"""A series: one model at many steps of its training, as a table that grows row by row, and fits.

The table is a CSV file with the numbers that arXiv 2602.03685, Fig. 6, has of language models.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import exponent_interval
from jaxlab.analysis.statics import gaussian_entropy

CLOCKS = ("tau", "step")
# What is fitted: whether it rises, and whether it falls to a floor.
QUANTITIES = {"loss": (False, True), "logit_std": (True, False), "beta": (True, False)}


class Row(NamedTuple):
    """One model at one step, measured on a fixed text; means over its tokens.

    Attributes:
      series: what the model is one of, such as the run; several members are its seeds.
      member: its number in the series.
      step: of its training.
      tau: the sum of the learning rates up to it; NaN where the schedule is not known.
      text: names the text, so that a table has one text.
      loss, entropy: of the prediction, nats per token.
      logit_mean, logit_std, logit_range: over the vocabulary, of the logits of a token.
      correct_margin, top_margin: of the correct and the largest logit over their mean.
      beta: the inverse temperature at which independent Gaussian logits of deviation 1 would have
        this entropy; see `effective_beta`.
    """

    series: str
    member: int
    step: int
    tau: float
    text: str
    loss: float
    logit_mean: float
    logit_std: float
    logit_range: float
    correct_margin: float
    top_margin: float
    entropy: float
    beta: float

    @property
    def key(self) -> tuple[str, int, int]:
        """What no two rows share."""
        return self.series, self.member, self.step


@dataclass(frozen=True)
class SeriesFit:
    """The exponent of one quantity of a series on one clock, over its members and fit windows.

    Attributes:
      series: which.
      quantity: "loss", which falls to a fitted floor, or "logit_std" or "beta", which rise.
      clock: "tau" or "step".
      exponent, low, high: the exponent with its interval; NaN where there is none.
      members: how many.
      points: steps in the window.
      window: first and last time.
      note: why there is no exponent, or what speaks against it.
    """

    series: str
    quantity: str
    clock: str
    exponent: float
    low: float
    high: float
    members: int
    points: int
    window: Window
    note: str = ""


def read_table(path: Path) -> list[Row]:
    """Returns the rows of a table, none where there is no file; a half-written last line is cut.

    Raises:
      ValueError: another file, or a damaged row.
    """
    if not path.exists():
        return []
    whole = path.read_bytes()
    content = whole[: whole.rfind(b"\n") + 1]
    if content != whole:
        path.write_bytes(content)
    lines = list(csv.reader(content.decode(errors="replace").splitlines()))
    if lines and tuple(lines[0]) != Row._fields:
        raise ValueError(f"{path} is no table of a series: choose another file")
    found = []
    for number, cells in enumerate(lines[1:], 2):
        try:
            numbers = [float(cell) for cell in cells[5:]]
            found.append(
                Row(cells[0], int(cells[1]), int(cells[2]), float(cells[3]), cells[4], *numbers)
            )
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"{path}, line {number} is damaged ({error}): remove it") from error
    return found


def append(path: Path, row: Row) -> None:
    """Writes one row to the end of a table, which is made if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists() or not path.stat().st_size
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(Row._fields)
        writer.writerow(row)


def effective_beta(classes: int, entropy: float) -> float:
    """Returns the β at which n Gaussian logits have this mean entropy in nats (Fig. 6a).

    By interpolation, to 1e-3 of it. NaN outside what β from 0.01 to 100 has.
    """
    beta_B, entropy_B = _entropies(classes)
    if not entropy_B[-1] <= entropy <= entropy_B[0]:
        return math.nan
    return float(np.exp(np.interp(-entropy, -entropy_B, np.log(beta_B))))


@cache
def _entropies(classes: int) -> tuple[np.ndarray, np.ndarray]:
    beta_B = np.geomspace(0.01, 100, 161)
    return beta_B, np.array([gaussian_entropy(classes, beta) for beta in beta_B.tolist()])


def fit_series(rows: Iterable[Row], part: Window) -> list[SeriesFit]:
    """Returns the exponents of every series, by quantity and clock.

    Args:
      rows: of a table.
      part: (low, high), the window as fractions of the last time.
    """
    by_series: dict[str, dict[int, list[Row]]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        by_series.setdefault(row.series, {}).setdefault(row.member, []).append(row)
    return [
        _fit(name, list(members.values()), quantity, clock, part)
        for name, members in by_series.items()
        for quantity in QUANTITIES
        for clock in CLOCKS
        if not any(math.isnan(row.tau) for row in members[min(members)]) or clock == "step"
    ]


def mean_curve(rows: Iterable[Row], name: str, quantity: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Returns a series' clock (τ where it is known), times after 0, and means over members."""
    own = [row for row in rows if row.series == name and row.step > 0]
    clock = "step" if any(math.isnan(row.tau) for row in own) else "tau"
    by_step: dict[int, list[tuple[float, float]]] = {}
    for row in own:
        by_step.setdefault(row.step, []).append((getattr(row, clock), getattr(row, quantity)))
    time_R, mean_R = np.array([np.mean(by_step[step], axis=0) for step in sorted(by_step)]).T
    return clock, time_R, mean_R


def _fit(name: str, members: list[list[Row]], quantity: str, clock: str, part: Window) -> SeriesFit:
    rising, floor = QUANTITIES[quantity]
    steps = set.intersection(*({row.step for row in own if row.step > 0} for own in members))
    time_SxR, value_SxR = (
        np.array(
            [[float(getattr(row, key)) for row in own if row.step in steps] for own in members]
        )
        for key in (clock, quantity)
    )
    last = float(time_SxR.max(initial=0.0))
    window = (part[0] * last, part[1] * last * (1 + 1e-9))
    inside = (time_SxR[0] >= window[0]) & (time_SxR[0] <= window[1])
    time_SxR, value_SxR = time_SxR[:, inside], value_SxR[:, inside]
    is_usable_S = (np.isfinite(value_SxR) & (value_SxR > 0)).all(axis=1)
    facts = (name, quantity, clock)
    counts = (int(is_usable_S.sum()), int(inside.sum()), window)
    left_out = [
        own[0].member for own, usable in zip(members, is_usable_S, strict=True) if not usable
    ]
    notes = [f"{quantity} is not above 0 all through the window in members {left_out}"] * bool(
        left_out
    )
    unknown = (math.nan, math.nan, math.nan)
    if not is_usable_S.any():
        return SeriesFit(*facts, *unknown, *counts, "; ".join(notes))
    try:
        found = exponent_interval(
            time_SxR[is_usable_S],
            value_SxR[is_usable_S] ** (-1 if rising else 1),
            window=window,
            floor=floor,
        )
    except NotMeasurable as error:
        notes.append(str(error))
        return SeriesFit(*facts, *unknown, *counts, "; ".join(notes))
    if found.suspect_fits:
        fits = found.seeds * len(found.windows)
        notes.append(f"{found.suspect_fits} of {fits} fits ended at a bound (floor 0 or exponent)")
    if found.seeds == 1:
        notes.append("one member: the interval covers fit windows only")
    return SeriesFit(*facts, found.value, found.low, found.high, *counts, "; ".join(notes))
