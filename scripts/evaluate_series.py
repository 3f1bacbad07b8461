#!/usr/bin/env python
"""Measures decoders at every saved step of their training, and fits what they did in time.

python scripts/evaluate_series.py runs/decoders --csv=series.csv --plot=series.png
python scripts/evaluate_series.py models/pythia-70m --schedule=cosine,peak=1e-3,steps=143000
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # jax and numpy wait until the arguments are parsed
    from collections.abc import Iterator

    from experiments.parscale.series import Point
    from jaxlab.analysis.series import Row, SeriesFit


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Evaluate all saved steps of the decoder runs, or all revisions of a released "
        "model, below a folder on the same text: "
        "loss, mean, deviation and range of the logits, margins of the correct and of the largest "
        "token over the mean, entropy, and the inverse temperature β of Gaussian logits with this "
        "entropy. Then fit loss, deviation and β as powers of τ and of the step.",
        epilog="Rows are written one by one; the same command goes on where it stopped. To keep "
        "log-spaced steps of a run, train it with --config.checkpoint.keep_per_decade=10. The "
        "window of the fits is in fractions of the last time.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "path",
        type=Path,
        help="a run, a study, a folder of studies, or a folder whose folders are revisions of one "
        "released model, with their step in the name, such as step1000",
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="the table (default: PATH/series.csv)"
    )
    parser.add_argument(
        "--batches", type=int, default=16, help="of the run's evaluation (default 16)"
    )
    parser.add_argument(
        "--window", default="0.014,1", metavar="LO,HI", help="of the fits (default: 0.014,1)"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw loss and deviation of the logits (png, svg)"
    )
    of_revisions = parser.add_argument_group("of a released model")
    of_revisions.add_argument(
        "--dataset", default="python_source", help="the text (default: python_source)"
    )
    of_revisions.add_argument(
        "--length", type=int, default=512, help="tokens of a row (default: 512)"
    )
    of_revisions.add_argument(
        "--schedule",
        help="make τ of the steps: constant, linear, cosine, wsd or power, then KEY=VALUE, as in "
        "cosine,peak=1e-3,steps=143000,warmup=0.01,final=0.1",
    )
    parser.add_argument("--json", action="store_true", help="print the fits as JSON")
    return parser.parse_args()


def main() -> int:
    """Fills the table, then prints the fits; returns the exit status."""
    args = parse()
    from jaxlab.analysis.series import fit_series, read_table

    try:
        low, high = (float(end) for end in args.window.split(","))
        table = args.csv or args.path / "series.csv"
        if args.batches < 1 or not 0 < low < high <= 1:
            raise ValueError("--batches must be at least 1, and --window within 0 < LO < HI <= 1")
        fill(args, table)
        rows = read_table(table)
        fits = fit_series(rows, (low, high))
        if args.plot:
            draw(args.plot, rows)
    except (ValueError, OSError) as error:  # ConfigError and CheckpointError are ValueErrors
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps([_plain(fit) for fit in fits], indent=1))
    else:
        show(table, fits)
    return 0


def fill(args: argparse.Namespace, table: Path) -> None:
    """Measures what the table lacks, row by row.

    Raises:
      ConfigError, CheckpointError, ValueError: for runs or a table that cannot be read, or rows of
        another text.
    """
    from experiments.parscale.series import measure
    from jaxlab.analysis.series import append, read_table
    from jaxlab.config import check
    from jaxlab.sweeps.progress import duration
    from jaxlab.training import compilation_cache

    compilation_cache.enable()
    known = {row.key: row for row in read_table(table)}
    points = []
    for point in points_of(args):
        row = known.get(point[:3])
        check(
            row is None or row.text == point.text,
            f"{table} was measured on the text {row and row.text!r}, this is {point.text!r}: "
            "choose another --csv",
        )
        if row is None:
            points.append(point)
    started, shown = time.monotonic(), 0.0
    for done, point in enumerate(points, 1):
        append(table, measure(point))
        elapsed = time.monotonic() - started
        if elapsed - shown > 5 or done == len(points):
            shown = elapsed
            left = duration(elapsed * (len(points) - done) / done)
            print(f"{done} of {len(points)} models, {left} left", file=sys.stderr, flush=True)


def points_of(args: argparse.Namespace) -> Iterator[Point]:
    """Returns the models to measure."""
    from experiments.parscale.revisions import points_of_revisions, revisions
    from experiments.parscale.series import points_of_runs
    from jaxlab.training.schedule import clock_of

    if not args.path.is_dir() or not revisions(args.path):
        return points_of_runs(args.path, args.batches)
    clock = clock_of(args.schedule) if args.schedule else None
    return points_of_revisions(args.path, args.batches, args.dataset, args.length, clock)


def show(table: Path, fits: list[SeriesFit]) -> None:
    """Prints the fits as a table."""
    from rich.console import Console
    from rich.table import Table

    from jaxlab.report.claims import format_estimate

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 240
    console.print(f"{table}", soft_wrap=True)
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("series", "of", "against", "exponent", "members", "points", "note"):
        grid.add_column(name, overflow="fold")
    for fit in fits:
        number = format_estimate(fit.exponent, fit.low, fit.high)
        counts = str(fit.members), str(fit.points)
        grid.add_row(fit.series, fit.quantity, fit.clock, number, *counts, fit.note)
    console.print(grid)
    console.print("The loss falls to a fitted floor; β and the deviation of the logits rise.")


def draw(path: Path, rows: list[Row]) -> None:
    """Draws loss and deviation of the logits against τ, or the step where τ is not known."""
    from jaxlab.analysis.series import mean_curve
    from jaxlab.report.figures import house_style, panels

    with house_style():
        figure, axes = panels(1, 2)
        for ax, quantity, label in (
            (axes[0], "loss", "loss, nats per token"),
            (axes[1], "logit_std", "standard deviation of the logits"),
        ):
            for name in dict.fromkeys(row.series for row in rows):
                clock, time_R, value_R = mean_curve(rows, name, quantity)
                ax.plot(time_R, value_R, ".-", lw=1.2, label=name)
                ax.set(xscale="log", xlabel="τ" if clock == "tau" else clock)
                if (value_R > 0).any():
                    ax.set_yscale("log")
            ax.set_ylabel(label)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _plain(fit: SeriesFit) -> dict:
    """Returns what JSON can hold: null for NaN."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in dataclasses.asdict(fit).items()
    }


if __name__ == "__main__":
    sys.exit(main())
