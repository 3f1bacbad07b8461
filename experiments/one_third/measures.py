"""What the studies of the one-third experiment measure: exponents, rates, and the theory."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from jaxlab.analysis.interval import (
    ExponentInterval,
    Interval,
    exponent_interval,
    student_interval,
)
from jaxlab.analysis.power_law import ExponentialFit, fit_exponential, fit_power_law
from jaxlab.analysis.statics import (
    beta_grid,
    gaussian_teacher_logits,
    sampled_statics,
    teacher_logits,
)
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import aligned_flow
from jaxlab.experiment import stream_key
from jaxlab.tasks import peaked

HEADLINE_RATE = 10 ** (-12 / 11)  # 0.0811, the eighth of the paper's twelve
LOSS = "eval_loss"
ROUNDING = 1e-7  # nats; below, a float32 KL is noise


class Curves(NamedTuple):
    """Records after the start: τ and one metric, a row per seed."""

    tau_SxR: np.ndarray
    value_SxR: np.ndarray


def curves(data: xr.Dataset, name: str = LOSS) -> Curves:
    """Returns a metric of all members of a dataset, one row each."""
    later = data.isel(step=slice(1, None)).transpose("member", "step")
    return Curves(later["tau"].values, later[name].values)


@cache
def exponent(study: Study, name: str = LOSS, floor: bool = False) -> ExponentInterval:
    """Returns the exponent of a study's cell in the window of its config, over seeds and windows.

    It is positive for what falls as τ grows, and for a logit scale, which rises.
    """
    tau_SxR, value_SxR = curves(study.data, name)
    sign = -1 if name == "eval_logit_std" else 1
    return exponent_interval(tau_SxR, value_SxR**sign, window=study.config.window, floor=floor)


@cache
def grid(study: Study) -> xr.Dataset:
    """Returns the exponent of each cell (temperature, learning_rate) with its interval.

    A cell is fitted over the steps of the headline's window: the τ from 4/162.2 of its own last
    one. A cell without an exponent has NaN, and `note` says why: members diverged, or the loss fell
    below ROUNDING, where a float32 KL has no logarithm worth a fit.
    """
    keys = {"task.temperature": "temperature", "optimizer.learning_rate": "learning_rate"}
    indexed = study.data.rename(keys).set_index(member=[*keys.values(), "seed"])
    cells = indexed[["tau", LOSS, "eval_logit_std", "diverged_step"]].unstack("member")
    start = 4.0 / 162.2

    def measure(cell: xr.Dataset) -> xr.Dataset:
        tau_SxR, loss_SxR = curves(cell.rename(seed="member"))
        diverged = int((cell["diverged_step"].isel(step=-1) >= 0).sum())
        found = dict.fromkeys(("exponent", "low", "high", "seed_low", "seed_high"), np.nan)
        note, end = "", tau_SxR[0, -1]
        if diverged:
            note = f"{diverged} of {len(tau_SxR)} diverged"
        elif loss_SxR[:, tau_SxR[0] >= start * end].min() <= ROUNDING:
            note = "fell to rounding"
        else:
            try:
                result = exponent_interval(tau_SxR, loss_SxR, window=(start * end, end))
            except ValueError as error:  # too few records
                note = str(error)
            else:
                found = {name: getattr(result, name) for name in found if name != "exponent"}
                found["exponent"] = result.value
        middle = (
            cell["eval_logit_std"]
            .mean("seed")
            .interp(step=float(np.sqrt(start)) * float(cell["step"][-1]))
        )
        found |= {"end_loss": float(loss_SxR[:, -1].mean()), "middle_beta": float(middle)}
        return xr.Dataset(found | {"note": note})

    rows = [
        xr.concat(
            [measure(cells.sel(temperature=t, learning_rate=r)) for r in cells["learning_rate"]],
            dim=cells["learning_rate"],
        )
        for t in cells["temperature"]
    ]
    return xr.concat(rows, dim=cells["temperature"])


class Rate(NamedTuple):
    """The rate of an exponential fall, with Student intervals over seeds."""

    windows: tuple[Interval, Interval, Interval]  # the whole window and its halves
    over_theory: Interval  # the rate over that of the aligned flow, in the whole window
    r_squared: Interval  # semilogarithmic, in the whole window
    power_law_r_squared: float  # of the seed that a power law fits best, for contrast


def exponential_rate(study: Study) -> Rate:
    """Returns the rate per τ at which the loss of a study's cell falls, in its config's window."""
    low, high = study.config.window
    middle = (low + high) / 2
    tau_SxR, loss_SxR = curves(study.data)
    _, theory_SxR = aligned_theory(study)

    def fits(loss_SxR: np.ndarray, window: tuple[float, float]) -> list[ExponentialFit]:
        pairs = zip(tau_SxR, loss_SxR, strict=True)
        return [fit_exponential(tau_R, loss_R, window=window) for tau_R, loss_R in pairs]

    def rates(loss_SxR: np.ndarray, window: tuple[float, float]) -> np.ndarray:
        return np.array([fit.rate for fit in fits(loss_SxR, window)])

    whole = (low, high)
    powers = [fit_power_law(t, y, window=whole) for t, y in zip(tau_SxR, loss_SxR, strict=True)]
    return Rate(
        windows=(
            student_interval(rates(loss_SxR, whole)),
            student_interval(rates(loss_SxR, (low, middle))),
            student_interval(rates(loss_SxR, (middle, high))),
        ),
        over_theory=student_interval(rates(loss_SxR, whole) / rates(theory_SxR, whole)),
        r_squared=student_interval([fit.r_squared for fit in fits(loss_SxR, whole)]),
        power_law_r_squared=max(fit.r_squared for fit in powers),
    )


def slope(tau_R: np.ndarray, value_R: np.ndarray, window: tuple[float, float]) -> float:
    """Returns d ln value / d ln τ in a window, by least squares."""
    return -fit_power_law(tau_R, value_R, window=window).exponent


@cache
def aligned_theory(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Returns β_SxR and L_SxR of the aligned flow for each member's own teacher.

    No constant is fitted: the flow starts at β = 0, runs on the member's τ, and ends at the
    teacher's own β* (infinite for hard labels).
    """
    tau_SxR, _ = curves(study.data)
    task = study.config.task
    flows = []
    for seed, tau_R in zip(study.data["seed"].values.tolist(), tau_SxR, strict=True):
        weights_NxM = _teacher(seed, task.features, task.classes)
        beta_star = np.inf
        if task.labels == "soft":
            beta_star = float(np.linalg.norm(weights_NxM) / np.sqrt(task.classes))
            beta_star /= task.temperature
        # The table must reach as far as the flow: to β*, or to what hard labels grow to.
        top = beta_star if np.isfinite(beta_star) else 80.0
        logits_SxN = teacher_logits(np.random.default_rng(seed), weights_NxM, inputs=1 << 15)
        statics = sampled_statics(logits_SxN, beta_grid(top, 49))
        flows.append(aligned_flow(tau_R, statics, beta_star))
    return np.stack([beta for beta, _ in flows]), np.stack([loss for _, loss in flows])


