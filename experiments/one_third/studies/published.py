"""The paper's language models: refits of its published points, on τ and on steps (Fig. 6b-d).

`pythia_losses.csv` holds FineWeb test losses, in nats per token, of four Pythia models at 13
checkpoints, read off the plot of github.com/liuyz0/TimeScaling to about 1 % (figures only). `tau`
is the sum of the schedule, 1 % of 143 000 steps of warm-up and a cosine to a tenth, in units of the
peak rate. So nothing here says how language models learn: it says what fits make of these points.
One of them with the command (70M: --window=20,50000):

    python scripts/fit_curve.py experiments/one_third/pythia_losses.csv --loss=410M --window=90,inf
"""

from __future__ import annotations

from functools import cache
from math import inf
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from jaxlab.analysis.curve import read_curves
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.power_law import PowerLawFit, fit_power_law
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

CSV = Path(__file__).parents[1] / "pythia_losses.csv"
STEPS = 143_000
PEAK_RATES = {"70M": 1e-3, "410M": 3e-4, "2.8B": 1.6e-4, "12B": 1.2e-4}
EXPONENTS = {"70M": 0.341, "410M": 0.367, "2.8B": 0.337, "12B": 0.307}  # as printed in Fig. 6
# The points that the paper fits, and those of them after the warm-up.
FITTED = {name: slice(1, -2) if name == "70M" else slice(2, None) for name in PEAK_RATES}
AFTER_WARMUP = {name: slice(4, FITTED[name].stop) for name in PEAK_RATES}
REDRAWS, DIGITISED = 100, 0.01  # redraws of the points with this relative error

CODE = "refit of digitised points: tests the fit code, not language models"
EXPECTED = {
    **{
        f"pythia_{name}": Expected(
            f"Pythia {name}: loss above its floor falls as τ^-{exponent:g} ({CODE})",
            f"{PAPER}, Fig. 6",
            exponent,
            (
                round(exponent - 0.05, 3),
                round(exponent + 0.05, 3),
            ),  # 1 % in the points moves the fit by 0.035
        )
        for name, exponent in EXPONENTS.items()
    },
    "pythia_collapse": Expected(
        "Pythia: R² of one line through ln(L - L0) of all four models against ln τ, peak rates "
        f"included ({CODE})",
        f"{PAPER}, Fig. 6, as printed",
        0.98,
        (0.97, 1.0),
    ),
    "pythia_steps": Expected(
        "Control: against steps the same points do not give 1/3: mean exponent of the four models "
        f"({CODE})",
        f"{PAPER}, Fig. 6; against steps by this lab",
        None,
        (0.6, 0.8),
        control=True,
    ),
    "pythia_70M_after_warmup": Expected(
        "Pythia 70M: its 1/3 rests on checkpoints within the warm-up; from step 2000 on the same "
        f"fit is far above it ({CODE})",
        f"{PAPER}, Fig. 6; window by this lab",
        None,
        (0.4, inf),
    ),
    "pythia_clock": Expected(
        "This lab's τ at Pythia's checkpoints, against sums by hand: largest relative difference",
        f"{PAPER}, Fig. 6; closed sums by this lab",
        None,
        (0.0, 1e-5),
    ),
}


def measure() -> dict[str, Measured]:
    """Returns the refits, with intervals over redraws of the points within their accuracy."""
    refits = refit()
    redrawn = f"interval over {REDRAWS} redraws of the points with their 1 % of error"
    found = {
        f"pythia_{name}": Measured(
            _over_redraws(refits.tau[name]), f"{redrawn}; {_error(fit_model(name))}"
        )
        for name in PEAK_RATES
    }
    each = ", ".join(f"{name} {refits.steps[name][0]:.2f}" for name in PEAK_RATES)
    mean_D = np.mean([refits.steps[name] for name in PEAK_RATES], axis=0)
    late = ", ".join(f"{name} {refits.late[name][0]:.2f}" for name in PEAK_RATES)
    return found | {
        "pythia_collapse": Measured(
            _over_redraws(refits.collapse_D),
            f"against steps, with the same floors, {refits.collapse_steps:.2f}; {redrawn}",
        ),
        "pythia_steps": Measured(_over_redraws(mean_D), f"{each}; {redrawn}"),
        "pythia_70M_after_warmup": Measured(
            _over_redraws(refits.late["70M"]), f"from step 2000 on: {late}; {redrawn}"
        ),
        "pythia_clock": Measured(clock_difference(), "exact: nothing is drawn"),
    }


