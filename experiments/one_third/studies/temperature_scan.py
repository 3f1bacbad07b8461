"""Temperatures at length: direction before scale, finite-temperature exponents, curvature."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.one_third import measures
from experiments.one_third.cells import (
    cells,
    exponent,
    farthest,
    first_passage,
    over_seeds,
    seed_mean,
)
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import ADAM, TEACHER
from jaxlab.analysis import theory
from jaxlab.analysis.curve import Window
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.local_exponent import local_exponents
from jaxlab.analysis.statics import gap_density_at_zero
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import SWEPT, Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "scan_direction_first": Expected(
        "Adam at rate 3e-3: the direction is learned long before the scale. τ where β = β*/2 over "
        "τ where the alignment passes 0.95, the smallest over temperatures",
        f"{PAPER}, Fig. 2; measure by this lab",
        None,
        (10.0, inf),
    ),
    "scan_rise": Expected(
        "The same runs: a warmer teacher has a larger exponent. T = 10^-1.2 minus T = 10^-2",
        f"{PAPER}, Fig. 2; finite β*: (1/3)(1+u)/(1-u)",
        None,
        (0.0, inf),
    ),
    "scan_finite_temperature": Expected(
        "The same runs: the local exponent is that of the aligned flow at the same u = β/β*, "
        "without any fitted constant (median ratio where β > 2 c0 and u < 0.5)",
        f"{PAPER}, aligned-student ansatz at finite β*; the flow is SGD's, and this is Adam",
        1.0,
        (0.9, 1.1),
    ),
    "scan_trace": Expected(
        "The same runs: the Hessian's trace is m ρ(0)/β, that of near-ties (largest deviation of "
        "the ratio where β > 2 c0, T = 10^-2)",
        f"{PAPER}, Fig. 2; two-level integral by this lab",
        1.0,
        (0.85, 1.15),
    ),
    "scan_top_eigenvalue": Expected(
        "The same runs: the Hessian's largest eigenvalue falls as 1/β too (largest over smallest "
        "product with β where β > 2 c0, T = 10^-2)",
        f"{PAPER}, Fig. 2; two-level integral by this lab",
        None,
        (-inf, 1.5),
    ),
    "scan_gradient_norm": Expected(
        "Control: the norm of a batch's gradient does not fall as τ^-2/3, at T = 10^-2 its "
        "exponent is below 0.57 (2/3 is of the radial projection)",
        f"{PAPER}, Fig. 2; control by this lab",
        None,
        (-inf, 0.57),
        control=True,
    ),
}

PINNED = (
    TEACHER
    | ADAM
    | {"task.labels": "soft", "model.init_scale": 0.0, "window": (4.0, 150.0)}
    | {"optimizer.learning_rate": 3e-3, "train.steps": 50_000}
)

ALIGNED, ALIGNMENT = 0.95, "eval_alignment"
HALF = 0.5  # of β*; also the u up to which local exponents meet the theory
TRACE, TOP = "eval_hessian_trace", "eval_hessian_1"


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what the scan says of direction, exponents, curvature and gradients."""
    scan = temperatures(study)
    coldest, warmest = scan[0], scan[-1]
    leads = [student_interval(each.lead()) for each in scan]
    least = min(range(len(scan)), key=lambda i: leads[i].value)
    gradient = exponent(coldest.data, study.config.window, "grad_norm")
    return {
        "scan_direction_first": Measured(
            leads[least],
            f"T = {scan[least].temperature:.4g}; elsewhere up to "
            f"{max(lead.value for lead in leads):.3g}; a scale that never comes to β*/2 counts as "
            "there at the end",
        ),
        "scan_rise": _rise(study, coldest, warmest),
        "scan_finite_temperature": _over_theory(study, scan),
        "scan_trace": _trace(study, coldest),
        "scan_top_eigenvalue": _top_eigenvalue(study, coldest),
        "scan_gradient_norm": Measured(gradient, "over seeds and windows"),
    }


class AtTemperature(NamedTuple):
    """The seeds at one temperature."""

    temperature: float
    data: xr.Dataset

    @property
    def beta_star(self) -> float:
        """The teacher's logit scale."""
        return float(measures.beta_star(np.array(self.temperature)))

    def lead(self) -> np.ndarray:
        """Returns τ where β comes to half of β* over τ where the direction is learned, [S]."""
        half_S = first_passage(self.data, measures.SCALE, HALF * self.beta_star)
        return half_S / first_passage(self.data, ALIGNMENT, ALIGNED)


def temperatures(study: Study) -> list[AtTemperature]:
    """Returns the temperatures of a scan, the lowest first."""
    return [AtTemperature(t, data) for (t,), data in cells(study.data, "task.temperature")]


def aligned_exponent(u: np.ndarray) -> np.ndarray:
    """Returns -dlnL/dlnτ of the aligned flow at u = β/β* in (0, 1): (1+u)² (artanh u - u)/u³.

    From L = (c2/β)(1-u)² and dβ/dτ = -(1/n) dL/dβ (arXiv 2602.03685; derived here); 1/3 at u = 0.
    """
    return (1 + u) ** 2 * (np.arctanh(u) - u) / u**3


