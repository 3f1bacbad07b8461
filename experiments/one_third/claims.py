"""The claims of the one-third experiment: what was expected beforehand, and what was measured.

EXPECTED is written before a study runs and is never adjusted to its outcome. Where a published
number belongs to one fit window there are two claims: one in that window, and one that must hold in
every window of the family that `jaxlab.analysis.interval` fixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from experiments.one_third import measures
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim

PAPER = "arXiv 2602.03685"
THIRD = 1 / 3


@dataclass(frozen=True)
class Expected:
    """A claim before its measurement; see `jaxlab.report.claims.Claim`."""

    claim: str
    source: str
    published: float | None
    range: tuple[float, float]
    control: bool = False


EXPECTED = {
    "headline": Expected(
        "Adam at rate 0.0811 and T = 1e-3: the loss falls as τ^-0.337 over τ in [4, 162]",
        f"{PAPER}, Fig. 1 (README of its code)",
        0.337,
        (0.322, 0.352),
    ),
    "headline_any_window": Expected(
        "The same cell: the exponent is 0.337 in every half and quarter of that window, too",
        f"{PAPER}, Fig. 1; windows by this lab",
        0.337,
        (0.322, 0.352),
    ),
    "hard_labels_loss": Expected(
        "SGD on hard labels: the loss falls as τ^-1/3 once it has settled",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.34",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
    ),
    "hard_labels_scale": Expected(
        "The same runs: the logit scale grows as τ^1/3",
        f"{PAPER}, section 3; arXiv 2609.37745 measured 0.33",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
    ),
    "hard_labels_theory_loss": Expected(
        "The same runs: the loss is that of the aligned flow, which has no fitted constant (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "hard_labels_theory_scale": Expected(
        "The same runs: the logit scale is that of the aligned flow (ratio)",
        f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        1.0,
        (0.9, 1.1),
    ),
    "flat_rate": Expected(
        "Control: on a flat target (T = 1) the loss falls exponentially, at rate 2/n per τ",
        f"{PAPER}, high-temperature regime",
        2 / 128,
        (0.97 * 2 / 128, 1.03 * 2 / 128),
        control=True,
    ),
    "flat_rate_any_half": Expected(
        "Control: the same rate in each half of the window",
        f"{PAPER}, high-temperature regime; halves by this lab",
        2 / 128,
        (0.97 * 2 / 128, 1.03 * 2 / 128),
        control=True,
    ),
    "flat_is_exponential": Expected(
        "Control: R² of a straight line through log loss against τ",
        f"{PAPER}, high-temperature regime",
        None,
        (0.999, 1.0),
        control=True,
    ),
    "rate_lowest": Expected(
        "Control: Adam at the lowest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "rate_highest": Expected(
        "Control: Adam at the highest rate of the grid (T = 1e-3) is not 1/3: distance from it",
        f"grid of {PAPER}, Fig. 1; control by this lab",
        None,
        (0.03, inf),
        control=True,
    ),
    "temperature_scan": Expected(
        "At the headline's rate a warmer teacher has a larger exponent: T = 0.0072 minus T = 1e-3",
        f"{PAPER}, finite β*: (1/3)(1+u)/(1-u)",
        None,
        (0.0, inf),
    ),
    "text_exponent": Expected(
        "Real text: the loss falls to a floor as τ^-1/3, with the exponent free",
        f"{PAPER}, Fig. 6: 0.341, 0.367, 0.337, 0.307 for Pythia",
        THIRD,
        (THIRD - 0.05, THIRD + 0.05),
    ),
    "static_gradient": Expected(
        "Static theory at β* = 100: slope of ln(-dL/dβ) against ln β",
        f"{PAPER}, Fig. 3",
        -2.261,
        (-2.30, -2.22),
    ),
    "static_loss": Expected(
        "Static theory at β* = 100: slope of ln L against ln β",
        f"{PAPER}, Fig. 3",
        -1.151,
        (-1.23, -1.07),
    ),
}


def claims(studies: Mapping[str, Study]) -> list[Claim]:
    """Returns the claims that the studies at hand can answer, and those of the static theory."""
    makers: dict[str, Callable[[Study], list[Claim]]] = {
        "headline": _headline,
        "hard_labels": _hard_labels,
        "flat": _flat,
        "adam_grid": _adam_grid,
        "text": _text,
    }
    found = [
        claim for name, maker in makers.items() if name in studies for claim in maker(studies[name])
    ]
    slopes = measures.static_slopes()
    return [
        *found,
        _claim("static_gradient", slopes.gradient),
        _claim("static_loss", slopes.loss),
    ]


def _claim(name: str, interval: Interval, study: Study | None = None, detail: str = "") -> Claim:
    expected = EXPECTED[name]
    provenance = {}
    if study is not None:
        provenance = {
            "study": study.name,
            "config_hash": " ".join(run.environment["config_hash"] for run in study.runs),
            "window": list(study.config.window),
            "clock": "tau",
        }
    return Claim(
        id=name,
        claim=expected.claim,
        source=expected.source,
        published=expected.published,
        expected=expected.range,
        measured=interval.value,
        low=interval.low,
        high=interval.high,
        seeds=interval.seeds,
        control=expected.control,
        detail=detail,
        provenance=provenance,
    )


def _unmeasured(name: str, study: Study, reason: str) -> Claim:
    return _claim(name, Interval(np.nan, np.nan, np.nan, 0, 0.95), study, reason)


def _headline(study: Study) -> list[Claim]:
    try:
        found = measures.exponent(study)
    except ValueError as error:  # a diverged member, or a run too short for the window
        names = ("headline", "headline_any_window")
        return [_unmeasured(name, study, str(error)) for name in names]
    seeds = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
    detail = f"means of the windows: {found.window_low:.3f} to {found.window_high:.3f}"
    return [
        _claim("headline", seeds, study, "interval over seeds, in the published window"),
        _claim("headline_any_window", found, study, detail),
    ]


def _hard_labels(study: Study) -> list[Claim]:
    names = ("hard_labels_loss", "hard_labels_scale")
    names += ("hard_labels_theory_loss", "hard_labels_theory_scale")
    try:
        loss = measures.exponent(study)
        scale = measures.exponent(study, "eval_logit_std")
        beta_SxR, theory_SxR = measures.aligned_theory(study)
    except ValueError as error:
        return [_unmeasured(name, study, str(error)) for name in names]
    tau_SxR, loss_SxR = measures.curves(study.data)
    scale_SxR = measures.curves(study.data, "eval_logit_std").value_SxR
    low, high = study.config.window
    inside_R = (tau_SxR[0] >= low) & (tau_SxR[0] <= high)
    ratios = [
        _range_over_records((measured / theory)[:, inside_R])
        for measured, theory in ((loss_SxR, theory_SxR), (scale_SxR, beta_SxR))
    ]
    detail = "mean over the window; the interval covers the mean of seeds at each of its records"
    return [
        _claim(names[0], loss, study),
        _claim(names[1], scale, study),
        _claim(names[2], ratios[0], study, detail),
        _claim(names[3], ratios[1], study, detail),
    ]


def _range_over_records(ratio_SxR: np.ndarray) -> Interval:
    """The mean over all; the ends are the lowest and highest mean over seeds at any record."""
    mean_R = ratio_SxR.mean(axis=0)
    ends = float(mean_R.min()), float(mean_R.max())
    return Interval(float(mean_R.mean()), *ends, len(ratio_SxR), 0.95)


def _flat(study: Study) -> list[Claim]:
    names = ("flat_rate", "flat_rate_any_half", "flat_is_exponential")
    try:
        rate = measures.exponential_rate(study)
    except ValueError as error:
        return [_unmeasured(name, study, str(error)) for name in names]
    whole = rate.whole
    halves = Interval(whole.value, rate.low, rate.high, whole.seeds, whole.level)
    r_squared = Interval(rate.r_squared, rate.r_squared, 1.0, whole.seeds, whole.level)
    contrast = f"of the worst seed; the best power law reaches {rate.power_law_r_squared:.3f}"
    return [
        _claim(names[0], whole, study, "interval over seeds, in the whole window"),
        _claim(names[1], halves, study),
        _claim(names[2], r_squared, study, contrast),
    ]


def _adam_grid(study: Study) -> list[Claim]:
    grid = measures.grid(study)
    seeds = len(np.unique(study.data["seed"]))
    coldest = grid.isel(temperature=0)
    return [
        _distance("rate_lowest", coldest.isel(learning_rate=0), study, seeds),
        _distance("rate_highest", coldest.isel(learning_rate=-1), study, seeds),
        _temperature_rise(grid, study, seeds),
    ]


def _distance(name: str, cell, study: Study, seeds: int) -> Claim:
    """How far a cell's exponent is from 1/3, with the interval that its own interval implies."""
    if not np.isfinite(cell["exponent"]):
        return _unmeasured(name, study, str(cell["note"].item()))
    value, low, high = (float(cell[key]) - THIRD for key in ("exponent", "low", "high"))
    far, near = max(abs(low), abs(high)), 0.0 if low < 0 < high else min(abs(low), abs(high))
    detail = f"exponent {value + THIRD:.3f} [{low + THIRD:.3f}, {high + THIRD:.3f}]"
    return _claim(name, Interval(abs(value), near, far, seeds, 0.95), study, detail)