def _teacher(seed: int, features: int, classes: int) -> np.ndarray:
    """The weights [N, M] of a seed's teacher, without the shift that no softmax sees."""
    weights_MxN = peaked.teacher_weights(stream_key(np.int32(seed), "fixed"), features, classes)
    weights_NxM = np.asarray(jax.device_get(weights_MxN), np.float64).T
    return weights_NxM - weights_NxM.mean(axis=0)


class StaticSlopes(NamedTuple):
    """Slopes of the static theory at β* = 100, each over draws of teachers and inputs."""

    loss: Interval
    gradient: Interval


def static_slopes(draws: int = 5) -> StaticSlopes:
    """Returns the slopes of ln L and ln(-dL/dβ) against ln β in the windows of Fig. 3.

    The grid is β = linspace(0, 1, 100) β*; the loss is fitted over its indices 1 to 9, the gradient
    over 2 to 59 (notebook test-2 of the paper's code).
    """
    beta_star = 100.0
    beta_B = np.linspace(0, 1, 100) * beta_star
    slopes = []
    for seed in range(draws):
        logits_SxN = gaussian_teacher_logits(np.random.default_rng(seed))
        loss_B, force_B = sampled_statics(logits_SxN, beta_B).at(beta_B, beta_star)
        slopes.append(
            [
                np.polyfit(np.log(beta_B[part]), np.log(value_B[part]), 1)[0]
                for value_B, part in ((loss_B, slice(1, 10)), (force_B, slice(2, 60)))
            ]
        )
    loss_D, gradient_D = np.array(slopes).T
    return StaticSlopes(student_interval(loss_D), student_interval(gradient_D))
