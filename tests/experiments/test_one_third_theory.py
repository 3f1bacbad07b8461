"""The parts of the report that need no run: the static theory and the published points."""

import numpy as np
import pytest
import xarray as xr

from experiments.one_third import published, static
from jaxlab import config as configs
from jaxlab.analysis.statics import gaussian_entropy, gaussian_statics
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import aligned_flow
from jaxlab.report.claims import Kind
from jaxlab.report.figures import house_style

MODELS = list(published.PEAK_RATES)
NO_STUDY = Study("none", configs.base(), [], xr.Dataset())


@pytest.mark.parametrize("part", [static, published])
def test_every_claim_is_a_check_that_needs_no_run_and_everything_is_drawn(part):
    for claim in part.CLAIMS:
        assert claim.kind is Kind.CHECK
        estimate = claim.measure(NO_STUDY)
        assert estimate.low <= estimate.value <= estimate.high
    with house_style():
        assert all(make(NO_STUDY).svg.startswith(b"<?xml") for make in part.FIGURES)
    assert all(make(NO_STUDY).rows for make in part.TABLES)


def test_redraws_of_points_are_no_seeds():
    found = {claim.id: claim.measure(NO_STUDY) for claim in published.CLAIMS}
    assert {estimate.seeds for estimate in found.values()} == {0}
    assert "redraws" in found["pythia_70M"].covers


def test_draws_of_hard_teachers_agree_with_exact_quadrature():
    """Teachers in 32 dimensions correlate their logits: up to 5 % in c2, 0.01 in a slope."""
    beta_B, tau_T = np.geomspace(30, 100, 8), np.geomspace(1e4, 1e6, 21)
    statics = gaussian_statics(128, np.append(0, np.geomspace(0.5, 100, 65)))
    loss_B, force_B = statics.at(beta_B)
    flow_T, flow_loss_T = aligned_flow(tau_T, statics)

    def slope(x, y):
        return np.polyfit(np.log(x), np.log(y), 1)[0]

    exact = {
        "hard_teacher_loss": slope(beta_B, loss_B),
        "hard_teacher_gradient": slope(beta_B, force_B),
        "flow_loss": -slope(tau_T, flow_loss_T),
        "flow_scale": slope(tau_T, flow_T),
        "flow_gradient": -slope(tau_T, statics.at(flow_T)[1]),
    }
    found = static.hard_teacher()
    for name, value in exact.items():
        assert found[name].mean() == pytest.approx(value, abs=0.01), name
    assert found["hard_teacher_c2"].mean() == pytest.approx(1e4 * force_B[-1], rel=0.05)


def test_entropy_of_rows():
    logits_RxN = np.random.default_rng(0).standard_normal((400, 50))
    (found,) = static._entropies(logits_RxN, np.array([2.0]))
    p_RxN = np.exp(2 * logits_RxN) / np.exp(2 * logits_RxN).sum(axis=1, keepdims=True)
    assert found == pytest.approx(-np.mean(np.sum(p_RxN * np.log(p_RxN), axis=1)))
    assert found == pytest.approx(gaussian_entropy(50, 2.0), abs=0.08)


def test_rows_cross_within_one_step_of_the_coarse_grid():
    rows, step = static.fig6_rows(), 9 / 19
    np.testing.assert_allclose(rows.midpoint_S / step, 14.5)
    assert (np.abs(rows.interpolated_S - rows.midpoint_S) < step / 2).all()
    assert np.ptp(rows.interpolated_S) > 0


def test_planted_models_give_their_exponents(monkeypatch):
    """Four models on one line above floors of their own; read by τ, then by steps ~ τ^1/2."""
    tau_R = np.geomspace(5, 8e4, 13)
    losses = {
        name: 1.5 * (tau_R * rate) ** -0.4 + floor
        for (name, rate), floor in zip(published.PEAK_RATES.items(), (3, 2.5, 2, 1.5), strict=True)
    }
    monkeypatch.setattr(published, "read", lambda: (np.sqrt(tau_R), tau_R, losses))
    refits = published.refit.__wrapped__()
    for name in MODELS:
        assert refits.tau[name][0] == pytest.approx(0.4, rel=1e-5)
        assert refits.steps[name][0] == pytest.approx(0.8, rel=1e-5)
        assert refits.late[name][0] == pytest.approx(0.4, rel=1e-4)
        low, high = np.quantile(refits.tau[name][1:], [0.025, 0.975])
        assert low < 0.4 < high
    assert refits.collapse_D[0] == pytest.approx(1)
    assert refits.collapse_steps < 0.99  # without their rates the models lie beside each other


def test_published_points():
    """Values of an independent refit of the same points, to their last printed digit.

    Exponents by model and after the warm-up, R² of the collapse on both clocks.
    """
    refits = published.refit()
    assert [refits.tau[name][0] for name in MODELS] == pytest.approx(
        [0.342, 0.372, 0.339, 0.311], abs=6e-4
    )
    assert [refits.late[name][0] for name in MODELS] == pytest.approx(
        [0.69, 0.42, 0.35, 0.29], abs=6e-3
    )
    assert refits.collapse_D[0] == pytest.approx(0.982, abs=6e-4)
    assert refits.collapse_steps == pytest.approx(0.81, abs=6e-3)


def test_the_clock_of_the_points():
    """As printed: three digits up to the end of the warm-up, then whole units."""
    steps_R, tau_R, _ = published.read()
    exact_R = published.tau_by_hand(steps_R)
    np.testing.assert_allclose(tau_R[:4], exact_R[:4], rtol=1e-3)
    np.testing.assert_allclose(tau_R[4:], exact_R[4:], atol=0.6)
    assert published.clock_difference() < 1e-6


def test_tau_by_hand_is_the_sum_of_the_rates():
    step = np.arange(143_000)
    cosine = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * (step - 1430) / (143_000 - 1430)))
    rates = np.where(step < 1430, (step + 1) / 1430, cosine)
    at = np.array([1, 128, 1430, 1431, 20_000, 143_000])
    np.testing.assert_allclose(published.tau_by_hand(at), [rates[:s].sum() for s in at], rtol=1e-9)
