"""The ways out on planted curves: envelopes, their exponents, and the gains at equal cost."""

from functools import cache

import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, noise, planted

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.studies import PARTS
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

# What the theory gives to the last and to the averaged weights of each way.
LAWS = {
    "growing_scale": (1.0, 1.0),
    "growing_scale_half": (0.5, 0.75),
    "growing_scale_too_fast": (0.7, 0.7),
    "decaying_rate": (0.5, 0.75),
    "decaying_rate_fast": (0.75, 0.85),
    "decay_at_the_end": (2 / 3, 2 / 3),
    "sign": (0.315, 0.5),
}
METRICS = ("loss", "loss_radial", "error")


def tuned(step_R, exponent, number):
    """A loss t^-exponent that the rate `number` of a ladder reaches at one horizon of its own."""
    best_step = 10 ** (1.5 + 0.5 * number)
    detuning = np.log(np.maximum(step_R, 1) / best_step) ** 2
    return np.maximum(step_R, 1.0) ** -exponent * (1 + 0.02 * detuning)


def ladder_number(data):
    rates = data["optimizer.learning_rate"].values
    return np.searchsorted(np.unique(rates), rates * 0.999)


def metrics_of(loss_MxR):
    return {kind + name: loss for kind, loss in loss_MxR.items() for name in METRICS}


def way_curves(tau_MxR, data):
    step_R, numbers = data["step"].values, ladder_number(data)
    last, average = LAWS.get(str(data["way"].values[0]), (THIRD, 2 / 3))
    found = {
        kind: np.stack([tuned(step_R, power, n) for n in numbers]) * noise(tau_MxR.shape, 0.002)
        for kind, power in ((LAST, last), (AVERAGE, average))
    }
    if str(data["way"].values[0]) == "squared":  # the highest rate diverges
        found[LAST][numbers == numbers.max(), 10:] = np.nan
    diverged = np.where(np.isnan(found[LAST]), 100.0, -1.0)
    return metrics_of(found) | {"diverged_step": diverged}


@cache
def ways():
    return planted("ways_out", way_curves)


def by_id(study):
    return {claim.id: claim for claim in PARTS.claims({study.name: study})}


def one_way(exponent=0.5, **nan_at):
    step, rates, seeds = np.arange(0, 1001, 10), [0.1, 1.0, 10.0], [3, 1, 2]
    rows = [(rate, seed) for rate in rates for seed in seeds]
    loss = np.stack(
        [tuned(step, exponent, rates.index(rate)) * (1 + 0.01 * seed) for rate, seed in rows]
    )
    return xr.Dataset(
        {
            "eval_loss": (("member", "step"), loss),
            "diverged_step": (("member", "step"), np.full(loss.shape, -1.0)),
        },
        coords={
            "step": step,
            "optimizer.learning_rate": ("member", [rate for rate, _ in rows]),
            "seed": ("member", [seed for _, seed in rows]),
        },
    )


def test_an_envelope_has_the_best_rate_of_every_horizon():
    data = one_way()
    found = envelopes.envelope(data, "eval_loss")
    assert found.settings == [(0.1,), (1.0,), (10.0,)]
    assert set(found.best_R) == {0, 1, 2}
    assert (np.diff(found.best_R) >= 0).all()
    assert (found.step_R == data["step"].values[1:]).all()
    # Seeds in ascending order, each with its own factor.
    np.testing.assert_allclose(found.value_SxR[2] / found.value_SxR[0], 1.03 / 1.01)
    lowest_R = data["eval_loss"].values.min(axis=0)[1:]  # that of seed 1
    np.testing.assert_allclose(found.value_SxR[0], lowest_R)
    assert 0 < found.at_edge((10, 1000)) < 1
    assert found.at_edge((10, 50)) == 1


def test_a_diverged_member_takes_its_rate_out():
    data = one_way()
    data["eval_loss"][0, 50:] = np.nan  # the lowest rate
    data["diverged_step"][0, 50:] = 500
    found = envelopes.envelope(data, "eval_loss")
    assert np.isfinite(found.value_SxR).all()
    assert (found.best_R[50:] > 0).all()
    assert found.diverged == 1
    data["eval_loss"][:, 90:] = np.nan
    with pytest.raises(ValueError, match="every setting has a diverged member"):
        envelopes.envelope(data, "eval_loss")


def test_what_the_theory_would_have_holds():
    found = by_id(ways())
    assert {c.id: c.verdict for c in found.values() if c.id.startswith("way_")} == dict.fromkeys(
        PARTS.part("ways_out").EXPECTED, Verdict.HOLDS
    )
    assert found["way_growing_scale"].measured == pytest.approx(1.0, abs=0.05)
    assert found["way_sgd"].measured == pytest.approx(THIRD, abs=0.03)


def test_ways_that_change_nothing_fail_what_is_expected_of_them():
    def all_alike(tau_MxR, data):
        step_R = data["step"].values
        loss = np.stack([tuned(step_R, THIRD, n) for n in ladder_number(data)])
        loss = loss * noise(tau_MxR.shape, 0.002)
        return metrics_of({LAST: loss, AVERAGE: loss})

    found = by_id(planted("ways_out", all_alike))
    for name in ("way_growing_scale", "way_sgd_average", "way_decaying_rate_fast"):
        assert found[name].verdict == Verdict.FAILS
    for name in ("way_average_gain", "way_growing_scale_gain"):
        assert found[name].measured == pytest.approx(1.0, abs=0.02)
        assert found[name].verdict == Verdict.FAILS


