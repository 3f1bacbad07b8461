"""Temperatures at length: direction before scale, finite-temperature exponents, curvature."""

from __future__ import annotations

from functools import cache

import numpy as np

from experiments.one_third import measures
from experiments.one_third.cells import (
    Cell,
    cells,
    exponent,
    farthest,
    first_passage,
    seed_mean,
)
from experiments.one_third.words import TAU, THIRD
from jaxlab.analysis import theory
from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import (
    SEEDS_AND_WINDOWS,
    Estimate,
    NotMeasurable,
    of_exponent,
    of_interval,
)
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.interval import ExponentInterval, Interval, student_interval
from jaxlab.analysis.local_exponent import local_exponents
from jaxlab.analysis.statics import gap_density_at_zero
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import Figure, panels, swept
from jaxlab.report.page import Table

WINDOW = (4.0, 150.0)  # τ
ALIGNED, ALIGNMENT = 0.95, "eval_alignment"
SHOWN = 0.9  # the u up to which exponents are drawn; then the loss nears its noise
HALF = 0.5  # of β*; also the u up to which local exponents meet the theory
TRACE, TOP, GRADIENT = "eval_hessian_trace", "eval_hessian_1", "grad_norm"


@cache
def temperatures(study: Study) -> list[Cell]:
    """Returns the members at each temperature, the lowest first."""
    return cells(study.data, "task.temperature")


def direction_first(study: Study) -> Estimate:
    """Measures the smallest lead over the temperatures; see `_lead`."""
    leads = {own.values[0]: student_interval(_lead(own)) for own in temperatures(study)}
    least = min(leads, key=lambda temperature: leads[temperature].value)
    detail = (
        f"T = {least:.4g}; elsewhere up to {max(lead.value for lead in leads.values()):.3g}; "
        "a scale that never comes to β*/2 counts as there at the end"
    )
    return of_interval(leads[least], detail=detail)


def rise(study: Study) -> Estimate:
    """Measures the exponent at the highest temperature minus that at the lowest."""
    scan = temperatures(study)
    first, last = loss_exponent(scan[0]), loss_exponent(scan[-1])
    ends = last.low - first.high, last.high - first.low
    detail = f"from {first.value:.3f} to {last.value:.3f}; the interval takes the far ends of both"
    interval = Interval(last.value - first.value, *ends, first.seeds, first.level)
    return of_interval(interval, covers=SEEDS_AND_WINDOWS, detail=detail)


def over_finite_temperature_theory(study: Study) -> Estimate:
    """Measures the median ratio of local exponents to those of the aligned flow at the same u."""
    low = 2 * theory.c0(study.config.task.classes)
    by_temperature = [local_points(own) for own in temperatures(study)]
    beta_SxP, u_SxP, exponent_SxP = (
        np.concatenate(part, axis=1) for part in zip(*by_temperature, strict=True)
    )
    kept_SxP = (beta_SxP > low) & (u_SxP < HALF) & np.isfinite(exponent_SxP)
    if not kept_SxP.any(axis=1).all():
        raise NotMeasurable(f"no quarter-decade has β > {low:.3g} and u < {HALF}")
    ratio_SxP = np.where(kept_SxP, exponent_SxP / aligned_exponent(u_SxP), np.nan)
    detail = f"{kept_SxP[-1].sum()} quarter-decades a seed; Adam is not the flow of the theory"
    return over_seeds(np.nanmedian(ratio_SxP, axis=1), detail)


def trace_over_near_ties(study: Study) -> Estimate:
    """Measures the farthest that the trace times β is from m ρ(0), as a ratio."""
    beta_SxP, trace_SxP = _late(study, TRACE)
    parts = [student_interval(ratio_S) for ratio_S in (trace_SxP * beta_SxP / near_ties(study)).T]
    mean = np.mean([part.value for part in parts])
    detail = f"over {len(parts)} evaluations, β to {beta_SxP.max():.3g}; mean {mean:.3f}"
    covers = "95 % over seeds (Student t), at every evaluation"
    return of_interval(farthest(parts, 1.0), covers=covers, detail=detail)


def top_eigenvalue_spread(study: Study) -> Estimate:
    """Measures the largest over the smallest product of the largest eigenvalue and β."""
    beta_SxP, top_SxP = _late(study, TOP)
    product_SxP = top_SxP * beta_SxP
    spread_S = product_SxP.max(axis=1) / product_SxP.min(axis=1)
    return over_seeds(spread_S, f"mean product {product_SxP.mean():.3g}")


def gradient_norm_exponent(study: Study) -> Estimate:
    """Measures the exponent of the norm of a batch's gradient at the lowest temperature."""
    return of_exponent(exponent(temperatures(study)[0].data, WINDOW, GRADIENT))