class Refits(NamedTuple):
    """Exponents by model, each [1 + REDRAWS] with that of the points as read first."""

    tau: dict[str, np.ndarray]
    steps: dict[str, np.ndarray]
    late: dict[str, np.ndarray]  # against τ, after the warm-up
    collapse_D: np.ndarray
    collapse_steps: float


def read() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Returns steps [13], τ over the peak rate [13], and the losses [13] of each model."""
    curves = read_curves(CSV, time="tau", losses=["step", *PEAK_RATES])
    steps_R, *losses = curves.loss
    return steps_R, curves.time[0], dict(zip(PEAK_RATES, losses, strict=True))


def fit_model(name: str, *, clock: str = "tau", late: bool = False) -> PowerLawFit:
    """Returns the fit with a floor to the points of one model that the paper fits.

    Log loss by least squares, as the paper does, except that the floor may be anything below the
    curve where the paper holds it below the last point. Here that makes no difference.
    """
    steps_R, tau_R, losses = read()
    part = (AFTER_WARMUP if late else FITTED)[name]
    return fit_power_law(
        {"tau": tau_R, "steps": steps_R}[clock][part], losses[name][part], floor=True
    )


@cache
def refit() -> Refits:
    """Returns every exponent and the collapse, for the points as read and redrawn."""
    steps_R, tau_R, losses = read()
    errors = np.random.default_rng(0).normal(0, DIGITISED, (REDRAWS, len(losses), tau_R.size))
    errors_DxMxR = np.concatenate([np.zeros((1, *errors.shape[1:])), errors])
    tau, steps, late = ({name: [] for name in losses} for _ in range(3))
    collapse_D, collapse_steps = [], np.nan
    for errors_MxR in errors_DxMxR:
        drawn = {
            name: loss_R * np.exp(errors_R)
            for (name, loss_R), errors_R in zip(losses.items(), errors_MxR, strict=True)
        }
        fits = {}
        for name, loss_R in drawn.items():
            part, after = FITTED[name], AFTER_WARMUP[name]
            fits[name] = fit_power_law(tau_R[part], loss_R[part], floor=True)
            tau[name].append(fits[name].exponent)
            steps[name].append(fit_power_law(steps_R[part], loss_R[part], floor=True).exponent)
            late[name].append(fit_power_law(tau_R[after], loss_R[after], floor=True).exponent)
        above = {name: drawn[name] - fit.floor for name, fit in fits.items()}
        clocks = {name: tau_R * rate for name, rate in PEAK_RATES.items()}
        if not collapse_D:
            collapse_steps = _collapse(dict.fromkeys(losses, steps_R), above)
        collapse_D.append(_collapse(clocks, above))
    tau, steps, late = (
        {name: np.array(values_D) for name, values_D in by.items()} for by in (tau, steps, late)
    )
    return Refits(tau, steps, late, np.array(collapse_D), collapse_steps)


def clock_difference() -> Interval:
    """Returns the largest relative difference of the lab's τ from the sums in closed form."""
    from jaxlab.training.schedule import tau  # it brings jax, which the refits do without

    at_R = read()[0].astype(int)
    shape = {"warmup": 0.01, "decay": 0.0, "final": 0.1}
    values = {f"schedule.{name}": np.array([value]) for name, value in shape.items()}
    values["optimizer.learning_rate"] = np.array([1.0])
    found_R = tau("cosine", values, at_R, STEPS)[0]
    return _exact(float(np.max(np.abs(found_R / tau_by_hand(at_R) - 1))))


