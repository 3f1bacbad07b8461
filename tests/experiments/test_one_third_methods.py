"""Optimizer variants on planted curves: envelopes, their exponents, and the gains at equal cost."""

from functools import cache

import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, file, noise, planted, results, verdicts

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
METRICS = ("loss", "loss_radial", "error")
GROWN = {0.5: (0.5, 0.75), 1.0: (1.0, 1.0), 1.5: (0.7, 0.7)}  # q -> final, averaged
DECAYED = {-0.5: (0.5, 0.75), -0.75: (0.75, 0.85)}  # power of the rate


def law(data, member):
    """Returns what the theory gives to the final and to the averaged iterate of a member."""

    def of(key):
        return data[key].values[member]

    if of("schedule.weight_growth"):
        return GROWN[of("schedule.weight_growth")]
    if of("schedule.name") == "wsd":
        return 2 / 3, 2 / 3
    if of("schedule.name") == "power":
        return DECAYED.get(of("schedule.power"), (THIRD, 2 / 3))
    return (0.315, 0.5) if of("optimizer.name") == "sign" else (THIRD, 2 / 3)


def tuned(step_R, exponent, number):
    """A loss t^-exponent that the rate `number` of a ladder reaches at one horizon of its own."""
    best_step = 10 ** (1.5 + 0.5 * number)
    detuning = np.log(np.maximum(step_R, 1) / best_step) ** 2
    return np.maximum(step_R, 1.0) ** -exponent * (1 + 0.02 * detuning)


def ladder_number(data):
    """Returns each member's place in its ladder: rates rise in the order of the sweep."""
    rates, seeds = data["optimizer.learning_rate"].values, len(np.unique(data["seed"]))
    numbers = np.arange(len(rates)) // seeds
    starts = [n for n in np.unique(numbers) if n == 0 or rates[n * seeds] < rates[n * seeds - 1]]
    return numbers - np.array(starts)[np.searchsorted(starts, numbers, "right") - 1]


def metrics_of(loss_MxR):
    return {kind + name: loss for kind, loss in loss_MxR.items() for name in METRICS}


def tuned_curves(tau_MxR, data, laws):
    """Returns both iterates' losses, with a law (final, averaged) for each member."""
    step_R, numbers = data["step"].values, ladder_number(data)
    return {
        kind: np.stack([tuned(step_R, own[side], n) for own, n in zip(laws, numbers, strict=True)])
        * noise(tau_MxR.shape, 0.002)
        for side, kind in enumerate((LAST, AVERAGE))
    }


def method_curves(tau_MxR, data):
    found = tuned_curves(tau_MxR, data, [law(data, m) for m in range(len(tau_MxR))])
    squared_M = data["task.loss"].values == "squared"  # its highest rate diverges
    found[LAST][squared_M & (ladder_number(data) == 4), 10:] = np.nan
    return metrics_of(found) | {"diverged_step": np.where(np.isnan(found[LAST]), 100.0, -1.0)}


@cache
def all_methods():
    return planted("ways_out", method_curves)


def one_condition(exponent=0.5):
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
    data = one_condition()
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
    data = one_condition()
    data["eval_loss"][0, 50:] = np.nan  # the lowest rate
    data["diverged_step"][0, 50:] = 500
    found = envelopes.envelope(data, "eval_loss")
    assert np.isfinite(found.value_SxR).all()
    assert (found.best_R[50:] > 0).all()
    assert found.diverged == 1
    data["eval_loss"][:, 90:] = np.nan
    with pytest.raises(NotMeasurable, match="every setting has a diverged member"):
        envelopes.envelope(data, "eval_loss")


def test_what_the_theory_says_is_supported():
    found = results(all_methods())
    assert {name: r.verdict for name, r in found.items()} == dict.fromkeys(found, SUPPORTED)
    assert found["way_growing_scale"].estimate.value == pytest.approx(1.0, abs=0.05)
    assert found["way_sgd"].estimate.value == pytest.approx(THIRD, abs=0.03)
    # The best without growth is the averaged iterate of a rate ~ t^-3/4, not plain SGD.
    fair, plain = found["way_growing_scale_fair"].estimate, found["way_growing_scale_gain"].estimate
    assert fair.value == pytest.approx(10_000**-0.15, rel=0.02)
    assert plain.value == pytest.approx(10_000 ** (THIRD - 1), rel=0.02)
    assert "SGD, rate ~ t^-3/4, averaged iterate" in fair.detail


def test_methods_that_change_nothing_do_not_support_what_is_expected_of_them():
    def all_alike(tau_MxR, data):
        return metrics_of(tuned_curves(tau_MxR, data, [(THIRD, THIRD)] * len(tau_MxR)))

    found = results(planted("ways_out", all_alike))
    for name in ("way_growing_scale", "way_sgd_average", "way_decaying_rate_fast"):
        assert found[name].verdict == NOT_SUPPORTED
    for name in ("way_average_gain", "way_growing_scale_gain"):
        assert found[name].estimate.value == pytest.approx(1.0, abs=0.02)
        assert found[name].verdict == NOT_SUPPORTED
    assert found["way_growing_scale_fair"].estimate.value == pytest.approx(1.0, abs=0.02)


def test_a_config_key_that_only_older_runs_have_changes_no_number():
    study = all_methods()
    labelled = study.data.assign_coords(way=("member", ["?"] * study.data.sizes["member"]))
    older = type(study)(study.name, study.config, study.runs, labelled)
    found, known = results(older), results(study)
    assert {name: result.estimate for name, result in found.items()} == {
        name: result.estimate for name, result in known.items()
    }


