"""Scans of temperature, start, decay, schedule and spectrum on planted studies."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, noise, planted

from experiments.one_third import measures
from experiments.one_third.cells import first_passage
from experiments.one_third.studies import PARTS, temperature_scan
from jaxlab.analysis.statics import gap_density_at_zero
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

HOLDS, FAILS, NOT_MEASURED = Verdict.HOLDS, Verdict.FAILS, Verdict.NOT_MEASURED


def by_id(study):
    found = PARTS.claims({study.name: study})
    return {claim.id: claim for claim in found if claim.provenance["study"] == study.name}


def verdicts(study):
    return {name: claim.verdict for name, claim in by_id(study).items()}


def column(data, key):
    return data[key].values[:, None]


def scan_curve(direction=1e-3, trace=1.0, factor=1.0):
    """Returns a scan that does what the theory says: the aligned flow, and near-ties.

    The direction is learned at τ ~ `direction`; the trace is `trace` times that of near-ties; the
    loss's exponent is `factor` times that of the flow.
    """

    def curve(tau_MxR, data):
        top_Mx1 = measures.beta_star(column(data, "task.temperature"))
        u_P = np.geomspace(1e-4, 0.9999, 4000)  # dβ/dτ = (c/β²)(1-u²), with β = 8 at τ = 4
        rise = np.arctanh(u_P) - u_P
        start_Mx1 = 8 / top_Mx1
        pace_Mx1 = (np.arctanh(start_Mx1) - start_Mx1) / 4
        u_MxR = np.exp(np.interp(np.log(pace_Mx1 * tau_MxR), np.log(rise), np.log(u_P)))
        beta_MxR = u_MxR * top_Mx1
        loss_MxR = ((1 - u_MxR) ** 2 / beta_MxR) ** factor * noise(tau_MxR.shape, 1e-3)
        loss_MxR -= 3e-9  # a float32 KL of nothing is below zero
        ties_MxR = 32 * gap_density_at_zero(128) / beta_MxR * noise(tau_MxR.shape, 1e-3)
        return {
            "eval_loss": loss_MxR,
            "eval_logit_std": beta_MxR,
            "eval_alignment": tau_MxR / (tau_MxR + direction / 19),
            "eval_hessian_1": 0.1 * ties_MxR,
            "eval_hessian_trace": trace * ties_MxR,
            "grad_norm": tau_MxR**-0.2 * noise(tau_MxR.shape, 1e-3),
            "param_norm": beta_MxR,
            "eval_loss_radial": loss_MxR,
            "eval_loss_tangential": 0.01 * loss_MxR,
        }

    return curve


def start_curve(exponent=THIRD, alignment=0.99):
    """Returns power laws; misaligned starts have another exponent and alignment than zeros."""

    def curve(tau_MxR, data):
        scale_Mx1 = column(data, "model.init_scale")
        exponent_Mx1 = np.where(scale_Mx1 == 0, THIRD, exponent)
        best_Mx1 = 1 + np.abs(np.log(column(data, "optimizer.learning_rate") / 0.0231))
        loss_MxR = best_Mx1 * (tau_MxR / tau_MxR[:, -1:]) ** -exponent_Mx1
        aligned_Mx1 = np.where(scale_Mx1 == 0, 1.0, alignment)
        return {
            "eval_loss": loss_MxR * noise(tau_MxR.shape, 1e-3),
            "eval_logit_std": scale_Mx1 + tau_MxR**THIRD,
            "eval_alignment": aligned_Mx1 + 0 * tau_MxR,
        }

    return curve


def decay_curve(stops=True, exponent=THIRD):
    """Returns power laws; with decay the scale stops, if `stops`."""

    def curve(tau_MxR, data):
        decayed_Mx1 = column(data, "optimizer.weight_decay") > 0
        clock_MxR = tau_MxR / tau_MxR[:, -1:]
        growth_Mx1 = np.where(decayed_Mx1 & stops, 0.0, 0.2)
        best_Mx1 = 1 + np.abs(np.log(column(data, "optimizer.learning_rate") / 0.1))
        return {
            "eval_loss": best_Mx1 * clock_MxR**-exponent * noise(tau_MxR.shape, 1e-3),
            "eval_logit_std": 5 * clock_MxR**growth_Mx1 * noise(tau_MxR.shape, 1e-3),
        }

    return curve


def schedule_curve(clock="tau", gain=1.0):
    """Returns power laws of one clock; a cosine's losses are `gain` times as high at its end."""

    def curve(tau_MxR, data):
        rate_Mx1 = column(data, "optimizer.learning_rate")
        time_MxR = tau_MxR if clock == "tau" else rate_Mx1 * np.maximum(data["step"].values, 1)
        late_MxR = time_MxR >= 0.5 * time_MxR[:, -1:]
        cosine_Mx1 = column(data, "schedule.name") == "cosine"
        factor_MxR = np.where(late_MxR & cosine_Mx1, gain, 1.0)
        return {"eval_loss": factor_MxR * time_MxR**-THIRD * noise(tau_MxR.shape, 1e-3)}

    return curve


def spectrum_curve(slope=0.0):
    """Returns power laws whose exponent moves by `slope` over the scan."""

    def curve(tau_MxR, data):
        exponent_Mx1 = THIRD + slope * column(data, "task.spectrum")
        return {"eval_loss": tau_MxR**-exponent_Mx1 * noise(tau_MxR.shape, 1e-3)}

    return curve