def aligned_exponent(u: np.ndarray) -> np.ndarray:
    """Returns -dlnL/dlnτ of the aligned flow at u = β/β* in (0, 1): (1+u)² (artanh u - u)/u³.

    From L = (c2/β)(1-u)² and dβ/dτ = -(1/n) dL/dβ (arXiv 2602.03685; derived here); 1/3 at u = 0.
    NaN where u is not below 1: the flow ends at β*, which noise can pass.
    """
    u = np.where(u < 1, u, np.nan)
    return (1 + u) ** 2 * (np.arctanh(u) - u) / u**3


def near_ties(study: Study) -> float:
    """Returns trace · β of the theory: m ρ(0), of inputs whose squared norm is m.

    The trace is <|x|² Σ p(1-p)>; with two classes at a gap of density ρ(0) the mean is ρ(0)/β.
    """
    return study.config.task.features * gap_density_at_zero(study.config.task.classes)


def loss_exponent(own: Cell) -> ExponentInterval:
    """Returns the exponent of the loss at one temperature, in the window above rounding."""
    return exponent(own.data, _above_rounding(own))


def local_points(own: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns β, u and the exponent in quarter-decades of the window above rounding, [S, W]."""
    tau_SxR, loss_SxR = measures.curves(own.data)
    beta_SxR = measures.curves(own.data, measures.SCALE).value_SxR
    rows = []
    for tau_R, loss_R, beta_R in zip(tau_SxR, loss_SxR, beta_SxR, strict=True):
        local = local_exponents(tau_R, loss_R, per_decade=4, window=_above_rounding(own))
        beta_W = np.interp(np.log(local.centre), np.log(tau_R), beta_R)
        rows.append((beta_W, beta_W / _beta_star(own), local.exponent))
    beta_SxW, u_SxW, exponent_SxW = np.moveaxis(np.array(rows), 1, 0)
    return beta_SxW, u_SxW, exponent_SxW


def _beta_star(own: Cell) -> float:
    return float(measures.beta_star(np.array(own.values[0])))


def _lead(own: Cell) -> np.ndarray:
    """The τ where β comes to half of β* over the τ where the direction is learned, [S]."""
    half_S = first_passage(own.data, measures.SCALE, HALF * _beta_star(own))
    return half_S / first_passage(own.data, ALIGNMENT, ALIGNED)


def _above_rounding(own: Cell) -> Window:
    """The window as far as no seed's loss falls to rounding."""
    tau_SxR, loss_SxR = measures.curves(own.data)
    low, high = WINDOW
    fallen_R = (loss_SxR <= measures.ROUNDING).any(axis=0) & (tau_SxR[0] > low)
    last = int(np.argmax(fallen_R)) - 1 if fallen_R.any() else -1
    end = min(high, float(tau_SxR[0, last]))
    if end <= low:
        raise NotMeasurable(f"no loss above rounding is known beyond τ = {end:.3g}")
    return low, end


def _late(study: Study, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """β and a metric at the lowest temperature, where every seed's β exceeds 2 c0: [S, P]."""
    own = temperatures(study)[0]
    tau_SxR, value_SxR = measures.curves(own.data, metric)
    beta_SxR = measures.curves(own.data, measures.SCALE).value_SxR
    if not np.isfinite(value_SxR).all():
        raise NotMeasurable("a member diverged")
    inside_R = (tau_SxR[0] >= WINDOW[0]) & (tau_SxR[0] <= WINDOW[1])
    inside_R &= (beta_SxR > 2 * theory.c0(study.config.task.classes)).all(axis=0)
    if inside_R.sum() < 2:
        raise NotMeasurable("β does not exceed 2 c0 at two evaluations of the window")
    return beta_SxR[:, inside_R], value_SxR[:, inside_R]


def every_metric(study: Study) -> Figure:
    """Returns loss, direction, scale, curvature and gradient against τ, by temperature."""
    scan = temperatures(study)
    figure, axes = panels(3, 2, panel_height_inches=3.6)
    scale_CxR = np.stack([seed_mean(own.data, measures.SCALE) for own in scan])
    beta_star_Cx1 = np.array([[_beta_star(own)] for own in scan])
    rows = (
        (measures.LOSS, 1.0, "KL, nats"),
        (ALIGNMENT, 1.0, "alignment with the teacher"),
        (measures.SCALE, 1 / beta_star_Cx1, "β/β*"),
        (TRACE, scale_CxR / near_ties(study), "trace · β/(m ρ(0))"),
        (TOP, scale_CxR, "largest eigenvalue · β"),
        (GRADIENT, 1.0, "norm of a batch's gradient"),
    )
    tau_R = measures.curves(study.data).tau_SxR[0]
    values = {"values": [own.values[0] for own in scan], "value_label": "temperature"}
    for ax, (metric, factor, label) in zip(axes, rows, strict=True):
        mean_CxR = np.stack([seed_mean(own.data, metric) for own in scan])
        plots.loglog_curves(ax, tau_R, mean_CxR * factor, **values)
        ax.set(xlabel=TAU, ylabel=label)
    axes[1].set_yscale("linear")
    axes[1].axhline(ALIGNED, color="grey", ls=":", lw=1)
    axes[2].axhline(HALF, color="grey", ls=":", lw=1)
    axes[3].set_yscale("linear")
    axes[3].axhline(1, color="black", ls="--", lw=1, label="near-ties, no fit")
    plots.legend(axes[3])
    end = float(tau_R[-1]), float(seed_mean(scan[0].data, GRADIENT)[-1])
    plots.reference_slope(axes[5], 2 / 3, end, label="τ^-2/3")
    caption = (
        f"Adam at rate {study.config.optimizer.learning_rate:g}, {len(scan)} temperatures, means "
        f"of {len(np.unique(study.data['seed']))} seeds. Dotted: alignment {ALIGNED}, β*/2, and "
        "the slope -2/3 of the radial gradient. Curvature is multiplied by β: where near-ties "
        "carry it, it is flat, and the trace is at 1."
    )
    return Figure("temperature_scan", "Temperatures at length", caption, figure)


def finite_temperature_exponents(study: Study) -> Figure:
    """Returns the local exponents against u = β/β*, and the parts of the loss."""
    scan = temperatures(study)
    figure, (left, right) = panels(1, 2)
    for number, own in enumerate(scan):
        u_W, exponent_W = (part_SxW.mean(axis=0) for part_SxW in local_points(own)[1:])
        shown_W = u_W < SHOWN
        style = {"color": swept()(number / max(1, len(scan) - 1)), "marker": "o", "ms": 4}
        label = f"T = {own.values[0]:.3g}"
        left.plot(u_W[shown_W], exponent_W[shown_W], label=label, **style)
    u = np.linspace(0.01, SHOWN, 200)
    left.plot(u, aligned_exponent(u), "k-", lw=1.5, label="aligned flow")
    left.plot(u, theory.finite_temperature_exponent(u), "k:", lw=1.2, label="(1/3)(1+u)/(1-u)")
    left.axhline(THIRD, color="grey", ls=":", lw=1)
    left.set(xlabel="u = β/β*", ylabel="local exponent of the loss", xlim=(0, 1), ylim=(0, 3))
    plots.legend(left)
    tau_R = measures.curves(study.data).tau_SxR[0]
    parts = {
        f"T = {own.values[0]:.3g}, {part}": seed_mean(own.data, f"eval_loss_{part}")
        for own in (scan[0], scan[-1])
        for part in ("radial", "tangential")
    }
    plots.loglog_curves(right, tau_R, np.stack(list(parts.values())), labels=list(parts))
    right.set(xlabel=TAU, ylabel="part of the loss, nats")
    caption = (
        f"Left: the loss's exponent in quarter-decades of τ in [{WINDOW[0]:g}, {WINDOW[1]:g}] "
        f"against u up to {SHOWN}, mean over seeds; the lines are the theory at finite "
        "temperature, without any fitted constant, for gradient flow: how far Adam lies off is a "
        "finding. Right: the loss of the student's part along the teacher (radial) and what wrong "
        "directions add, where that is positive."
    )
    return Figure("temperature_exponents", "Exponents at finite temperature", caption, figure)


def every_temperature(study: Study) -> Table:
    """Returns what was measured at every temperature."""
    rows = []
    for own in temperatures(study):
        exponents = loss_exponent(own), exponent(own.data, WINDOW, GRADIENT)
        aligned = float(first_passage(own.data, ALIGNMENT, ALIGNED).mean())
        end = float(seed_mean(own.data, measures.SCALE)[-1]) / _beta_star(own)
        row = [own.values[0], _beta_star(own), aligned, float(_lead(own).mean()), end]
        rows.append(row + [limit for e in exponents for limit in (e.value, e.low, e.high)])
    header = ["temperature", "β*", "τ at alignment 0.95", "τ at β*/2 over that"]
    header += ["β/β* at the end", "exponent of the loss", "low", "high"]
    header += ["exponent of the gradient's norm", "low", "high"]
    return Table("temperature_scan: every temperature, mean over seeds", header, rows)