def test_every_method_is_in_the_table_and_in_the_figures():
    with house_style():
        (table,) = (make(all_methods()) for make in file("ways_out").tables)
        figures = [make(all_methods()) for make in file("ways_out").figures]
    assert [figure.name for figure in figures] == ["ways_out", "ways_out_all"]
    rows = {(row[0], row[1]): dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert len(rows) == len(table.rows) == 44
    assert rows["squared loss", "final iterate"]["diverged members"] == 3  # one for each seed
    assert rows["SGD, rate to 0 over the last half", "final iterate"]["exponent"] is None
    assert rows["SGD", "final iterate"]["end loss over SGD, final iterate"] == pytest.approx(1.0)


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
    found = results(study)
    for name, power in {"050": 0.5, "075": 0.75, "100": 1.0}.items():
        assert found[f"growth_scale_{name}"].estimate.value == pytest.approx(power, abs=0.01)
        assert found[f"growth_scale_{name}"].verdict == SUPPORTED
    assert found["growth_average"].estimate.value == pytest.approx(2 / 3, abs=0.01)
    assert found["growth_too_fast"].verdict == SUPPORTED
    assert found["growth_radial_flow"].verdict == NOT_SUPPORTED  # τ^-1/3 is not yet the flow
    with house_style():
        assert [make(study).name for make in file("growth").figures] == ["growth"]


def test_carry_compares_the_best_rates_and_the_better_iterates_of_both_sides():
    def curve(tau_MxR, data):
        q_M = data["schedule.weight_growth"].values
        laws = [(THIRD + 0.2 * q, THIRD + 0.2 * q) for q in q_M]
        warm_M = (data["task.temperature"].values == 6e-3) & (q_M == 0)
        laws = [(THIRD, 0.8) if warm else own for warm, own in zip(warm_M, laws, strict=True)]
        return metrics_of(tuned_curves(tau_MxR, data, laws))

    study = planted("carry", curve)
    found = results(study)
    assert len(found) == 10
    for name, result in found.items():
        against = name == "carry_sgd_warm_fair"  # there averages without growth are better
        power = 0.8 - THIRD - 0.2 if against else -0.2
        assert result.estimate.value == pytest.approx(10_000**power, rel=0.1)
        assert result.verdict == (NOT_SUPPORTED if against else SUPPORTED)
    with house_style():
        assert [len(make(study).rows) for make in file("carry").tables] == [20]
        assert [make(study).name for make in file("carry").figures] == ["carry"]


def text_curves(tau_MxR, data):
    base = 2 + tau_MxR**0 * noise(tau_MxR.shape, 0.0001) - 1
    growth = data["schedule.weight_growth"].values[:, None]
    power = data["schedule.power"].values[:, None]
    average = base - 0.05 - 0.02 * (power > 0)
    return metrics_of({LAST: base + 0.1 * growth, AVERAGE: average})


def test_gains_on_text_are_paired_and_signed():
    study = planted("text_ways", text_curves)
    found = results(study)
    assert found["text_average"].estimate.value == pytest.approx(0.05, abs=1e-3)
    assert found["text_growing_rate"].estimate.value == pytest.approx(0.02, abs=1e-3)
    assert found["text_growing_scale"].estimate.value == pytest.approx(-0.01, abs=1e-3)
    assert set(verdicts(study).values()) == {SUPPORTED}
    with house_style():
        assert [len(make(study).rows) for make in file("text_ways").tables] == [8]
        assert [make(study).name for make in file("text_ways").figures] == ["text_ways"]


@pytest.mark.parametrize(("best", "settled"), [(0, False), (1, True), (2, False)])
def test_a_best_rate_at_the_end_of_its_ladder_is_told(best, settled):
    def curve(tau_MxR, data):
        lowest = data["optimizer.learning_rate"].values.reshape(-1, 3, 3)[:, best : best + 1]
        distance = data["optimizer.learning_rate"].values.reshape(-1, 3, 3) != lowest
        loss = 1 + distance.reshape(-1, 1) + 0 * tau_MxR + noise(tau_MxR.shape, 0.001)
        return metrics_of({LAST: loss, AVERAGE: loss})

    for result in results(planted("text_ways", curve)).values():
        assert ("not settled" not in result.estimate.detail) == settled


def test_escape_has_the_exponent_of_its_growth():
    def curve(tau_MxR, data):
        step_R = np.maximum(data["step"].values, 1.0)
        q_Mx1 = data["schedule.weight_growth"].values[:, None]
        power_Mx1 = np.where(q_Mx1 > 1, 0.6, np.maximum(q_Mx1, THIRD))
        power_Mx1[data["schedule.power"].values > 0] = 0.2
        loss = step_R**-power_Mx1 * noise(tau_MxR.shape, 0.002)
        return {"eval_loss": loss, "eval_loss_radial": loss, "eval_error": loss}

    study = planted("escape", curve)
    found = results(study)
    assert {name: r.verdict for name, r in found.items()} == dict.fromkeys(found, SUPPORTED)
    for name, exponent in {"000": THIRD, "050": 0.5, "075": 0.75, "100": 1.0}.items():
        assert found[f"escape_{name}"].estimate.value == pytest.approx(exponent, abs=0.002)
    assert found["escape_gain"].estimate.value == pytest.approx(20_000 ** (THIRD - 1), rel=0.02)
    assert found["escape_too_fast"].estimate.value == pytest.approx(20_000**0.4, rel=0.02)
    with house_style():
        assert [make(study).name for make in file("escape").figures] == ["escape"]
