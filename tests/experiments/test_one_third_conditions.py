"""Starts, weight decay, schedules and spectra on planted studies."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, file, noise, planted, results, verdicts

from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
NAMES = ("initial_scale", "weight_decay", "schedules", "spectrum")


def column(data, key):
    return data[key].values[:, None]


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
        "initial_scale": planted("initial_scale", start_curve()),
        "weight_decay": planted("weight_decay", decay_curve()),
        "schedules": planted("schedules", schedule_curve()),
        "spectrum": planted("spectrum", spectrum_curve(), spectra=4),
    }


def estimates(study):
    return {name: e for name, r in results(study).items() if (e := r.estimate)}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_theory_would_have_is_supported(name):
    found = results(lawful()[name])
    assert {r.claim.id: r.number for r in found.values() if r.verdict != SUPPORTED} == {}


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_drawn(name):
    with house_style():
        figures = [make(lawful()[name]) for make in file(name).figures]
        assert all(len(figure.png) > 20_000 for figure in figures)


def test_the_table_of_schedules_has_a_row_for_every_pair():
    study = lawful()["schedules"]
    (table,) = (make(study) for make in file("schedules").tables)
    assert len(table.rows) == study.data.sizes["member"] / 3 / 2  # seeds, schedules


@pytest.mark.parametrize("name", NAMES)
def test_diverged_seeds_leave_claims_unmeasured(name):
    study = lawful()[name]
    data = study.data.copy(deep=True)
    for metric in set(data) - {"tau"}:
        data[metric][:, -3:] = np.nan
    data["diverged_step"] = xr.full_like(data["tau"], 900)
    found = verdicts(replace(study, data=data))
    assert set(found.values()) == {Verdict.NOT_MEASURED}


def test_a_start_that_keeps_its_direction_is_not_supported():
    found = verdicts(planted("initial_scale", start_curve(exponent=0.2, alignment=0.5)))
    assert found == dict.fromkeys(
        ("start_alignment", "start_exponent", "start_as_zero"), NOT_SUPPORTED
    )


def test_a_start_is_judged_at_its_best_rate():
    found = estimates(lawful()["initial_scale"])["start_alignment"]
    assert found.detail == "best rates 0.0231, 0.0231, 0.0231, 0.0231"


def test_without_a_start_of_zeros_nothing_is_measured():
    study = lawful()["initial_scale"]
    data = study.data.isel(member=study.data["model.init_scale"].values > 0)
    found = results(replace(study, data=data))
    assert {r.reason for r in found.values()} == {"the study needs a start of zeros, and others"}


def test_a_scale_that_grows_under_decay_is_not_supported():
    study = planted("weight_decay", decay_curve(stops=False, exponent=0.6))
    found = verdicts(study)
    assert estimates(study)["decay_scale"].value == pytest.approx(0.2, abs=0.01)
    assert found["decay_scale"] == NOT_SUPPORTED
    assert found["decay_scale_without"] != SUPPORTED
    assert found["decay_loss"] == NOT_SUPPORTED


def test_without_its_control_decay_is_not_measured():
    study = lawful()["weight_decay"]
    data = study.data.isel(member=study.data["optimizer.weight_decay"].values > 0)
    found = results(replace(study, data=data))
    reason = "it needs runs with one decay and without, not [0.05]"
    assert {r.reason for r in found.values()} == {reason}


def test_a_law_of_steps_is_not_supported_on_the_clock_of_rates():
    found = verdicts(planted("schedules", schedule_curve(clock="step")))
    assert found == dict.fromkeys(
        ("schedule_sgd", "schedule_adam", "schedule_steps"), NOT_SUPPORTED
    )


def test_a_cosine_that_ends_lower_shows_by_how_much():
    study = planted("schedules", schedule_curve(gain=0.8))
    assert estimates(study)["schedule_adam"].value == pytest.approx(0.8, abs=0.01)
    assert verdicts(study)["schedule_sgd"] != SUPPORTED


def test_a_schedule_without_its_other_half_is_not_measured():
    study = lawful()["schedules"]
    data = study.data.isel(member=study.data["schedule.name"].values == "cosine")
    found = verdicts(replace(study, data=data))
    assert set(found.values()) == {Verdict.NOT_MEASURED}


def test_an_exponent_that_moves_with_the_spectrum_is_not_supported():
    study = planted("spectrum", spectrum_curve(slope=0.1), spectra=4)
    found = verdicts(study)
    assert estimates(study)["spectrum_difference"].value == pytest.approx(0.1, abs=0.003)
    assert found["spectrum_difference"] == NOT_SUPPORTED
    assert found["spectrum_exponent"] != SUPPORTED
