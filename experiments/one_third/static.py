"""The static theory, which needs no training: Fig. 3, the aligned flow and Fig. 6a.

Loss, force and energies against the logit scale β, from draws of teachers as in the paper's
notebooks (test-2 and test-6 of github.com/liuyz0/TimeScaling) and from exact quadrature. They stand
beside the study `headline` and read nothing of it.
"""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

import numpy as np

from experiments.one_third.words import PAPER, THIRD
from jaxlab.analysis import theory
from jaxlab.analysis.estimate import Estimate, exact, of_interval
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.statics import (
    beta_grid,
    gap_density_at_zero,
    gaussian_entropy,
    gaussian_statics,
    gaussian_teacher_logits,
    sampled_statics,
)
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table

CLASSES = 128
FIG3_BETA_STARS = (100.0, 59.0, 35.0)
FIG3_PARTS = {"static_loss": slice(1, 10), "static_gradient": slice(2, 60)}  # of its grid of β
VOCABULARY, CHINCHILLA_NATS, FIG6_BETA = 32_000, 1.69, 6.868
OVER_DRAWS = "95 % over draws of teachers and inputs (Student t)"


@cache
def fig3_slopes(draws: int = 5) -> dict[str, np.ndarray]:
    """Returns the slopes of ln L and ln(-dL/dβ) against ln β at β* = 100, by claim, each [draws].

    The windows are those of Fig. 3: with β = linspace(0, 1, 100) β*, indices 1 to 9 for the loss
    and 2 to 59 for the gradient (notebook test-2 of the paper's code).
    """
    beta_star = FIG3_BETA_STARS[0]
    grid_B = np.linspace(0, 1, 100) * beta_star
    table_B = np.append(grid_B[:60], beta_star)  # no other point of the grid is used
    found: dict[str, list[float]] = {name: [] for name in FIG3_PARTS}
    for seed in range(draws):
        statics = sampled_statics(_logits(seed, teachers=10), table_B)
        for which, (name, part) in enumerate(FIG3_PARTS.items()):
            value_B = statics.at(grid_B[part], beta_star)[which]
            found[name].append(_slope(grid_B[part], value_B))
    return {name: np.array(slope_D) for name, slope_D in found.items()}


@cache
def hard_teacher(draws: int = 5) -> dict[str, np.ndarray]:
    """Returns what the claims on one-hot labels ask for, by their ids, each [draws].

    Each draw has 20 teachers with 1024 inputs; τ is the clock of the aligned flow with c_eff = 1.
    """
    table_B = np.append(0, np.geomspace(0.5, 100, 25))
    beta_B, tau_T = np.geomspace(30, 100, 8), np.geomspace(1e4, 1e6, 21)
    found = []
    for seed in range(draws):
        statics = sampled_statics(_logits(seed, teachers=20), table_B)
        loss_B, force_B = statics.at(beta_B)
        flow_T, flow_loss_T = theory.aligned_flow(tau_T, statics)
        found.append(
            {
                "hard_teacher_loss": _slope(beta_B, loss_B),
                "hard_teacher_gradient": _slope(beta_B, force_B),
                "hard_teacher_c2": beta_B[-1] ** 2 * force_B[-1],
                "flow_loss": -_slope(tau_T, flow_loss_T),
                "flow_scale": _slope(tau_T, flow_T),
                "flow_gradient": -_slope(tau_T, statics.at(flow_T)[1]),
            }
        )
    return {name: np.array([draw[name] for draw in found]) for name in found[0]}


class Fig6Rows(NamedTuple):
    """Where samples of 1024 rows cross 1.69 nats, [samples] each."""

    midpoint_S: np.ndarray  # the middle of the step of the grid, as in the paper
    interpolated_S: np.ndarray


