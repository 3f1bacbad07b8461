"""The scan of temperatures on planted studies."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, file, noise, planted, results, verdicts

from experiments.one_third import measures
from experiments.one_third.cells import first_passage
from experiments.one_third.studies import temperature_scan
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.statics import gap_density_at_zero
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED


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


@pytest.fixture(scope="module")
def lawful():
    return planted("temperature_scan", scan_curve())


def test_what_the_theory_would_have_is_supported(lawful):
    found = results(lawful)
    assert {name: r.estimate for name, r in found.items() if r.verdict != SUPPORTED} == {}


def test_figures_and_tables_show_every_temperature(lawful):
    with house_style():
        assert all(len(make(lawful).png) > 20_000 for make in file("temperature_scan").figures)
    (table,) = [make(lawful) for make in file("temperature_scan").tables]
    assert len(table.rows) == 8


def test_diverged_seeds_leave_nothing_measured(lawful):
    data = lawful.data.copy(deep=True)
    for metric in set(data) - {"tau"}:
        data[metric][:, -3:] = np.nan
    data["diverged_step"] = xr.full_like(data["tau"], 900)
    assert set(verdicts(replace(lawful, data=data)).values()) == {Verdict.NOT_MEASURED}


def test_a_direction_learned_late_fails():
    found = verdicts(planted("temperature_scan", scan_curve(direction=1.0)))
    assert found["scan_direction_first"] == NOT_SUPPORTED
    assert found["scan_finite_temperature"] == SUPPORTED


def test_curvature_and_exponents_off_the_theory_fail():
    study = planted("temperature_scan", scan_curve(trace=1.3, factor=1.3))
    found = results(study)
    assert found["scan_trace"].estimate.value == pytest.approx(1.3, abs=0.01)
    assert found["scan_finite_temperature"].estimate.value == pytest.approx(1.3, abs=0.03)
    failing = {name for name, result in found.items() if result.verdict == NOT_SUPPORTED}
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
    with pytest.raises(NotMeasurable, match="diverged"):
        first_passage(data.where(data["tau"] < 10), "rising", 0.5)
