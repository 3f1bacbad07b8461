"""The radial and the tangential part of the loss, with SGD and with Adam."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.drawing import TAU
from experiments.one_third.studies import TEACHER
from jaxlab.analysis.interval import ExponentInterval, exponent_interval, student_interval
from jaxlab.analysis.power_law import fit_power_law
from jaxlab.analysis.study import Study
from jaxlab.report.claims import format_number
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

FOLLOW_UP = "arXiv 2609.37745"
PUBLISHED = {  # exponents against τ after 1000 steps, all as positive numbers
    "sgd": {"loss": 0.34, "radial": 0.35, "tangential": 0.33, "norm": 0.33},
    "adam": {"radial": 0.48, "tangential": 0.08, "norm": 0.44},
}
CELLS = {"sgd": (20.0, 256), "adam": (0.07, 64)}  # learning rate, batch size
NAMES = {"sgd": "SGD at rate 20, batch 256", "adam": "Adam at rate 0.07, batch 64"}
PARTS = {
    "loss": ("the loss falls", "eval_loss"),
    "radial": ("its radial part (the scale is not sharp enough) falls", "eval_loss_radial"),
    "tangential": ("its tangential part (wrong directions) falls", "eval_loss_tangential"),
    "norm": ("the norm of the weights grows", "param_norm"),
}


def _expected() -> dict[str, Expected]:
    found = {}
    for optimizer, exponents in PUBLISHED.items():
        for part, value in exponents.items():
            sign = "" if part == "norm" else "-"
            found[f"channels_{optimizer}_{part}"] = Expected(
                f"{NAMES[optimizer]}, hard labels: {PARTS[part][0]} as τ^{sign}{value:.2f}",
                FOLLOW_UP,
                value,
                (value - 0.04, value + 0.04),
                in_overview=True,
                short=f"{optimizer.upper() if optimizer == 'sgd' else 'Adam'}: {part}",
            )
        found[f"channels_{optimizer}_relation"] = Expected(
            f"{NAMES[optimizer]}: twice the radial exponent plus the tangential one is 1",
            f"{FOLLOW_UP}, radial flow slowed by the tangential part",
            1.0,
            (0.97, 1.07),
        )
    return found


EXPECTED = _expected()
FITS_CONFIG_WINDOW = False

PINNED = TEACHER | {"task.labels": "hard", "schedule.name": "constant", "from_step": 1000}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the exponents after `from_step`, for each optimiser that has them."""
    found = {}
    for optimizer in CELLS:
        own = [claim for claim in EXPECTED if claim.startswith(f"channels_{optimizer}_")]
        try:
            found |= {claim: _measured(study, optimizer, claim.split("_")[-1]) for claim in own}
        except ValueError as error:  # the other optimiser may still have its own
            found |= dict.fromkeys(own, Unmeasured(str(error)))
    return found


def _measured(study: Study, optimizer: str, part: str) -> Measured:
    exponents = _exponents(study, optimizer)
    if part == "relation":
        pairs = zip(exponents["radial"].windows, exponents["tangential"].windows, strict=True)
        windows = [2 * np.array(r.exponents) + np.array(t.exponents) for r, t in pairs]
        means = [float(sums_S.mean()) for sums_S in windows]
        return Measured(student_interval(windows[0]), _detail(min(means), max(means)))
    found = exponents[part]
    interval = student_interval(found.windows[0].exponents)
    return Measured(interval, _detail(found.window_low, found.window_high))


def _detail(low: float, high: float) -> str:
    return f"interval over seeds, in the published window; in others {low:.3f} to {high:.3f}"


@cache
def _exponents(study: Study, optimizer: str) -> dict[str, ExponentInterval]:
    """The exponents of all parts, as positive numbers.

    Raises:
      ValueError: there is no such cell, or a member of it diverged.
    """
    data = _cell(study, optimizer)
    found = {}
    for part, (_, name) in PARTS.items():
        tau_SxR, value_SxR = measures.curves(data, name)
        sign = -1 if part == "norm" else 1
        window = _window(study, tau_SxR, optimizer)
        found[part] = exponent_interval(tau_SxR, value_SxR**sign, window=window)
    return found


def _cell(study: Study, optimizer: str) -> xr.Dataset:
    data = study.data
    learning_rate, batch_size = CELLS[optimizer]
    wanted = {"optimizer.name": optimizer, "train.batch_size": batch_size}
    own_M = np.isclose(data["optimizer.learning_rate"], learning_rate)
    for key, value in wanted.items():
        own_M &= data[key].values == value if key in data.coords else False
    if not own_M.any():
        raise ValueError(f"there are no runs of {NAMES[optimizer]}")
    return data.isel(member=own_M)


def _window(study: Study, tau_SxR: np.ndarray, optimizer: str) -> tuple[float, float]:
    return study.config.from_step * CELLS[optimizer][0], float(tau_SxR[0, -1])


def figures(study: Study) -> list[Figure]:
    """Returns the parts of the loss and the norm, a panel for each optimiser."""
    figure, axes = panels(1, 2)
    without = ""
    for ax, optimizer in zip(axes, CELLS, strict=True):
        data = _cell(study, optimizer)
        slopes = {}
        try:
            slopes = {
                part: found.value if part == "norm" else -found.value
                for part, found in _exponents(study, optimizer).items()
            }
        except ValueError as error:
            without += f" {NAMES[optimizer]} has no fit: {error}."
        for number, (part, (_, name)) in enumerate(PARTS.items()):
            tau_SxR, value_SxR = measures.curves(data, name)
            mean_R = value_SxR.mean(axis=0)
            label = f"{part}: slope {format_number(slopes[part], 3)}" if part in slopes else part
            ax.plot(tau_SxR[0], mean_R, color=f"C{number}", label=label)
            if part in slopes:
                window = _window(study, tau_SxR, optimizer)
                fit = fit_power_law(tau_SxR[0], mean_R, window=window)
                ends = np.array(fit.window)
                ax.plot(ends, fit.predict(ends), color="black", ls=(0, (4, 1.5)), lw=1)
        ax.set(xscale="log", yscale="log", xlabel=TAU, ylabel="nats (norm: of the weights)")
        ax.set_title(NAMES[optimizer])
        ax.set_ylim(bottom=ax.get_ylim()[0] / 100)  # room for the legend
        ax.legend(loc="lower left").set_in_layout(False)
    caption = (
        "Hard labels, means over seeds. Radial: the loss of the student's projection on the "
        "teacher's direction; tangential: the rest. Dashed: fits from step "
        f"{study.config.from_step} on; the table has their intervals.{without}"
    )
    title = "Two channels of the loss: SGD and Adam"
    return [Figure("channels", title, caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns all exponents, with the spread over seeds and that over fit windows."""
    rows = [
        [
            *(NAMES[optimizer], part, found.value, found.seed_low, found.seed_high),
            *(found.window_low, found.window_high),
        ]
        for optimizer in CELLS
        for part, found in _exponents(study, optimizer).items()
    ]
    header = ["optimizer", "part", "exponent", "seeds low", "seeds high"]
    header += ["windows low", "windows high"]
    return [Table("channels: exponents against τ (of the norm: of its growth)", header, rows)]