@cache
def fig6_rows(samples: int = 3) -> Fig6Rows:
    """Returns where the mean entropy of 1024 rows of 32 000 logits crosses 1.69 nats.

    Only the four points of the paper's grid about the crossing are computed. A sample's crossing
    has a standard deviation of 0.09. The quadrature that it is held against was checked with 40 960
    rows once: at β = 6.632 they have 1.745 ± 0.004 nats, the quadrature 1.748.
    """
    beta_B = np.linspace(0, 9, 20)[13:17]
    midpoints, interpolated = [], []
    for seed in range(samples):
        rng = np.random.default_rng(seed)
        blocks = (rng.standard_normal((64, VOCABULARY), dtype=np.float32) for _ in range(16))
        entropy_B = np.mean([_entropies(block_RxN, beta_B) for block_RxN in blocks], axis=0)
        after = int(np.argmax(entropy_B < CHINCHILLA_NATS))
        midpoints.append(beta_B[after - 1 : after + 1].mean())
        interpolated.append(np.interp(-CHINCHILLA_NATS, -entropy_B, beta_B))
    return Fig6Rows(np.array(midpoints), np.array(interpolated))


def _entropies(logits_RxN: np.ndarray, beta_B: np.ndarray) -> np.ndarray:
    """The mean entropy, nats, of the rows' softmax at each β."""
    below_RxN = logits_RxN - logits_RxN.max(axis=1, keepdims=True)
    entropies = []
    for beta in beta_B.astype(logits_RxN.dtype):
        weight_RxN = np.exp(beta * below_RxN)
        z_R = weight_RxN.sum(axis=1)
        energy_R = np.einsum("rn,rn->r", below_RxN, weight_RxN) / z_R
        entropies.append(np.mean(np.log(z_R) - beta * energy_R))
    return np.array(entropies)


def _logits(seed: int, teachers: int) -> np.ndarray:
    # In float32 the exponentials take a fifth of the time; the draws differ by far more.
    return gaussian_teacher_logits(np.random.default_rng(seed), draws=teachers).astype(np.float32)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _fig3(name: str) -> Measure:
    return lambda _: of_interval(student_interval(fig3_slopes()[name]), covers=OVER_DRAWS)


def _hard(name: str) -> Measure:
    return lambda _: of_interval(student_interval(hard_teacher()[name]), covers=OVER_DRAWS)


def _sampled_crossings() -> str:
    return ", ".join(f"{beta:.2f}" for beta in fig6_rows().interpolated_S)


def _entropy_beta(_study: Study) -> Estimate:
    detail = "exact quadrature, so there is no interval; samples of 1024 rows, which spread by "
    detail += f"0.09, put it at {_sampled_crossings()}"
    return exact(theory.entropy_beta(VOCABULARY, CHINCHILLA_NATS), detail)


def _entropy_midpoint(_study: Study) -> Estimate:
    detail = (
        "a grid step is 0.47 wide, so every sample gives the same; between its ends the samples "
        f"cross at {_sampled_crossings()}, the exact entropy at "
        f"{theory.entropy_beta(VOCABULARY, CHINCHILLA_NATS):.3f}"
    )
    covers = "95 % over samples of 1024 rows (Student t)"
    return of_interval(student_interval(fig6_rows().midpoint_S), covers=covers, detail=detail)


