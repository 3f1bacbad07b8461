"""Fit power laws to a loss curve in a file, and say how far to trust the exponent.

    python scripts/fit_curve.py curve.csv --time=tau --loss=loss
    python scripts/fit_curve.py runs/headline/all/metrics.jsonl --loss=eval_loss
    python scripts/fit_curve.py trainer_state.json --time=step --rate=learning_rate
    python scripts/fit_curve.py wandb.csv --time=Step --schedule=cosine,peak=3e-4,steps=50000
    python scripts/fit_curve.py curve.csv --no-floor --window=4,162 --plot=fit.png
    python scripts/fit_curve.py runs.csv --loss=seed_a,seed_b,seed_c --json

Bad input ends with one line on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from jaxlab.command import run_command

if TYPE_CHECKING:  # numpy, scipy, rich and matplotlib wait until the arguments are parsed
    from jaxlab.analysis.curve import Curves
    from jaxlab.analysis.curve_file import Clock
    from jaxlab.analysis.diagnosis import CurveFits, Diagnosis

NO_FLOOR, WITH_FLOOR, EXPONENTIAL = "A t^-a", "A t^-a + L0", "A exp(-a t)"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Fit a power law, loss = A t^-a with or without a floor L0, to a loss curve in "
        "a file. Prints the fits beside an exponential, how much worse the exponent 1/3 fits "
        "than the best one, the exponent in many windows, an interval that covers the choice of "
        "window and (given several) the seeds, and warnings in plain words.",
        epilog="The clock matters most: softmax models are expected to have the exponent 1/3 "
        "against tau, the sum of the learning rates so far. Against steps it is another number.",
    )
    parser.add_argument(
        "file",
        help="CSV (commas, semicolons, tabs or spaces), JSON lines such as metrics.jsonl, or the "
        "trainer_state.json of Hugging Face; may be compressed",
    )
    parser.add_argument("--time", default="tau", help="the column to use as clock (default: tau)")
    tau = parser.add_mutually_exclusive_group()
    tau.add_argument(
        "--rate",
        metavar="COLUMN",
        help="make tau of a column of learning rates: their integral over the steps in --time",
    )
    tau.add_argument(
        "--schedule",
        metavar="NAME,KEY=VALUE,...",
        help="make tau of the steps in --time and a schedule: constant, linear, cosine, wsd or "
        "power, with peak (1: tau over the peak rate), steps, and warmup, final, decay, power and "
        "offset as in a config, such as cosine,peak=3e-4,steps=50000,warmup=0.01",
    )
    parser.add_argument(
        "--loss",
        default="loss",
        help="the loss column (default: loss); for several seeds, several columns separated by "
        "commas, or one column in a file that also has a column 'seed'",
    )
    parser.add_argument(
        "--window",
        metavar="LO,HI",
        help="fit only where LO <= time <= HI; HI may be inf (default: the whole curve)",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="fit only the rows with this value; may be given several times",
    )
    parser.add_argument(
        "--seeds", default="seed", metavar="COLUMN", help="the column of seeds (default: seed)"
    )
    parser.add_argument(
        "--restarts",
        choices=["refuse", "last"],
        default="refuse",
        help="where time goes back: refuse, or keep what came last (default: refuse)",
    )
    parser.add_argument(
        "--floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether interval, local exponents and plot are those of the fit with a floor "
        "(default: --floor; a KL divergence that can reach 0 wants --no-floor)",
    )
    parser.add_argument("--json", action="store_true", help="print everything, as JSON")
    parser.add_argument("--plot", metavar="FILE", help="draw curve, fit and interval (png or svg)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = parse_arguments(argv)
    from jaxlab.analysis.curve_file import read_curves
    from jaxlab.analysis.diagnosis import diagnose

    try:
        window = _window(arguments.window) if arguments.window else None
        curves = read_curves(
            arguments.file,
            time=arguments.time,
            losses=arguments.loss,
            window=window,
            where=arguments.where,
            seeds=arguments.seeds,
            last=arguments.restarts == "last",
            clock=schedule_clock(arguments.schedule) if arguments.schedule else None,
            rate=arguments.rate,
        )
        clock = "tau" if arguments.rate or arguments.schedule else arguments.time
        diagnosis = diagnose(curves, clock=clock, floor=arguments.floor)
        if arguments.plot:
            draw(arguments.plot, curves, diagnosis, clock)
    except (ValueError, OSError) as error:
        print(f"fit_curve: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(_plain(dataclasses.asdict(diagnosis)), indent=2, allow_nan=False))
    else:
        show(diagnosis, clock)
    return 0


def schedule_clock(text: str) -> Clock:
    """The function from steps to τ of a schedule; it takes JAX, which no other clock needs."""
    from jaxlab.training.schedule import clock_of

    return clock_of(text)


def show(diagnosis: Diagnosis, clock: str) -> None:
    """Print the diagnosis as tables, the answer, and the warnings."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    # Numbers are never cut: in a narrow terminal lines are broken by the terminal.
    console = Console(highlight=False, markup=False, width=max(80, Console().width))

    def table(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
        for header in headers:
            grid.add_column(header, no_wrap=True)
        for row in rows:
            grid.add_row(*row)
        console.print(grid)

    first = diagnosis.fits[0].no_floor
    console.print(
        f"Fits to {first.points} points, {clock} {first.window[0]:.4g} … {first.window[1]:.4g}"
    )
    for curve in diagnosis.fits:
        headers = ["form", "a", "OLS ±", "L0", "R²", "1/3 : a", "status"]
        table(curve.name, headers, _fit_rows(curve))
    console.print("1/3 : a is the sum of squares at exponent 1/3 over that at the best exponent.\n")
    interval = diagnosis.interval
    form = WITH_FLOOR if diagnosis.floor else NO_FLOOR
    if interval is not None:
        table(
            f"Exponent by window, {form}",
            [clock, "mean", "interval over seeds"],
            [
                (
                    f"{part.window[0]:.4g} … {part.window[1]:.4g}",
                    f"{part.mean.value:.4f}",
                    _range(part.mean.low, part.mean.high),
                )
                for part in interval.windows
            ],
        )
    local, above = diagnosis.local, diagnosis.local_above_floor
    table(
        "Local exponents",
        [clock, "points", "of L", "of L - L0", "OLS ±"],
        [
            (f"{centre:.4g}", str(points), f"{raw:.4f}", f"{exponent:.4f}", f"{error:.4f}")
            for centre, points, raw, exponent, error in zip(
                local.centre,
                local.points,
                local.exponent,
                above.exponent,
                above.stderr,
                strict=True,
            )
        ],
    )
    for curve in diagnosis.fits:
        value, error = curve.floor_free_exponent
        found = "not measurable" if math.isnan(value) else f"{value:.3f} ± {error:.3f}"
        console.print(f"{curve.name}: exponent of -dL/dln t, which knows no floor: {found}")
    if interval is not None:
        console.print(
            f"\n{form}: exponent {interval.value:.3f} {_range(interval.low, interval.high)} over "
            f"{interval.seeds} seed(s) and {len(interval.windows)} windows (seeds alone "
            f"{_range(interval.seed_low, interval.seed_high)}, windows alone "
            f"{_range(interval.window_low, interval.window_high)})",
            style="bold",
        )
    for warning in diagnosis.warnings:
        console.print(f"warning: {warning}", style="yellow")


def draw(path: str, curves: Curves, diagnosis: Diagnosis, clock: str) -> None:
    """A log-log plot of the curves, the first one's fit, and that line turned by the interval."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    fit = diagnosis.fits[0].chosen(diagnosis.floor)
    t = np.geomspace(*fit.window, 200)
    middle = np.sqrt(fit.window[0] * fit.window[1])

    def turned(exponent: float):
        above_floor = fit.predict(middle) - fit.floor
        return above_floor * (t / middle) ** -exponent + fit.floor

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for time_R, loss_R, name in zip(curves.time, curves.loss, curves.names, strict=True):
        axes.plot(time_R, loss_R, ".", markersize=3, label=name)
    label = f"{fit.exponent:.3f}, no interval"
    if (interval := diagnosis.interval) is not None:
        label = f"{interval.value:.3f} {_range(interval.low, interval.high)}"
        ends = turned(interval.low), turned(interval.high)
        axes.fill_between(t, *ends, color="black", alpha=0.15, linewidth=0)
    axes.plot(t, fit.predict(t), color="black", linewidth=1, label=f"exponent {label}")
    axes.set(xscale="log", yscale="log", xlabel=clock, ylabel="loss")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _fit_rows(curve: CurveFits) -> Iterable[Sequence[str]]:
    for form, fit, ratio in (
        (NO_FLOOR, curve.no_floor, curve.one_third_no_floor),
        (WITH_FLOOR, curve.with_floor, curve.one_third_with_floor),
    ):
        numbers = f"{fit.exponent:.4f}", f"{fit.exponent_stderr:.2g}", f"{fit.floor:.4g}"
        yield form, *numbers, f"{fit.r_squared:.5f}", f"{ratio:.4g}", fit.status.value
    fit = curve.exponential
    numbers = f"{fit.rate:.4g}", f"{fit.rate_stderr:.2g}", ""
    yield EXPONENTIAL, *numbers, f"{fit.r_squared:.5f}", "", ""


def _window(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"--window={text} is not LO,HI, such as 4,162") from None
    return low, high


def _range(low: float, high: float) -> str:
    return f"[{low:.3f}, {high:.3f}]" if math.isfinite(low) else "unknown"


def _plain(value: Any) -> Any:
    """What JSON can hold: lists for arrays, the value of an enum, null for NaN."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return getattr(value, "value", value)


if __name__ == "__main__":
    run_command(main)