@cache
def loss_exponent(study: Study, temperature: float) -> ExponentInterval:
    """Returns the exponent of the loss in the window above rounding."""
    (own,) = [own for own in temperatures(study) if own.temperature == temperature]
    return exponent(own.data, above_rounding(study, own))


def above_rounding(study: Study, own: AtTemperature) -> Window:
    """Returns the window of the config as far as no seed's loss falls to rounding."""
    tau_SxR, loss_SxR = measures.curves(own.data)
    low, high = study.config.window
    fallen_R = (loss_SxR <= measures.ROUNDING).any(axis=0) & (tau_SxR[0] > low)
    last = int(np.argmax(fallen_R)) - 1 if fallen_R.any() else -1
    return low, min(high, float(tau_SxR[0, last]))


def _rise(study: Study, cold: AtTemperature, warm: AtTemperature) -> Measured:
    first, last = (loss_exponent(study, each.temperature) for each in (cold, warm))
    value = last.value - first.value
    interval = Interval(value, last.low - first.high, last.high - first.low, first.seeds, 0.95)
    detail = f"from {first.value:.3f} to {last.value:.3f}; the interval takes the far ends of both"
    return Measured(interval, detail)


def local_points(study: Study, own: AtTemperature) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns β, u and the exponent in quarter-decades of the window above rounding, [S, W]."""
    tau_SxR, loss_SxR = measures.curves(own.data)
    beta_SxR = measures.curves(own.data, measures.SCALE).value_SxR
    rows = []
    for tau_R, loss_R, beta_R in zip(tau_SxR, loss_SxR, beta_SxR, strict=True):
        local = local_exponents(tau_R, loss_R, per_decade=4, window=above_rounding(study, own))
        beta_W = np.interp(np.log(local.centre), np.log(tau_R), beta_R)
        rows.append((beta_W, beta_W / own.beta_star, local.exponent))
    beta_SxW, u_SxW, exponent_SxW = np.moveaxis(np.array(rows), 1, 0)
    return beta_SxW, u_SxW, exponent_SxW


def _over_theory(study: Study, scan: list[AtTemperature]) -> Measured | Unmeasured:
    low = 2 * theory.c0(study.config.task.classes)
    points = [
        np.concatenate(part, axis=1)
        for part in zip(*(local_points(study, own) for own in scan), strict=True)
    ]
    medians = []
    for beta_P, u_P, exponent_P in zip(*points, strict=True):
        kept_P = (beta_P > low) & (u_P < HALF) & np.isfinite(exponent_P)
        if not kept_P.any():
            return Unmeasured(f"no quarter-decade has β > {low:.3g} and u < {HALF}")
        medians.append(np.median(exponent_P[kept_P] / aligned_exponent(u_P[kept_P])))
    detail = f"{kept_P.sum()} quarter-decades a seed; Adam is not the flow of the theory"
    return Measured(student_interval(medians), detail)


def _late(study: Study, own: AtTemperature, name: str) -> tuple[np.ndarray, np.ndarray]:
    """β and a metric in the window where every seed's β exceeds 2 c0: [S, P]."""
    tau_SxR, value_SxR = measures.curves(own.data, name)
    beta_SxR = measures.curves(own.data, measures.SCALE).value_SxR
    low, high = study.config.window
    inside_R = (tau_SxR[0] >= low) & (tau_SxR[0] <= high)
    inside_R &= (beta_SxR > 2 * theory.c0(study.config.task.classes)).all(axis=0)
    if inside_R.sum() < 2:
        raise ValueError("β does not exceed 2 c0 at two records of the window")
    return beta_SxR[:, inside_R], value_SxR[:, inside_R]


def near_ties(study: Study) -> float:
    """Returns trace · β of the theory: m ρ(0), of inputs whose squared norm is m.

    The trace is <|x|² Σ p(1-p)>; with two classes at a gap of density ρ(0) the mean is ρ(0)/β.
    """
    return study.config.task.features * gap_density_at_zero(study.config.task.classes)


def _trace(study: Study, own: AtTemperature) -> Measured:
    beta_SxP, trace_SxP = _late(study, own, TRACE)
    parts = over_seeds(trace_SxP * beta_SxP / near_ties(study))
    detail = f"over {len(parts)} records, β to {beta_SxP.max():.3g}; mean "
    detail += f"{np.mean([part.value for part in parts]):.3f}"
    return Measured(farthest(parts, 1.0), detail)


def _top_eigenvalue(study: Study, own: AtTemperature) -> Measured:
    beta_SxP, top_SxP = _late(study, own, TOP)
    product_SxP = top_SxP * beta_SxP
    spread_S = product_SxP.max(axis=1) / product_SxP.min(axis=1)
    return Measured(student_interval(spread_S), f"mean product {product_SxP.mean():.3g}")


def figures(study: Study) -> list[Figure]:
    """Returns every metric against τ, and the local exponents against u = β/β*."""
    return [_curves(study), _exponents(study)]


