"""Loss curves from files: which columns, which rows, which clock."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlab.analysis.curve import MIN_POINTS, Curves, Window
from jaxlab.analysis.table_file import Row, TableFile, is_recorded, open_table
from jaxlab.config import check

Clock = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # steps [R] -> τ [R]


class _Curve(NamedTuple):
    name: str
    time: NDArray[np.float64]  # [R], as are the others
    loss: NDArray[np.float64]
    lines: NDArray[np.int64]


class _Span(NamedTuple):
    """The first and the last record of a rate: τ (0 where nothing precedes step 1), and steps."""

    low: float
    high: float
    steps: tuple[float, float]


class _Records:
    """The records of one curve as they are read: a row where either number is missing is none."""

    def __init__(self, time: int, loss: int):
        self.columns = time, loss
        self.numbers: Any = (array("d"), array("d"))
        self.lines: Any = array("q")

    def read(self, table: TableFile, row: Row) -> None:
        cells = row.cells[self.columns[0]], row.cells[self.columns[1]]
        try:
            pair = float(cells[0]), float(cells[1])
        except (TypeError, ValueError):
            if not all(map(is_recorded, cells)):
                return
            pair = table.number(row, self.columns[0]), table.number(row, self.columns[1])
        for numbers, number in zip(self.numbers, pair, strict=True):
            numbers.append(number)
        self.lines.append(row.line)

    def taken(self, numbers_RxC: NDArray, lines_R: NDArray) -> _Records:
        """Itself, with all records of a table of plain numbers."""
        self.numbers = tuple(numbers_RxC[:, column] for column in self.columns)
        self.lines = lines_R
        return self

    def arrays(self, last: bool) -> tuple[NDArray, NDArray, NDArray]:
        """Time, loss and lines, all [R]; `last` drops what a restart repeats.

        A time that is not finite orders nothing: it is kept, for the checks of all records.
        """
        time, loss = (np.array(numbers) for numbers in self.numbers)
        lines = np.array(self.lines)
        if last and time.size:
            known = np.where(np.isfinite(time), time, np.nan)
            later = np.fmin.accumulate(known[::-1])[::-1]  # the least time from here on
            kept = np.append(~(known[:-1] >= later[1:]), True)
            time, loss, lines = time[kept], loss[kept], lines[kept]
        return time, loss, lines


def read_curves(
    path: str | Path,
    *,
    time: str,
    losses: str | Sequence[str],
    window: Window | None = None,
    where: Sequence[str] = (),
    seeds: str = "seed",
    last: bool = False,
    clock: Clock | None = None,
    rate: str | None = None,
) -> Curves:
    """Loss curves from a table, whose formats are those of `table_file`.

    Several curves are several loss columns that share the time column, or one loss column beside a
    column of seeds, or a list in every cell, such as the members in `metrics.jsonl` of a run. An
    empty cell was not recorded: that curve lacks the record.

    Args:
      path: of the file.
      time: the column of the clock, or of the steps that `clock` or `rate` turn into one.
      losses: the loss columns; as one text, a single column or several separated by commas.
      window: keep LO <= clock <= HI; None keeps all at positive times.
      where: keep the rows with `COLUMN=VALUE`.
      seeds: the column whose values name the curves, if there is one.
      last: where time goes back, keep what came later: the run was restarted from there.
      clock: makes τ of the steps.
      rate: a column of learning rates, of which τ is the integral over the steps.

    Raises:
      ValueError: a column is missing (the message lists those there are), a cell in the window is
        no finite number (it gives the line of the file, the header being line 1), time goes back,
        there are fewer than MIN_POINTS records, or more than half of τ would have to be guessed
        because `rate` was not recorded there.
    """
    table = open_table(path)
    names = _loss_columns(table, losses)
    by_seed = seeds in table.names and seeds not in (time, *names)
    if by_seed and len(names) > 1:
        raise ValueError(
            f"{path} has a column {seeds!r}, so give one loss column, not {len(names)}"
        )
    times = [_time_column(table, time, name) for name in names]
    pairs = list(zip(times, map(table.column, names), strict=True))
    rates = (
        [(own, _time_column(table, rate, name)) for own, name in zip(times, names, strict=True)]
        if rate
        else []
    )
    seed_column = table.column(seeds) if by_seed else None

    found: dict[str, list[_Records]] = {}
    of_rates: dict[str, list[_Records]] = {}
    plain = None if by_seed or where else table.plain()
    if plain is not None:
        found[""], of_rates[""] = (
            [_Records(*pair).taken(*plain) for pair in group] for group in (pairs, rates)
        )
    for row in table.where(where).rows if plain is None else ():
        seed = "" if seed_column is None else str(row.cells[seed_column]).strip()
        if seed not in found:
            found[seed] = [_Records(*pair) for pair in pairs]
            of_rates[seed] = [_Records(*pair) for pair in rates]
        for records in (*found[seed], *of_rates[seed]):
            records.read(table, row)

    curves, spans = [], []
    for seed, own in found.items():
        for place, (name, records) in enumerate(zip(names, own, strict=True)):
            curve = _Curve(f"{seeds} {seed}" if by_seed else name, *records.arrays(last))
            if rate:
                curve, span = _with_rates(curve, of_rates[seed][place].arrays(last), rate)
                spans.append(span)
            elif clock:
                curve = curve._replace(time=clock(curve.time))
            curves.append(curve)
    check(bool(curves), f"{path} has 0 points; a fit needs at least {MIN_POINTS}")
    clock_name = "tau" if rate or clock else time
    notes = [
        f"{curve.name}: {(curve.time <= 0).sum()} record(s) at {clock_name} <= 0 are left out."
        for curve in curves
        if window is None and (curve.time <= 0).any()
    ]
    curves = [_inside(curve, clock_name, window) for curve in curves]
    for curve in curves:
        _check_records(curve, clock_name, f"{table.path}, {table.unit}")
    for curve, span in zip(curves, spans, strict=bool(spans)):
        notes += _guessed(curve, span, f"{table.path}: {rate}")
    notes += _unequal_ends(curves, clock_name, table.unit)
    return Curves(
        time=tuple(curve.time for curve in curves),
        loss=tuple(curve.loss for curve in curves),
        names=tuple(curve.name for curve in curves),
        lines=tuple(curve.lines for curve in curves),
        notes=tuple(notes),
    )


def _inside(curve: _Curve, clock: str, window: Window | None) -> _Curve:
    """The records of a curve in the window, and those of which the time is unknown."""
    low, high = window or (0.0, np.inf)
    check(low < high, f"a window is (low, high) with low < high, not ({low:g}, {high:g})")
    kept = ((curve.time >= low) & (curve.time <= high)) | np.isnan(curve.time)
    if window is None:
        kept &= ~(curve.time <= 0)
    check(
        bool(kept.sum() >= MIN_POINTS or curve.time.size < MIN_POINTS),
        f"the window ({low:g}, {high:g}) holds {kept.sum()} of {curve.time.size} records of "
        f"{curve.name}, a fit needs {MIN_POINTS}; {clock} runs from "
        f"{np.nanmin(curve.time, initial=np.inf):g} to {np.nanmax(curve.time, initial=-np.inf):g}",
    )
    return _Curve(curve.name, curve.time[kept], curve.loss[kept], curve.lines[kept])


def _check_records(curve: _Curve, clock: str, where: str) -> None:
    """Raises ValueError for records that cannot be fitted; `where` is the file and its unit."""
    for what, values in ((clock, curve.time), (curve.name, curve.loss)):
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            raise ValueError(
                f"{where} {curve.lines[at]}: {what} is {str(values[at])!r}, not a finite number: "
                "cut the curve before it with --window=LO,HI, or leave the curve out in the open"
            )
    back = np.diff(curve.time) <= 0
    if back.any():
        at = int(np.argmax(back)) + 1
        raise ValueError(
            f"{where} {curve.lines[at]}: {clock} {curve.time[at]:g} follows {curve.time[at - 1]:g}"
            ". Was the run restarted? --restarts=last keeps what came later. Are several runs in "
            "one column? --where=COLUMN=VALUE chooses one, --seeds=COLUMN separates them"
        )
    count = curve.time.size
    check(
        count >= MIN_POINTS,
        f"{where.rpartition(',')[0]} has {count} points for {curve.name}; a fit needs at least "
        f"{MIN_POINTS}",
    )


def _unequal_ends(curves: Sequence[_Curve], clock: str, unit: str) -> list[str]:
    longest = max(curve.time[-1] for curve in curves)
    return [
        f"{curve.name} stops at {clock} {curve.time[-1]:g} ({unit} {curve.lines[-1]}), the longest "
        f"curve at {longest:g}: the interval is over the part that all have."
        for curve in curves
        if curve.time[-1] < longest
    ]


def _loss_columns(table: TableFile, losses: str | Sequence[str]) -> list[str]:
    if isinstance(losses, str):
        losses = [losses] if losses in table.names else [part.strip() for part in losses.split(",")]
    names = []
    for loss in losses:
        of_members = [name for name in table.names if name.startswith(f"{loss}[")]
        if loss not in table.names and of_members:
            _check_members(Path(table.path), of_members)
            names += of_members
        else:
            table.column(loss)
            names.append(loss)
    return names


def _time_column(table: TableFile, time: str, loss: str) -> int:
    """The column of the clock, where there is one for each member that of the loss column's."""
    of_member = f"{time}[{loss.rpartition('[')[2]}"
    return table.column(of_member if time not in table.names and of_member in table.names else time)