check = partial(Claim, kind=Kind.CHECK, needs_runs=False)
CLAIMS = (
    check(
        "static_gradient",
        "In the static theory with a teacher of logit scale β* = 100, the loss gradient -dL/dβ "
        "falls as β^-2.261 in the window of Fig. 3 (slope of ln(-dL/dβ) against ln β)",
        expected=(-2.30, -2.22),
        published=-2.261,
        measure=_fig3("static_gradient"),
        source=f"{PAPER}, Fig. 3",
    ),
    check(
        "static_loss",
        "In the static theory with a teacher of logit scale β* = 100, the loss falls as β^-1.151 "
        "in the window of Fig. 3 (slope of ln L against ln β)",
        expected=(-1.23, -1.07),
        published=-1.151,
        measure=_fig3("static_loss"),
        source=f"{PAPER}, Fig. 3",
    ),
    check(
        "hard_teacher_loss",
        "In the static theory with one-hot labels the loss falls nearly as 1/β for β in [30, 100] "
        "(slope of ln L against ln β)",
        expected=(-1.05, -0.99),
        measure=_hard("hard_teacher_loss"),
        source=f"{PAPER}, low-temperature law L = c2/β; numbers by this lab",
    ),
    check(
        "hard_teacher_gradient",
        "In the static theory with one-hot labels the loss gradient falls nearly as 1/β² for β in "
        "[30, 100] (slope of ln(-dL/dβ) against ln β)",
        expected=(-2.09, -2.01),
        measure=_hard("hard_teacher_gradient"),
        source=f"{PAPER}, low-temperature law -dL/dβ = c2/β²; numbers by this lab",
    ),
    check(
        "hard_teacher_c2",
        "In the static theory with one-hot labels the constant of that law, c2 = -β² dL/dβ at "
        "β = 100, lies in 2.1 to 2.4; the two best classes alone give 2.13",
        expected=(2.1, 2.4),
        measure=_hard("hard_teacher_c2"),
        source=f"{PAPER}, low-temperature law; arXiv 2609.37745 for π²/12",
    ),
    check(
        "flow_loss",
        "In the aligned flow (gradient flow of a student that has the teacher's directions) on "
        "one-hot labels, the loss falls as τ^-0.337 for τ in [1e4, 1e6]",
        expected=(0.327, 0.347),
        published=THIRD,
        measure=_hard("flow_loss"),
        source=f"{PAPER}, aligned-student ansatz; numbers by this lab",
    ),
    check(
        "flow_scale",
        "In the same flow the logit scale grows as τ^0.317",
        expected=(0.307, 0.327),
        published=THIRD,
        measure=_hard("flow_scale"),
        source=f"{PAPER}, aligned-student ansatz; numbers by this lab",
    ),
    check(
        "flow_gradient",
        "In the same flow the gradient along the teacher's direction falls as τ^-0.673",
        expected=(0.663, 0.683),
        published=2 * THIRD,
        measure=_hard("flow_gradient"),
        source=f"{PAPER}, aligned-student ansatz; numbers by this lab",
    ),
    check(
        "entropy_beta",
        "A softmax over 32,000 Gaussian logits has an entropy of 1.69 nats, Chinchilla's "
        "irreducible loss, at logit scale β = 6.84",
        expected=(6.79, 6.89),
        published=FIG6_BETA,
        measure=_entropy_beta,
        source=f"{PAPER}, Fig. 6a; 6.84 from an earlier sample",
    ),
    check(
        "entropy_midpoint",
        "Why Fig. 6a has β = 6.868: it is the middle of the step of its grid, linspace(0, 9, 20), "
        "in which the entropy of 1024 rows crosses 1.69 nats",
        expected=(6.863, 6.873),
        published=FIG6_BETA,
        measure=_entropy_midpoint,
        source=f"{PAPER}, Fig. 6a, test-6 of its code",
    ),
)


def static_theory(_study: Study) -> Figure:
    """Returns Fig. 3, with the energies behind it."""
    statics = gaussian_statics(CLASSES, beta_grid(FIG3_BETA_STARS[0]))
    figure, axes = panels(2, 2)
    c2, best = theory.c2(CLASSES), gap_density_at_zero(CLASSES)
    for beta_star in FIG3_BETA_STARS:
        beta_B = np.linspace(0, 1, 100)[1:-1] * beta_star
        for ax, value_B in zip(axes, statics.at(beta_B, beta_star), strict=False):
            ax.plot(beta_B, value_B, label=f"β* = {beta_star:g}")
    beta_star = FIG3_BETA_STARS[0]
    for which, (name, part) in enumerate(FIG3_PARTS.items()):
        ax, found = axes[which], student_interval(fig3_slopes()[name])
        beta_B = (np.linspace(0, 1, 100) * beta_star)[part]
        value_B = statics.at(beta_B, beta_star)[which]
        amplitude = float(np.exp(np.mean(np.log(value_B) - found.value * np.log(beta_B))))
        window, interval = (beta_B[0], beta_B[-1]), (-found.high, -found.low)
        plots.power_law_line(ax, -found.value, amplitude, window, interval=interval)
        late_B = np.geomspace(2 * theory.c0(CLASSES), beta_star, 50)
        law = "c2/β" + "²" * which
        ax.plot(late_B, c2 / late_B ** (which + 1), color=GREY, ls=":", lw=1, label=law)
        ax.set(xscale="log", yscale="log", xlabel="β", ylabel=("loss, nats", "-dL/dβ, nats")[which])
        ax.set_ylim(value_B[-1] / 1000)  # near β* both fall without end
        plots.legend(ax)
    beta_B = np.geomspace(0.3, 100, 200)
    loss_B, force_B = statics.at(beta_B)
    late_B = beta_B[beta_B > theory.c0(CLASSES) / 2]
    for ax, energy_B, sign, bottom, name in (
        (axes[2], -loss_B / beta_B - best, -1, -8, "free energy F"),
        (axes[3], force_B - best, 1, -3.4, "internal energy U"),
    ):
        ax.plot(beta_B, energy_B, label=name)
        law_B = -best + sign * c2 / late_B**2
        ax.plot(late_B, law_B, "k--", lw=1, label=f"-{best:.3f} {'-+'[sign > 0]} c2/β²")
        ax.axhline(-theory.c0(CLASSES), color=GREY, ls=":", lw=1, label="-c0 = -√(2 ln n)")
        ax.set(xscale="log", xlabel="β", ylabel=name, ylim=(bottom, 0))
        plots.legend(ax)
    caption = (
        f"{CLASSES} independent Gaussian logits, exact quadrature. Above: loss and its gradient "
        "for the paper's three largest, third and fifth β*; dashed, in the shaded windows of the "
        "paper for β* = 100, the slope over 5 draws of 10 teachers with 1024 inputs each. Below: "
        "free and internal energy; the dashed law has the exact ground state, the mean best logit "
        f"{best:.3f}, where the paper writes its leading term c0 = {theory.c0(CLASSES):.3f}."
    )
    return Figure("static", "The static theory: loss, force and energies", caption, figure)