def tau_by_hand(steps_R: np.ndarray) -> np.ndarray:
    """Returns the sum of Pythia's schedule over its first steps, in units of the peak rate.

    A triangle number for the warm-up, Dirichlet's kernel for the sum of a cosine.
    """
    warmup = STEPS // 100
    ramp_R = np.minimum(steps_R, warmup)
    rest_R = np.maximum(steps_R - warmup, 0)
    angle = np.pi / (STEPS - warmup)
    cosines_R = np.sin(rest_R * angle / 2) * np.cos((rest_R - 1) * angle / 2) / np.sin(angle / 2)
    return ramp_R * (ramp_R + 1) / 2 / warmup + 0.55 * rest_R + 0.45 * cosines_R


def figures() -> list[Figure]:
    """Returns loss above its floor against both clocks, with the fits."""
    steps_R, tau_R, losses = read()
    figure, axes = panels(1, 2)
    for ax, clock, time_R in ((axes[0], "tau", tau_R), (axes[1], "steps", steps_R)):
        for (name, loss_R), colour in zip(losses.items(), CATEGORY_COLOURS, strict=False):
            fit = fit_model(name, clock=clock)
            rate = PEAK_RATES[name] if clock == "tau" else 1.0
            above_R = np.where(loss_R > fit.floor, loss_R - fit.floor, np.nan)
            ax.plot(time_R * rate, above_R, "o", ms=4, mfc="none", color=colour)
            ax.plot(time_R[FITTED[name]] * rate, above_R[FITTED[name]], "o", ms=4, color=colour)
            line = np.geomspace(*fit.window, 2)
            label = f"{name}: {fit.exponent:.2f} above {fit.floor:.2f} nats"
            ax.plot(line * rate, fit.predict(line) - fit.floor, color=colour, lw=1, label=label)
        ax.set(xscale="log", yscale="log", ylabel="loss above its fitted floor, nats")
        plots.legend(ax)
    axes[0].set_xlabel(TAU)
    axes[1].set_xlabel("steps")
    caption = (
        "Points read off the paper's plot, to about 1 %, of four Pythia models; hollow ones are "
        "outside the paper's fit. Each fit has a floor of its own, so the two panels do not show "
        "the same differences. On steps the exponents are about twice as large. Points before "
        "step 1430 lie within the warm-up, where τ grows as the square of the step. One of the "
        "fits with the command: python scripts/fit_curve.py "
        "experiments/one_third/pythia_losses.csv --loss=410M --window=90,inf"
    )
    return [Figure("pythia", "Published losses of Pythia, refitted", caption, figure)]


def tables() -> list[Table]:
    """Returns the exponents by clock and window."""
    refits = refit()
    rows = []
    for name in PEAK_RATES:
        row: list[str | float | None] = [name, EXPONENTS[name]]
        for values_D in (refits.tau[name], refits.steps[name], refits.late[name]):
            interval = _over_redraws(values_D)
            row += [interval.value, interval.low, interval.high]
        rows.append([*row, fit_model(name).floor, fit_model(name, late=True).floor])
    header = ["model", "published", "on τ", "low", "high", "on steps", "low", "high"]
    header += ["on τ, steps ≥ 2000", "low", "high", "floor on τ, nats", "floor, steps ≥ 2000"]
    caption = (
        "Pythia: exponents of the refits by clock and window; intervals over redraws of the points "
        f"with 1 % of error. 1/3 is {THIRD:.3f}"
    )
    return [Table(caption, header, rows)]


def _collapse(clocks: dict[str, np.ndarray], above: dict[str, np.ndarray]) -> float:
    """R² of one straight line through all models' fitted points, in logarithms."""
    x = np.log(np.concatenate([clocks[name][FITTED[name]] for name in above]))
    y = np.log(np.concatenate([above[name][FITTED[name]] for name in above]))
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _over_redraws(values_D: np.ndarray) -> Interval:
    """The value of the points as read, and the middle 95 % of the redraws."""
    low, high = np.quantile(values_D[1:], [0.025, 0.975])
    return Interval(float(values_D[0]), float(low), float(high), len(values_D) - 1, 0.95)


def _exact(value: float) -> Interval:
    return Interval(value, value, value, 0, 0.95)


def _error(fit: PowerLawFit) -> str:
    return f"least squares alone says ± {fit.exponent_stderr:.3f}, floor {fit.floor:.2f} nats"