def _check_members(path: Path, names: list[str]) -> None:
    """Raises ValueError if the members of a run differ in more than their seeds."""
    file = path.parent / "members.json"
    if len(names) == 1 or path.name != "metrics.jsonl" or not file.exists():
        return
    members = json.loads(file.read_text())
    keys = {key for member in members for key in member if key != "seed"}
    differing = sorted(k for k in keys if len({str(member.get(k)) for member in members}) > 1)
    check(
        not differing,
        f"the members in {path} differ in {', '.join(differing)}, so they are no seeds of one "
        f"setting: choose some by their place in {file.name}, such as --loss='{names[0]}'",
    )


def _with_rates(
    curve: _Curve, rates: tuple[NDArray, NDArray, NDArray], column: str
) -> tuple[_Curve, _Span]:
    """The curve with τ as clock: the integral of the rate, linear between records, over the steps.

    Before the first record of the rate it is taken as it is there, after the last as it is there.
    """
    step, at, rate = curve.time, *rates[:2]
    known = at.size and np.isfinite(at).all() and np.isfinite(rate).all() and (rate >= 0).all()
    check(bool(known), f"the column {column!r} must hold learning rates, finite and not negative")
    check(
        bool((np.diff(at) > 0).all()),
        f"the steps of {column!r} go back: --restarts=last keeps what came later",
    )
    steps = float(at[0]), float(at[-1])
    at, rate = np.concatenate([[0.0], at]), np.concatenate([rate[:1], rate])
    whole = np.concatenate([[0.0], np.cumsum(np.diff(at) * (rate[1:] + rate[:-1]) / 2)])
    before = np.clip(np.searchsorted(at, step, side="right") - 1, 0, at.size - 1)
    tau = whole[before] + (step - at[before]) * (rate[before] + np.interp(step, at, rate)) / 2
    low = float(whole[1]) if steps[0] > 1 else 0.0
    return curve._replace(time=tau), _Span(low, float(whole[-1]), steps)


def _guessed(curve: _Curve, span: _Span, column: str) -> list[str]:
    """A note on the share of τ that lies outside the records of the rate, if any.

    Raises:
      ValueError: it is more than half of τ at the last record of the curve.
    """
    tau = curve.time
    if tau[0] <= 0:
        return []  # the fit refuses it
    share = (np.minimum(tau, span.low) + np.maximum(tau - span.high, 0)) / tau
    text = (
        f"{column} is recorded at steps {span.steps[0]:g} to {span.steps[1]:g} only and taken as "
        f"constant outside, which makes {share[0]:.1%} of tau at the first fitted record of "
        f"{curve.name} and {share[-1]:.1%} at the last: "
    )
    advice = "if it was not constant there, as in a warm-up, tau is wrong; --schedule knows it"
    check(bool(share[-1] <= 0.5), f"{text}too much for a fit; give the whole schedule, --schedule")
    return [text + advice] if (share > 0).any() else []