def test_every_way_is_in_the_table_and_explained():
    with house_style():
        (table,) = PARTS.part("ways_out").tables(ways())
        assert len(PARTS.part("ways_out").figures(ways())) == 2
    names = {str(name).replace("_", " ") for name in ways().data["way"].values}
    assert {row[0] for row in table.rows} == names
    assert len(table.rows) == 2 * len(names)
    rows = {(row[0], row[1]): row for row in table.rows}
    assert rows["squared", "last"][-2] == 3  # a diverged member for each seed
    assert np.isnan(rows["decay at the end", "last"][2])  # it knows its horizon: no envelope
    assert rows["sgd", "last"][8] == pytest.approx(1.0)


def growth_curves(tau_MxR, data):
    flow = np.maximum(tau_MxR, 1e-9)
    step_R = np.maximum(data["step"].values, 1.0)
    q_Mx1 = data["schedule.weight_growth"].values[:, None]
    grown = step_R ** -np.where(q_Mx1 > 1, 0.6, q_Mx1)
    last = np.where(q_Mx1 > 0, grown, flow**-THIRD) * noise(tau_MxR.shape, 0.002)
    average = np.where(q_Mx1 > 0, grown, step_R ** (-2 / 3)) * noise(tau_MxR.shape, 0.002)
    return metrics_of({LAST: last, AVERAGE: average})


def test_growth_on_planted_powers():
    study = planted("growth", growth_curves)
    found = by_id(study)
    for name, power in PARTS.part("growth").SCALES.items():
        assert found[name].measured == pytest.approx(power, abs=0.01)
        assert found[name].verdict == Verdict.HOLDS
    assert found["growth_average"].measured == pytest.approx(2 / 3, abs=0.01)
    assert found["growth_too_fast"].verdict == Verdict.HOLDS
    assert found["growth_radial_flow"].verdict == Verdict.FAILS  # τ^-1/3 is not yet the flow
    with house_style():
        (table,) = PARTS.part("growth").tables(study)
        assert len(PARTS.part("growth").figures(study)) == 1
    assert len(table.rows) == 40


def test_carry_compares_the_best_rates_of_both_sides():
    def curve(tau_MxR, data):
        step_R, numbers = data["step"].values, ladder_number(data)
        q_M = data["schedule.weight_growth"].values
        loss = np.stack(
            [tuned(step_R, THIRD + 0.2 * q, n) for q, n in zip(q_M, numbers, strict=True)]
        ) * noise(tau_MxR.shape, 0.002)
        return metrics_of({LAST: loss, AVERAGE: loss})

    study = planted("carry", curve)
    for claim in by_id(study).values():
        if claim.id.startswith("carry"):
            assert claim.measured == pytest.approx(10_000**-0.2, rel=0.1)
            assert claim.verdict == Verdict.HOLDS
    with house_style():
        assert len(PARTS.part("carry").tables(study)[0].rows) == 20
        assert len(PARTS.part("carry").figures(study)) == 1


def test_gains_on_text_are_paired_and_signed():
    def curve(tau_MxR, data):
        base = 2 + tau_MxR**0 * noise(tau_MxR.shape, 0.0001) - 1
        growth = data["schedule.weight_growth"].values[:, None]
        power = data["schedule.power"].values[:, None]
        last = base + 0.1 * growth
        return metrics_of({LAST: last, AVERAGE: base - 0.05 - 0.02 * (power > 0)})

    found = by_id(planted("text_ways", curve))
    assert found["text_average"].measured == pytest.approx(0.05, abs=1e-3)
    assert found["text_growing_rate"].measured == pytest.approx(0.02, abs=1e-3)
    assert found["text_growing_scale"].measured == pytest.approx(-0.01, abs=1e-3)
    assert {found[name].verdict for name in PARTS.part("text_ways").EXPECTED} == {Verdict.HOLDS}
    with house_style():
        study = planted("text_ways", curve)
        assert (
            len(PARTS.part("text_ways").figures(study))
            == len(PARTS.part("text_ways").tables(study))
            == 1
        )


def test_the_escape_has_the_exponent_of_its_growth():
    def curve(tau_MxR, data):
        step_R = np.maximum(data["step"].values, 1.0)
        q_Mx1 = data["schedule.weight_growth"].values[:, None]
        power_Mx1 = np.where(q_Mx1 > 1, 0.6, np.maximum(q_Mx1, THIRD))
        power_Mx1[data["schedule.power"].values > 0] = 0.2
        loss = step_R**-power_Mx1 * noise(tau_MxR.shape, 0.002)
        return {"eval_loss": loss, "eval_loss_radial": loss, "eval_error": loss}

    study = planted("escape", curve)
    found = by_id(study)
    assert {found[name].verdict for name in PARTS.part("escape").EXPECTED} == {Verdict.HOLDS}
    for name, (_, exponent, _) in PARTS.part("escape").POWERS.items():
        assert found[name].measured == pytest.approx(exponent, abs=0.002)
    assert found["escape_gain"].measured == pytest.approx(20_000 ** (THIRD - 1), rel=0.02)
    assert found["escape_too_fast"].measured == pytest.approx(20_000**0.4, rel=0.02)
    with house_style():
        assert len(PARTS.part("escape").figures(study)) == 1
        assert len(PARTS.part("escape").tables(study)[0].rows) == 6