@cache
def lawful():
    """A study for each config file, as the theory or the paper would have it."""
    return {
        "temperature_scan": planted("temperature_scan", scan_curve()),
        "initial_scale": planted("initial_scale", start_curve()),
        "weight_decay": planted("weight_decay", decay_curve()),
        "schedules": planted("schedules", schedule_curve()),
        "spectrum": planted("spectrum", spectrum_curve(), spectra=4),
    }


NAMES = ("temperature_scan", "initial_scale", "weight_decay", "schedules", "spectrum")


@pytest.mark.parametrize("name", NAMES)
def test_what_the_theory_would_have_holds(name):
    study = lawful()[name]
    found = by_id(study)
    assert set(found) == set(PARTS.part(name).EXPECTED)
    assert {claim.id: claim.detail for claim in found.values() if claim.verdict != HOLDS} == {}


@pytest.mark.parametrize("name", NAMES)
def test_figures_and_tables_show_every_member(name):
    study = lawful()[name]
    with house_style():
        figures = PARTS.part(name).figures(study)
        assert all(len(figure.png) > 20_000 for figure in figures)
    (table,) = PARTS.part(name).tables(study)
    seeds = len(np.unique(study.data["seed"]))
    halves = 2 if name == "schedules" else 1  # a row has both schedules
    assert len(table.rows) == study.data.sizes["member"] // seeds // halves


@pytest.mark.parametrize("name", NAMES)
def test_a_diverged_seed_leaves_its_claims_unmeasured_or_is_left_out(name):
    study = lawful()[name]
    data = study.data.copy(deep=True)
    for metric in set(data) - {"tau"}:
        data[metric][:, -3:] = np.nan
    data["diverged_step"] = xr.full_like(data["tau"], 900)
    found = verdicts(replace(study, data=data))
    assert set(found.values()) == {NOT_MEASURED}


def test_a_direction_learned_late_fails():
    found = verdicts(planted("temperature_scan", scan_curve(direction=1.0)))
    assert found["scan_direction_first"] == FAILS
    assert found["scan_finite_temperature"] == HOLDS


def test_curvature_and_exponents_off_the_theory_fail():
    study = planted("temperature_scan", scan_curve(trace=1.3, factor=1.3))
    found = by_id(study)
    assert found["scan_trace"].measured == pytest.approx(1.3, abs=0.01)
    assert found["scan_finite_temperature"].measured == pytest.approx(1.3, abs=0.03)
    failing = {name for name, claim in found.items() if claim.verdict == FAILS}
    assert failing == {"scan_trace", "scan_finite_temperature"}


def test_the_aligned_exponent_is_one_third_far_from_the_teacher():
    found = temperature_scan.aligned_exponent(np.array([1e-2, 0.5]))
    np.testing.assert_allclose(
        found, [THIRD * 1.0201, 2.25 * (np.arctanh(0.5) - 0.5) * 8], rtol=1e-3
    )


def test_first_passage_is_between_records_and_at_the_end_without_one():
    data = xr.Dataset(
        {
            "tau": (("member", "step"), [[0.0, 1.0, 4.0, 16.0]]),
            "rising": (("member", "step"), [[0.0, 0.0, 1.0, 2.0]]),
        }
    )
    between = first_passage(data, "rising", 0.5)
    np.testing.assert_allclose(between, [2.0])
    np.testing.assert_allclose(first_passage(data, "rising", 3.0), [16.0])


def test_a_start_that_keeps_its_direction_fails():
    found = verdicts(planted("initial_scale", start_curve(exponent=0.2, alignment=0.5)))
    assert found == {"start_alignment": FAILS, "start_exponent": FAILS, "start_as_zero": FAILS}


def test_a_start_is_judged_at_its_best_rate():
    found = by_id(lawful()["initial_scale"])
    assert found["start_alignment"].detail == "best rates 0.0231, 0.0231, 0.0231, 0.0231"


def test_a_scale_that_grows_under_decay_fails():
    found = by_id(planted("weight_decay", decay_curve(stops=False, exponent=0.6)))
    assert found["decay_scale"].measured == pytest.approx(0.2, abs=0.01)
    assert found["decay_scale"].verdict == FAILS
    assert found["decay_scale_without"].verdict != HOLDS
    assert found["decay_loss"].verdict == FAILS


def test_without_its_control_decay_is_not_measured():
    study = lawful()["weight_decay"]
    data = study.data.isel(member=study.data["optimizer.weight_decay"].values > 0)
    found = by_id(replace(study, data=data))
    assert {claim.detail for claim in found.values()} == {
        "it needs runs with one decay and without, not [0.05]"
    }


def test_a_law_of_steps_fails_on_the_clock_of_rates():
    found = verdicts(planted("schedules", schedule_curve(clock="step")))
    assert found == {
        "schedule_sgd": FAILS,
        "schedule_adam": FAILS,
        "schedule_steps": FAILS,
    }


def test_a_cosine_that_ends_lower_shows_by_how_much():
    found = by_id(planted("schedules", schedule_curve(gain=0.8)))
    assert found["schedule_adam"].measured == pytest.approx(0.8, abs=0.01)
    assert found["schedule_sgd"].verdict != HOLDS


def test_an_exponent_that_moves_with_the_spectrum_fails():
    found = by_id(planted("spectrum", spectrum_curve(slope=0.1), spectra=4))
    assert found["spectrum_difference"].measured == pytest.approx(0.1, abs=0.003)
    assert found["spectrum_difference"].verdict == FAILS
    assert found["spectrum_exponent"].verdict != HOLDS