def _curves(study: Study) -> Figure:
    scan = temperatures(study)
    figure, axes = panels(3, 2, panel_height_inches=3.6)
    rows = (
        (measures.LOSS, lambda own: 1.0, "KL, nats"),
        (ALIGNMENT, lambda own: 1.0, "alignment with the teacher"),
        (measures.SCALE, lambda own: 1 / own.beta_star, "β/β*"),
        (
            TRACE,
            lambda own: seed_mean(own.data, measures.SCALE) / near_ties(study),
            "trace · β/(m ρ(0))",
        ),
        (TOP, lambda own: seed_mean(own.data, measures.SCALE), "largest eigenvalue · β"),
        ("grad_norm", lambda own: 1.0, "norm of a batch's gradient"),
    )
    tau_R = measures.curves(study.data).tau_SxR[0]
    for ax, (name, factor, label) in zip(axes, rows, strict=True):
        plots.loglog_curves(
            ax,
            tau_R,
            np.stack([seed_mean(own.data, name) * factor(own) for own in scan]),
            values=[own.temperature for own in scan],
            value_label="temperature",
        )
        ax.set(xlabel=TAU, ylabel=label)
    axes[1].set_yscale("linear")
    axes[1].axhline(ALIGNED, color="grey", ls=":", lw=1)
    axes[2].axhline(HALF, color="grey", ls=":", lw=1)
    axes[3].set_yscale("linear")
    axes[3].axhline(1, color="black", ls="--", lw=1, label="near-ties, no fit")
    plots.legend(axes[3])
    end = float(tau_R[-1]), float(seed_mean(scan[0].data, "grad_norm")[-1])
    plots.reference_slope(axes[5], 2 / 3, end, label="τ^-2/3")
    caption = (
        f"Adam at rate {study.config.optimizer.learning_rate:g}, {len(scan)} temperatures, means "
        f"of {len(np.unique(study.data['seed']))} seeds. Dotted: alignment {ALIGNED}, β*/2, and "
        "the slope -2/3 of the radial gradient. Curvature is multiplied by β: where near-ties "
        "carry it, it is flat, and the trace is at 1."
    )
    return Figure("temperature_scan", "Temperatures at length", caption, figure)


def _exponents(study: Study) -> Figure:
    scan = temperatures(study)
    figure, (left, right) = panels(1, 2)
    colours = [SWEPT(i / max(1, len(scan) - 1)) for i in range(len(scan))]
    for own, colour in zip(scan, colours, strict=True):
        _, u_SxW, exponent_SxW = local_points(study, own)
        label = f"T = {own.temperature:.3g}"
        means = u_SxW.mean(axis=0), exponent_SxW.mean(axis=0)
        left.plot(*means, "o-", ms=4, color=colour, label=label)
    u = np.linspace(0.01, 0.9, 200)
    left.plot(u, aligned_exponent(u), "k-", lw=1.5, label="aligned flow")
    left.plot(u, theory.finite_temperature_exponent(u), "k:", lw=1.2, label="(1/3)(1+u)/(1-u)")
    left.axhline(THIRD, color="grey", ls=":", lw=1)
    left.set(xlabel="u = β/β*", ylabel="local exponent of the loss", xlim=(0, 1), ylim=(0, 3))
    left.legend(ncols=1, fontsize=8)
    tau_R = measures.curves(study.data).tau_SxR[0]
    parts = {
        f"T = {own.temperature:.3g}, {part}": seed_mean(own.data, f"eval_loss_{part}")
        for own in (scan[0], scan[-1])
        for part in ("radial", "tangential")
    }
    plots.loglog_curves(right, tau_R, np.stack(list(parts.values())), labels=list(parts))
    right.set(xlabel=TAU, ylabel="part of the loss, nats")
    low, high = study.config.window
    caption = (
        f"Left: the loss's exponent in quarter-decades of τ in [{low:g}, {high:g}] against u, "
        "mean over seeds; the lines are the theory at finite temperature, without any fitted "
        "constant, for gradient flow: how far Adam lies off is a finding. Right: the loss of "
        "the student's part along the teacher (radial) and what wrong directions add, where that "
        "is positive."
    )
    return Figure("temperature_exponents", "Exponents at finite temperature", caption, figure)


def tables(study: Study) -> list[Table]:
    """Returns what was measured at every temperature."""
    rows = []
    for own in temperatures(study):
        found = loss_exponent(study, own.temperature)
        gradient = exponent(own.data, study.config.window, "grad_norm")
        aligned_S = first_passage(own.data, ALIGNMENT, ALIGNED)
        end = float(seed_mean(own.data, measures.SCALE)[-1]) / own.beta_star
        times = float(aligned_S.mean()), float(own.lead().mean())
        ends = [limit for e in (found, gradient) for limit in (e.value, e.low, e.high)]
        rows.append([own.temperature, own.beta_star, *times, end, *ends])
    header = ["temperature", "β*", "τ at alignment 0.95", "τ at β*/2 over that"]
    header += ["β/β* at the end", "exponent of the loss", "low", "high"]
    header += ["exponent of the gradient's norm", "low", "high"]
    return [Table("temperature_scan: every temperature, mean over seeds", header, rows)]