def entropy(_study: Study) -> Figure:
    """Returns Fig. 6a: the entropy of a softmax over a vocabulary against its logit scale."""
    figure, (ax,) = panels()
    beta_B = np.linspace(0, 9, 91)
    ax.plot(beta_B, [gaussian_entropy(VOCABULARY, beta) for beta in beta_B], label="exact")
    crossing, c0 = theory.entropy_beta(VOCABULARY, CHINCHILLA_NATS), theory.c0(VOCABULARY)
    ax.axhline(CHINCHILLA_NATS, color=GREY, ls=":", lw=1, label="1.69 nats, Chinchilla's floor")
    ax.axvline(c0, color=GREY, ls="--", lw=1, label=f"c0 = {c0:.3f}")
    ax.plot(crossing, CHINCHILLA_NATS, "ko", label=f"β = {crossing:.3f}")
    ax.plot(FIG6_BETA, CHINCHILLA_NATS, "X", color="C1", ms=9, label=f"published: {FIG6_BETA}")
    ax.set(xlabel="standard deviation β of the logits", ylabel="mean entropy, nats")
    plots.legend(ax)
    caption = (
        f"Softmax over {VOCABULARY} Gaussian logits. The sharpness of language, if its irreducible "
        "loss is 1.69 nats, lies beyond c0, where the power law begins. The published value is "
        "the middle of a step of a coarse grid; samples of 1024 rows, as many as there, cross at "
        f"{_sampled_crossings()}."
    )
    return Figure("entropy", "How sharp the target of a language model is", caption, figure)


def exponents_by_margin_density(_study: Study) -> Table:
    """Returns the exponents that the density of margins near zero decides."""
    tau_T = np.geomspace(1e9, 1e12, 7)
    rows = []
    for nu, gap in ((0, 0.0), (1, 0.0), (2, 0.0), (0, 0.25)):
        beta_T, loss_T, force_T = theory.margin_flow(tau_T, nu, gap)
        law = (None, None) if gap else theory.margin_exponents(nu)
        slopes = (-_slope(tau_T, loss_T), _slope(tau_T, beta_T), -_slope(tau_T, force_T))
        rows.append([f"beyond a gap of {gap}" if gap else f"d^{nu}", *slopes, *law])
    header = ["density of margins d", "loss", "scale β", "gradient"]
    header += ["loss: (ν+1)/(ν+3)", "β: 1/(ν+3)"]
    caption = (
        "Exponents of the aligned flow of two classes by the density of their margins near zero, "
        "for τ in [1e9, 1e12], by exact quadrature. Without a gap the law is (ν+1)/(ν+3); beyond "
        "one the loss nears 1/τ and β grows as ln τ (arXiv 2609.37745)"
    )
    return Table(caption, header, rows)


FIGURES = (static_theory, entropy)
TABLES = (exponents_by_margin_density,)
