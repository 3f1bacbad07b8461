"""Margins, squared loss and a separable set, on curves that are known."""

from functools import cache

import jax
import numpy as np
import pytest
from planted_studies import file, noise, planted, results, spoiled, verdicts

from jaxlab.analysis.theory import margin_flow
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
NAMES = ("margins", "separable", "regression")


def powers(tau_MxR, *exponents, size=0.002):
    return [tau_MxR**-exponent * noise(tau_MxR.shape, size) for exponent in exponents]


@cache
def exact_margins(density, gap, tau):
    """Scale and loss; `planted` gives the start the τ of the first step, which has no flow."""
    flow = margin_flow(np.array(tau[1:]), density, gap, c=2.0)
    return [np.append(1.0, own_R) for own_R in flow[:2]]


def margin_curves(shift=0.0):
    """Returns the exact flow of every member; the loss of density d falls by τ^-shift more."""

    def curve(tau_MxR, data):
        found = {"eval_loss": [], "eval_logit_scale": [], "eval_error": []}
        pairs = zip(data["task.density"].values, data["task.gap"].values, tau_MxR, strict=True)
        for density, gap, tau_R in pairs:
            beta_R, loss_R = exact_margins(density, gap, tuple(tau_R))
            found["eval_loss"].append(loss_R * tau_R ** -(shift if density == 1 else 0.0))
            found["eval_logit_scale"].append(beta_R)
            found["eval_error"].append(np.where(density == 0, tau_R**-0.3, 0.0))
        return {name: np.stack(rows) * noise(tau_MxR.shape, 0.002) for name, rows in found.items()}

    return curve


def separable_curves(loss=0.99, norm=0.09):
    def curve(tau_MxR, data):
        loss_MxR, norm_MxR = powers(tau_MxR, loss, -norm)
        return {"eval_loss": loss_MxR, "param_norm": norm_MxR}

    return curve


def regression_curves(shift=0.0):
    """Returns the flow of a teacher per seed, written out mode by mode in loops."""

    def curve(tau_MxR, data):
        rows = []
        members = zip(data["seed"].values, data["task.spectrum"].values, tau_MxR, strict=True)
        for seed, spectrum, tau_R in members:
            key = jax.random.fold_in(jax.random.key(int(seed)), 1)
            teacher = np.asarray(jax.random.rademacher(key, (512, 8)), np.float64)
            loss_R = np.zeros(len(tau_R))
            for mode in range(1, 513):
                rate = mode**-spectrum
                loss_R += rate * (teacher[mode - 1] ** 2).sum() / 2 * np.exp(-2 * rate * tau_R)
            rows.append(loss_R * (tau_R**-shift if spectrum else np.exp(-shift * tau_R)))
        return {"eval_loss": np.stack(rows) * noise(tau_MxR.shape, 0.002)}

    return curve


@pytest.fixture(scope="module")
def studies():
    return {
        "margins": planted("margins", margin_curves()),
        "separable": planted("separable", separable_curves()),
        "regression": planted("regression", regression_curves()),
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_theory_has_is_supported(studies, name):
    found = results(studies[name])
    assert {r.claim.id: r.number for r in found.values() if r.verdict != SUPPORTED} == {}


def test_the_numbers_are_those_that_were_planted(studies):
    found = {id: e for s in studies.values() for id, r in results(s).items() if (e := r.estimate)}
    assert found["margins_2_loss"].value == pytest.approx(3 / 5, abs=0.005)
    assert found["margins_flow"].value == pytest.approx(1, abs=0.005)
    assert found["separable_norm"].value == pytest.approx(0.09, abs=0.004)
    assert found["regression_rate"].value == pytest.approx(2, abs=0.01)
    for name, exponent in (("regression_2", 0.511), ("regression_3", 0.666)):
        assert found[name].value == pytest.approx(exponent, abs=0.004)
        assert found[name].high - found[name].low < 0.03


@pytest.mark.parametrize(
    ("make", "refuted"),
    [
        (lambda: planted("margins", margin_curves(0.1)), {"margins_1_loss", "margins_flow"}),
        (
            lambda: planted("separable", separable_curves(1 / 3, 1 / 3)),
            {"separable_loss", "separable_norm"},
        ),
        (
            lambda: planted("regression", regression_curves(0.1)),
            {"regression_rate", "regression_2", "regression_3", "regression_flow"},
        ),
    ],
)
def test_other_curves_are_not_supported(make, refuted):
    found = verdicts(make())
    assert {name for name, verdict in found.items() if verdict == NOT_SUPPORTED} == refuted
    assert {found[name] for name in found.keys() - refuted} <= {SUPPORTED}


def test_a_power_law_on_isotropic_inputs_is_not_exponential():
    def curve(tau_MxR, data):
        return {"eval_loss": powers(tau_MxR, 1 / 3)[0]}

    found = verdicts(planted("regression", curve))
    assert found["regression_is_exponential"] == NOT_SUPPORTED


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_drawn(studies, name):
    with house_style():
        (figure,) = (make(studies[name]) for make in file(name).figures)
    assert len(figure.png) > 20_000
    assert "no fit" not in figure.caption


def test_an_error_of_zero_has_a_note_and_no_exponent(studies):
    (table,) = (make(studies["margins"]) for make in file("margins").tables)
    notes = {tuple(row[:3]): row[-1] for row in table.rows}
    assert len(notes) == 12
    assert "0" in str(notes[2.0, 0.0, "error"])
    assert notes[0.0, 0.0, "error"] == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_diverged_member_leaves_its_cell_unmeasured_and_a_figure(studies, name):
    study = spoiled(studies[name])
    lost = study.data["diverged_step"].isel(step=-1).values >= 0
    found = results(study)
    cells = {"margins": "margins_0_loss", "separable": "separable_loss"}
    own = found[cells.get(name, "regression_rate")]
    assert own.verdict == Verdict.NOT_MEASURED
    assert not own.failed
    assert lost.sum() == 1
    with house_style():
        (figure,) = (make(study) for make in file(name).figures)
    assert figure.caption


def test_the_window_is_where_few_modes_are_not_felt():
    """512 modes stay within 0.02 of infinitely many there, and not much later."""
    tau_R = np.geomspace(5, 4000, 100)
    eigenvalue_M = np.arange(1, 513) ** -2.0
    loss_R = 4 * np.exp(-2 * np.multiply.outer(tau_R, eigenvalue_M)) @ eigenvalue_M
    slopes = [
        np.polyfit(np.log(tau_R[part_R]), np.log(loss_R[part_R]), 1)[0]
        for low, high in ((10.0, 200.0), (20.0, 2000.0))
        for part_R in [(tau_R >= low) & (tau_R <= high)]
    ]
    assert slopes[0] == pytest.approx(-1 / 2, abs=0.02)
    assert slopes[1] < -0.52