def _temperature_rise(grid, study: Study, seeds: int) -> Claim:
    cell = {"learning_rate": measures.HEADLINE_RATE, "temperature": 10 ** (-15 / 7)}
    if not all(np.isclose(grid[key], value, rtol=0.01).any() for key, value in cell.items()):
        return _unmeasured("temperature_scan", study, "this grid has no cell at the rate and T")
    row = grid.sel(learning_rate=cell["learning_rate"], method="nearest")
    cold, warm = row.isel(temperature=0), row.sel(temperature=cell["temperature"], method="nearest")
    value = float(warm["exponent"] - cold["exponent"])
    if not np.isfinite(value):
        return _unmeasured(
            "temperature_scan", study, str(cold["note"].item() or warm["note"].item())
        )
    low = float(warm["low"] - cold["high"])
    high = float(warm["high"] - cold["low"])
    detail = "the interval takes the far ends of both cells'"
    return _claim("temperature_scan", Interval(value, low, high, seeds, 0.95), study, detail)


def _text(study: Study) -> list[Claim]:
    try:
        found = measures.exponent(study, "loss", floor=True)
    except ValueError as error:
        return [_unmeasured("text_exponent", study, str(error))]
    fits = len(found.windows) * found.seeds
    detail = f"{found.suspect_fits} of {fits} fits ended at a bound (floor 0 or exponent)"
    seeds = student_interval(found.windows[0].exponents)
    detail += f"; seeds alone: [{seeds.low:.3f}, {seeds.high:.3f}]"
    return [_claim("text_exponent", found, study, detail)]
