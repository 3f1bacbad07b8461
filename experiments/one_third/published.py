"""The paper's language models: refits of its published points, on τ and on steps (Fig. 6b-d).

`pythia_losses.csv` holds FineWeb test losses, in nats per token, of four Pythia models at 13
checkpoints, read off the plot of github.com/liuyz0/TimeScaling to about 1 % (figures only). `tau`
is the sum of the schedule, 1 % of 143 000 steps of warm-up and a cosine to a tenth, in units of the
peak rate. So nothing here says how language models learn: it says what fits make of these points.
They stand beside the study `headline` and read nothing of it. One of the fits with the command
(70M: --window=20,50000):

    python scripts/fit_curve.py experiments/one_third/pythia_losses.csv --loss=410M --window=90,inf
"""

from __future__ import annotations

from functools import cache, partial
from math import inf
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.one_third.words import PAPER, TAU, THIRD
from jaxlab.analysis.curve_file import read_curves
from jaxlab.analysis.estimate import Estimate, exact
from jaxlab.analysis.power_law import PowerLawFit, fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

CSV = Path(__file__).parent / "pythia_losses.csv"
STEPS = 143_000
PEAK_RATES = {"70M": 1e-3, "410M": 3e-4, "2.8B": 1.6e-4, "12B": 1.2e-4}
EXPONENTS = {"70M": 0.341, "410M": 0.367, "2.8B": 0.337, "12B": 0.307}  # as printed in Fig. 6
# The points that the paper fits, and those of them after the warm-up.
FITTED = {name: slice(1, -2) if name == "70M" else slice(2, None) for name in PEAK_RATES}
AFTER_WARMUP = {name: slice(4, FITTED[name].stop) for name in PEAK_RATES}
REDRAWS, DIGITISED = 100, 0.01  # redraws of the points with this relative error
OVER_REDRAWS = f"middle 95 % of {REDRAWS} redraws of the points with their digitising error of 1 %"


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


def clock_difference() -> float:
    """Returns the largest relative difference of the lab's τ from the sums in closed form."""
    from jaxlab.training.schedule import tau  # it brings jax, which the refits do without

    at_R = read()[0].astype(int)
    shape = {"warmup": 0.01, "decay": 0.0, "final": 0.1}
    values = {f"schedule.{name}": np.array([value]) for name, value in shape.items()}
    values["optimizer.learning_rate"] = np.array([1.0])
    found_R = tau("cosine", values, at_R, STEPS)[0]
    return float(np.max(np.abs(found_R / tau_by_hand(at_R) - 1)))


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


def _collapse(clocks: dict[str, np.ndarray], above: dict[str, np.ndarray]) -> float:
    """R² of one straight line through all models' fitted points, in logarithms."""
    x = np.log(np.concatenate([clocks[name][FITTED[name]] for name in above]))
    y = np.log(np.concatenate([above[name][FITTED[name]] for name in above]))
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _over_redraws(values_D: np.ndarray, detail: str = "") -> Estimate:
    """The value of the points as read, and the middle 95 % of the redraws."""
    low, high = np.quantile(values_D[1:], [0.025, 0.975]).tolist()
    return Estimate(float(values_D[0]), low, high, 0, OVER_REDRAWS, detail)


def _exponent(_study: Study, name: str) -> Estimate:
    fit = fit_model(name)
    detail = f"least squares alone says ± {fit.exponent_stderr:.3f}, floor {fit.floor:.2f} nats"
    return _over_redraws(refit().tau[name], detail)


def _collapse_on_tau(_study: Study) -> Estimate:
    refits = refit()
    detail = f"against steps, with the same floors, {refits.collapse_steps:.2f}"
    return _over_redraws(refits.collapse_D, detail)


def _on_steps(_study: Study) -> Estimate:
    steps = refit().steps
    detail = ", ".join(f"{name} {values_D[0]:.2f}" for name, values_D in steps.items())
    return _over_redraws(np.mean(list(steps.values()), axis=0), detail)


def _after_warmup(_study: Study) -> Estimate:
    late = refit().late
    each = ", ".join(f"{name} {values_D[0]:.2f}" for name, values_D in late.items())
    return _over_redraws(late["70M"], f"from step 2000 on: {each}")


CODE = "refit of digitised points: it tests the fit code, not language models"
check = partial(Claim, kind=Kind.CHECK, needs_runs=False)
CLAIMS = (
    *(
        check(
            f"pythia_{name}",
            f"Pythia {name}: the loss above its fitted floor falls as τ^-{exponent:g} ({CODE})",
            # 1 % in the points moves the fit by 0.035.
            expected=(round(exponent - 0.05, 3), round(exponent + 0.05, 3)),
            published=exponent,
            measure=partial(_exponent, name=name),
            source=f"{PAPER}, Fig. 6",
        )
        for name, exponent in EXPONENTS.items()
    ),
    check(
        "pythia_collapse",
        "Pythia: one line through ln(L - L0) of all four models against ln τ, peak rates included, "
        f"has R² = 0.98 ({CODE})",
        expected=(0.97, 1.0),
        published=0.98,
        measure=_collapse_on_tau,
        source=f"{PAPER}, Fig. 6, as printed",
    ),
    check(
        "pythia_steps",
        "Control: against training steps the same points do not give 1/3; the mean exponent of "
        f"the four models is 0.6 to 0.8 ({CODE})",
        expected=(0.6, 0.8),
        measure=_on_steps,
        source=f"{PAPER}, Fig. 6; against steps by this lab",
    ),
    check(
        "pythia_70M_after_warmup",
        "Pythia 70M: its 1/3 rests on checkpoints within the warm-up; from step 2000 on the same "
        f"fit has an exponent of at least 0.4 ({CODE})",
        expected=(0.4, inf),
        measure=_after_warmup,
        source=f"{PAPER}, Fig. 6; window by this lab",
    ),
    check(
        "pythia_clock",
        "This lab's τ at Pythia's checkpoints agrees with sums by hand (largest relative "
        "difference)",
        expected=(0.0, 1e-5),
        measure=lambda _: exact(clock_difference()),
        source=f"{PAPER}, Fig. 6; closed sums by this lab",
    ),
)


def pythia(_study: Study) -> Figure:
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
    return Figure("pythia", "Published losses of Pythia, refitted", caption, figure)


def pythia_exponents(_study: Study) -> Table:
    """Returns the exponents by clock and window."""
    refits = refit()
    rows = []
    for name in PEAK_RATES:
        row: list[str | float | None] = [name, EXPONENTS[name]]
        for values_D in (refits.tau[name], refits.steps[name], refits.late[name]):
            found = _over_redraws(values_D)
            row += [found.value, found.low, found.high]
        rows.append([*row, fit_model(name).floor, fit_model(name, late=True).floor])
    header = ["model", "published", "on τ", "low", "high", "on steps", "low", "high"]
    header += ["on τ, steps ≥ 2000", "low", "high", "floor on τ, nats", "floor, steps ≥ 2000"]
    caption = (
        "Pythia: exponents of the refits by clock and window; intervals over redraws of the points "
        f"with 1 % of error. 1/3 is {THIRD:.3f}"
    )
    return Table(caption, header, rows)


FIGURES = (pythia,)
TABLES = (pythia_exponents,)
