"""The claims of the one-third experiment, measured.

A claim is measured only on a study that is what its sentence says (`expected.PINNED`), and that is
finished; otherwise it says why it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.one_third import measures
from experiments.one_third.expected import CLAIMS_OF, EXPECTED, PINNED, THIRD
from jaxlab import config as configs
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Claim


def claims(studies: Mapping[str, Study]) -> list[Claim]:
    """Returns the claims that the studies at hand can answer, and those of the static theory."""
    makers: dict[str, Callable[[Study], list[Claim]]] = {
        "headline": _headline,
        "hard_labels": _hard_labels,
        "flat": _flat,
        "adam_grid": _adam_grid,
        "text": _text,
    }
    found = []
    for name, maker in makers.items():
        if name in studies:
            study = studies[name]
            reason = unfit(study)
            names = CLAIMS_OF[name]
            found += [_unmeasured(c, study, reason) for c in names] if reason else maker(study)
    slopes = measures.static_slopes()
    return [
        *found,
        _claim("static_gradient", slopes.gradient),
        _claim("static_loss", slopes.loss),
    ]


def unfit(study: Study) -> str:
    """Returns why a study cannot answer its claims, or "" if it can."""
    for run in study.runs:
        if run.done is None:
            return f"{run.folder.name} is not finished"
        values = dict(configs.leaves(run.config))
        for key, pinned in PINNED[study.name].items():
            traced = key in study.data.coords
            found = np.unique(study.data[key].values).tolist() if traced else [values.get(key)]
            if len(found) > 1 or not _same(found[0], pinned):
                return (
                    f"{key} is {found[0] if len(found) == 1 else found}, the claim is of {pinned}"
                )
    return ""


def _same(found, pinned) -> bool:
    return bool(np.isclose(found, pinned)) if isinstance(pinned, float) else found == pinned


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
        low=interval.low if interval.seeds > 1 else np.nan,  # one seed has no interval
        high=interval.high if interval.seeds > 1 else np.nan,
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
    except ValueError as error:  # a diverged member
        return [_unmeasured(name, study, str(error)) for name in CLAIMS_OF["headline"]]
    seeds = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
    detail = f"means of the windows: {found.window_low:.3f} to {found.window_high:.3f}"
    return [
        _claim("headline", seeds, study, "interval over seeds, in the published window"),
        _claim("headline_any_window", found, study, detail),
    ]


def _hard_labels(study: Study) -> list[Claim]:
    names = CLAIMS_OF["hard_labels"]
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
    detail = "mean over the window; the interval covers that of the seeds at each of its records"
    third = "" if scale.low <= THIRD <= scale.high else "1/3 itself lies outside the interval; "
    flow = measures.slope(tau_SxR[0], beta_SxR.mean(axis=0), study.config.window)
    return [
        _claim(names[0], loss, study),
        _claim(names[1], scale, study, f"{third}the aligned flow has {flow:.4f} in this window"),
        _claim(names[2], ratios[0], study, detail),
        _claim(names[3], ratios[1], study, detail),
    ]


def _range_over_records(ratio_SxR: np.ndarray) -> Interval:
    """The mean over all; the ends envelop the Student intervals over seeds of all records."""
    records = [student_interval(ratio_S) for ratio_S in ratio_SxR.T]
    low, high = min(r.low for r in records), max(r.high for r in records)
    return Interval(float(ratio_SxR.mean()), low, high, len(ratio_SxR), 0.95)


def _flat(study: Study) -> list[Claim]:
    names = CLAIMS_OF["flat"]
    try:
        rate = measures.exponential_rate(study)
    except ValueError as error:
        return [_unmeasured(name, study, str(error)) for name in names]
    whole, first, second = rate.windows
    halves = Interval(
        whole.value,
        min(part.low for part in rate.windows),
        max(part.high for part in rate.windows),
        whole.seeds,
        whole.level,
    )
    drift = f"{first.value:.5f} in the first half, {second.value:.5f} in the second"
    contrast = f"the best power law reaches {rate.power_law_r_squared:.3f}"
    return [
        _claim(names[0], whole, study, "interval over seeds, in the whole window"),
        _claim(names[1], halves, study, drift),
        _claim(names[2], rate.over_theory, study, "the flow slows down as the run does"),
        _claim(names[3], rate.r_squared, study, contrast),
    ]


def _adam_grid(study: Study) -> list[Claim]:
    grid = measures.grid(study)
    seeds = len(np.unique(study.data["seed"]))
    coldest = grid.isel(temperature=0)
    return [
        _distance("rate_lowest", coldest.isel(learning_rate=0), study, seeds),
        _distance("rate_highest", coldest.isel(learning_rate=-1), study, seeds),
        _temperature_rise(grid, study, seeds),
        _spread(coldest, study, seeds),
    ]


def _spread(row, study: Study, seeds: int) -> Claim:
    """The largest exponent of a row of the grid minus the smallest, far ends taken as bounds."""
    if not np.isfinite(row["exponent"]).any():
        return _unmeasured("adam_spread", study, "no cell of this row has an exponent")
    top = row.isel(learning_rate=int(np.nanargmax(row["exponent"].values)))
    bottom = row.isel(learning_rate=int(np.nanargmin(row["exponent"].values)))
    best = row.isel(learning_rate=int(np.nanargmin(row["end_loss"].values)))
    value, low, high = (
        float(top[a] - bottom[b])
        for a, b in (("exponent", "exponent"), ("low", "high"), ("high", "low"))
    )
    detail = (
        f"from {float(top['exponent']):.3f} at rate {float(top['learning_rate']):.4f} to "
        f"{float(bottom['exponent']):.3f} at {float(bottom['learning_rate']):.4f}; the lowest end "
        f"loss is at {float(best['learning_rate']):.4f}, with {float(best['exponent']):.3f}"
    )
    return _claim("adam_spread", Interval(value, low, high, seeds, 0.95), study, detail)


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
    detail += f"; seeds alone: [{seeds.low:.3f}, {seeds.high:.3f}]; means by window: "
    detail += ", ".join(f"{part.mean.value:.2f}" for part in found.windows)
    return [_claim("text_exponent", found, study, detail)]
