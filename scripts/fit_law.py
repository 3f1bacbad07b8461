"""Fit the ParScale law L(N, P) to a table of losses, with its rivals beside it.

    python scripts/fit_law.py experiments/parscale/parscale_losses.csv --where=corpus=pile
    python scripts/fit_law.py losses.csv --where=dataset=code --plot=law.png
    python scripts/fit_law.py runs/widths --where=streams.lone=False --table=losses.csv

Bad input ends with one line on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxlab.command import run_command

if TYPE_CHECKING:  # numpy, scipy, rich and matplotlib wait until the arguments are parsed
    from numpy import ndarray

    from jaxlab.analysis.interval import Interval
    from jaxlab.analysis.scaling_law import HoldOut, LawFit

COLUMNS = ("N_params", "P", "loss")
OUTLIER = 2.5  # a cell this many times its law's RMS error away is named


@dataclass(frozen=True)
class Table:
    """The chosen rows: [R] each, and the values of every other column."""

    N: ndarray
    P: ndarray
    loss: ndarray
    others: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Fitted:
    """One law on the table."""

    formula: str
    fit: LawFit
    intervals: dict[str, Interval]
    hold_outs: dict[str, HoldOut]


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Fit L(N, P) = E + (A / (N (k ln P + 1)))^alpha to a CSV file with the columns "
        "N_params, P and loss, and beside it a power of P, a constant correlation between streams, "
        "and a term of its own for P. Prints parameters with intervals from a bootstrap over the "
        "cells (N, P), how each law predicts the largest N and the largest P unseen, and warnings "
        "in plain words.",
        epilog="Count in N_params what the streams add; the paper leaves the embeddings out. Rows "
        "with equal N_params and P are averaged, such as seeds.",
    )
    parser.add_argument(
        "path",
        help="a CSV file whose first line names the columns, or a folder with the runs of a study "
        "or their record: each member is a row",
    )
    parser.add_argument("--table", metavar="FILE", help="write the rows of a study as a CSV file")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="fit only the rows with this value in another column; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print everything, as JSON")
    parser.add_argument("--plot", metavar="FILE", help="draw table and laws (png or svg)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = parse_arguments(argv)
    try:
        table = read_table(arguments.path, arguments.where, arguments.table)
        laws, failed = fit_laws(table)
        if arguments.plot:
            draw(arguments.plot, table, laws)
    except (ValueError, OSError) as error:
        print(f"fit_law: {error}", file=sys.stderr)
        return 2
    warnings = [*failed, *warn(table, laws)]
    if arguments.json:
        answer = {"laws": [dataclasses.asdict(law) for law in laws], "warnings": warnings}
        print(json.dumps(_plain(answer), indent=2, allow_nan=False))
    else:
        show(table, laws, warnings)
    return 0


def read_table(path: str, where: Sequence[str], copy: str | None = None) -> Table:
    """The rows of a table that have the wanted values in other columns; see `table_file`.

    copy: a CSV file into which the rows of a study are written.

    Raises:
      ValueError: no such column or value (the message lists those there are), or a cell that is
        no number (the message gives the line of the file, the header being line 1).
    """
    import numpy as np

    from jaxlab.analysis.law_table import open_study
    from jaxlab.analysis.table_file import open_table

    table = open_study(path, copy) if Path(path).is_dir() else open_table(path)
    places = [table.column(column) for column in COLUMNS]
    rows = list(table.where(where).rows)
    numbers = [[table.number(row, place) for place in places] for row in rows]
    N, P, loss = np.array(numbers).reshape(-1, 3).T
    others = {
        name: tuple(str(row.cells[place]).strip() for row in rows)
        for place, name in enumerate(table.names)
        if name not in COLUMNS
    }
    return Table(N, P, loss, others)


def fit_laws(table: Table) -> tuple[list[Fitted], list[str]]:
    """Every law on the table, that of the paper first, and why others cannot be fitted.

    Raises:
      ValueError: the law of the paper cannot be fitted.
    """
    from jaxlab.analysis.estimate import NotMeasurable
    from jaxlab.analysis.laws import LAWS
    from jaxlab.analysis.scaling_law import fit_law, hold_outs, law_intervals

    rows = table.N, table.P, table.loss
    found: list[Fitted] = []
    failed = []
    for name, law in LAWS.items():
        try:
            fit = fit_law(*rows, law=name)
            intervals = law_intervals(*rows, fit=fit)
        except NotMeasurable as error:
            if not found:
                raise
            failed.append(f"the {name} law cannot be fitted: {error}")
            continue
        found.append(Fitted(law.formula, fit, intervals, hold_outs(*rows, law=name)))
    return found, failed


def warn(table: Table, laws: Sequence[Fitted]) -> Iterable[str]:
    """What a reader should know before quoting a parameter."""
    import numpy as np

    from jaxlab.analysis.scaling_law import cell_means

    cells = list(zip(table.N, table.P, strict=True))
    for name, values in table.others.items():
        if len(set(values)) > 1 and len(set(zip(cells, values, strict=True))) > len(set(cells)):
            listed = ", ".join(sorted(set(values)))
            yield (
                f"rows with equal N_params and P differ in {name} ({listed}) and are averaged "
                f"as repeats; --where={name}=… chooses"
            )
    for law in laws:
        if law.fit.at_bound:
            bound = " and ".join(law.fit.at_bound)
            yield f"{law.fit.law}: {bound} ended at a bound, not where the data alone put it"
        elif law.fit.status.value == "failed":
            yield f"{law.fit.law}: the fit did not settle; do not quote its parameters"
        if law.fit.agreement < 0.5:
            yield f"{law.fit.law}: only {law.fit.agreement:.0%} of the starts found the best fit"

    paper, rivals = laws[0], laws[1:]
    k = paper.intervals["k"]
    if k.low <= 0 <= k.high:
        yield f"k is {k.value:.3f} {_range(k)}: these losses do not show that P helps"
    elif k.high < 0:
        yield f"k is {k.value:.3f} {_range(k)}: the loss rises with P"
    for rival in rivals:
        ratio = np.divide(rival.fit.sum_of_squares, max(paper.fit.sum_of_squares, 1e-300))
        if ratio < 1:
            more = len(rival.fit.raw) - len(paper.fit.raw)
            cost = f" with {more} more parameter" if more else ""
            yield f"the {rival.fit.law} law has {ratio:.2f} times the sum of squares{cost}"
    for name in ("largest N", "largest P"):
        errors = {law.fit.law: law.hold_outs[name].rms for law in laws if name in law.hold_outs}
        if not errors:
            yield f"too few sizes or values of P to hold out the {name}"
        elif (best := min(errors, key=lambda law: errors[law])) != paper.fit.law:
            yield (
                f"the {best} law predicts the {name} best: RMS error {errors[best]:.4f}, the "
                f"{paper.fit.law} {errors[paper.fit.law]:.4f}"
            )
    N, P, loss = cell_means(table.N, table.P, table.loss)
    miss = loss - paper.fit.predict(N, P)
    worst, rms = int(np.argmax(np.abs(miss))), float(np.sqrt(np.mean(miss**2)))
    if abs(miss[worst]) > OUTLIER * rms:
        side = "above" if miss[worst] > 0 else "below"
        yield (
            f"N = {N[worst]:.4g}, P = {P[worst]:g} lies {abs(miss[worst]):.4f} {side} "
            f"the {paper.fit.law} law, {abs(miss[worst]) / rms:.1f} times its RMS error"
        )


def show(table: Table, laws: Sequence[Fitted], warnings: Sequence[str]) -> None:
    """Print the laws, their parameters, what P is worth, and the warnings."""
    import numpy as np
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Grid

    # Numbers are never cut: in a narrow terminal lines are broken by the terminal.
    console = Console(highlight=False, markup=False, width=max(80, Console().width))

    def grid(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        grid = Grid(title=title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
        for header in headers:
            grid.add_column(header, no_wrap=True)
        for row in rows:
            grid.add_row(*row)
        console.print(grid)

    grid(
        f"Laws for {table.loss.size} losses in {laws[0].fit.cells} cells",
        ["law", "R²", "squares", "largest N", "largest P", "status"],
        [
            (
                law.fit.law,
                f"{law.fit.r_squared:.5f}",
                f"{law.fit.sum_of_squares:.3g}",
                *(
                    f"{law.hold_outs[name].rms:.5f}" if name in law.hold_outs else "unknown"
                    for name in ("largest N", "largest P")
                ),
                law.fit.status.value,
            )
            for law in laws
        ],
    )
    console.print("Under largest N and P: the RMS error where those rows were not seen.\n")
    for law in laws:
        console.print(f"{law.fit.law}: L = {law.formula}", style="bold")
        for name, interval in law.intervals.items():
            console.print(f"  {name:<6}{interval.value:<12.5g}{_range(interval)}")
    k = laws[0].intervals["k"]
    console.print("\nBy the logarithm, streams act like this many times the parameters:")
    for P in np.unique(table.P[table.P > 1]):
        value, low, high = (end * math.log(P) + 1 for end in (k.value, k.low, k.high))
        console.print(f"  P = {P:<4g}{value:.3f} [{low:.3f}, {high:.3f}]")
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow")


def draw(path: str, table: Table, laws: Sequence[Fitted]) -> None:
    """Loss against N for each P: the table, the paper's law (lines), the best rival (dashes)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    rival = min(laws[1:] or laws, key=lambda law: law.fit.sum_of_squares)
    N = np.geomspace(table.N.min(), table.N.max(), 100)
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for P in np.unique(table.P):
        rows = table.P == P
        (points,) = axes.plot(
            table.N[rows], table.loss[rows], "o", markersize=4, label=f"P = {P:g}"
        )
        colour = points.get_color()
        axes.plot(N, laws[0].fit.predict(N, P), color=colour, linewidth=1)
        axes.plot(N, rival.fit.predict(N, P), "--", color=colour, linewidth=1)
    axes.set(xscale="log", xlabel="parameters", ylabel="loss")
    axes.legend(frameon=False, title=f"lines: {laws[0].fit.law}\ndashes: {rival.fit.law}")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _range(interval: Interval) -> str:
    return f"[{interval.low:.4g}, {interval.high:.4g}]"


def _plain(value: Any) -> Any:
    """What JSON can hold: the value of an enum, null for what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return getattr(value, "value", value)


if __name__ == "__main__":
    run_command(main)
