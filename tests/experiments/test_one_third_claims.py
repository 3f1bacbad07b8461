"""The claims of the one-third experiment on planted studies: the verdicts that must follow."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from planted_studies import (
    RATES,
    TEMPERATURES,
    THIRD,
    aligned,
    all_studies,
    drifting,
    exponential,
    grid_exponents,
    grid_with,
    planted,
    power_law,
    results,
    spoiled,
    verdicts,
)

from experiments.one_third import measures, published, static
from jaxlab.report.claims import Verdict

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
UNDECIDED, NOT_MEASURED = Verdict.UNDECIDED, Verdict.NOT_MEASURED
WITHOUT_RUNS = {claim.id for claim in (*static.CLAIMS, *published.CLAIMS)}


def of_runs(study):
    """The results of the claims that a study's runs answer, by id."""
    return {name: r for name, r in results(study).items() if name not in WITHOUT_RUNS}


def verdicts_of_runs(study):
    return {name: result.verdict for name, result in of_runs(study).items()}


@pytest.fixture(scope="module")
def found():
    return results(*all_studies().values())


def test_results_lead_back_to_their_runs_and_seeds(found):
    assert found["headline"].provenance == {"config_hashes": ["hash of headline"]}
    seeds = {"headline": 8, "hard_labels_loss": 3, "flat_rate": 3, "rate_lowest": 2}
    assert {name: found[name].estimate.seeds for name in seeds} == seeds


def test_what_the_paper_would_have_is_supported(found):
    """Without a run, one published number is wrong, and two claims outdo the accuracy of points."""
    wrong = {name: r.verdict for name, r in found.items() if r.verdict != SUPPORTED}
    assert wrong == {
        "entropy_beta": NOT_SUPPORTED,
        "pythia_collapse": UNDECIDED,
        "pythia_70M_after_warmup": UNDECIDED,
    }
    value = {name: result.estimate.value for name, result in found.items()}
    assert value["headline"] == pytest.approx(0.337, abs=0.002)
    assert value["flat_rate"] == pytest.approx(2 / 128, rel=0.002)
    assert value["text_exponent"] == pytest.approx(THIRD, abs=0.01)
    for name in ("hard_labels_theory_loss", "hard_labels_theory_scale"):
        assert value[name] == pytest.approx(1.0, abs=0.01)


def test_another_exponent_fails():
    assert set(verdicts_of_runs(planted("headline", power_law(0.45))).values()) == {NOT_SUPPORTED}


def test_seeds_that_disagree_are_inconclusive():
    study = planted("headline", power_law(0.337, spread=0.02))
    assert set(verdicts_of_runs(study).values()) == {UNDECIDED}


def test_a_drifting_exponent_holds_in_the_one_window_alone():
    assert verdicts_of_runs(planted("headline", drifting)) == {
        "headline": SUPPORTED,
        "headline_any_window": UNDECIDED,
    }


def test_a_power_law_is_no_flat_control():
    found = results(planted("flat", power_law(1.0)))
    assert found["flat_rate"].verdict == NOT_SUPPORTED
    assert found["flat_rate_any_half"].verdict == NOT_SUPPORTED
    assert found["flat_theory"].verdict == NOT_SUPPORTED
    assert found["flat_is_exponential"].verdict == NOT_SUPPORTED
    assert "the best power law reaches 1.000" in found["flat_is_exponential"].estimate.detail


def test_a_loss_above_the_theory_fails_though_its_exponent_holds():
    found = verdicts(planted("hard_labels", aligned("hard_labels", 1.3), seeds=3))
    assert found == {
        "hard_labels_loss": SUPPORTED,
        "hard_labels_scale": SUPPORTED,
        "hard_labels_theory_loss": NOT_SUPPORTED,
        "hard_labels_theory_scale": SUPPORTED,
        "hard_labels_gradient": SUPPORTED,
    }


def test_text_without_a_floor_says_so():
    result = results(planted("text", power_law(0.2, size=0.0)))["text_exponent"]
    assert result.verdict == NOT_SUPPORTED
    assert result.estimate.detail.startswith("30 of 30 fits ended at a bound")


@pytest.mark.parametrize("name", ["headline", "hard_labels", "flat", "text"])
def test_a_diverged_member_leaves_a_claim_not_measured_with_the_reason(name):
    study = spoiled(all_studies()[name])
    for result in of_runs(study).values():
        assert (result.verdict, result.estimate) == (NOT_MEASURED, None)
        assert "loss is nan at record" in result.reason or result.reason == "a member diverged"


def test_a_run_too_short_for_the_window_is_not_measured():
    short = planted("headline", power_law(0.337), **{"train.steps": 40})
    result = results(short)["headline"]
    assert result.verdict == NOT_MEASURED
    assert result.reason == "train.steps is 40, the claim is of 2000"


def test_an_unfinished_run_is_not_measured():
    study = all_studies()["headline"]
    found = of_runs(replace(study, runs=[study.runs[0]._replace(done=None)]))
    assert {result.reason for result in found.values()} == {"headline is not finished"}
    assert {result.verdict for result in found.values()} == {NOT_MEASURED}


def test_a_study_of_another_cell_is_not_measured():
    study = planted("headline", power_law(0.337), **{"task.temperature": 0.1})
    assert results(study)["headline"].reason == "task.temperature is 0.1, the claim is of 0.001"
    study = planted("flat", exponential, **{"task.classes": 64})
    assert results(study)["flat_rate"].reason == "task.classes is 64, the claim is of 128"


def test_one_seed_has_no_interval_and_no_verdict():
    study = planted("headline", power_law(0.337), seeds=1)
    assert set(verdicts_of_runs(study).values()) == {NOT_MEASURED}


def test_the_cells_of_the_grid_come_back_at_their_places():
    study = all_studies()["adam_grid"]
    shuffled = np.random.default_rng(0).permutation(study.data.sizes["member"])
    grid = measures.grid(replace(study, data=study.data.isel(member=shuffled)))
    np.testing.assert_allclose(grid["temperature"], TEMPERATURES)
    np.testing.assert_allclose(grid["learning_rate"], RATES)
    expected = grid_exponents()
    expected[5, 7] = expected[7, 5] = np.nan
    values = grid["exponent"].transpose("temperature", "learning_rate").values
    np.testing.assert_allclose(values, expected, atol=0.01)
    measured = grid.where(np.isfinite(grid["exponent"]))
    assert (measured["low"] <= measured["exponent"]).sum() == 94
    assert (measured["high"] >= measured["exponent"]).sum() == 94


def test_a_cell_without_an_exponent_says_why():
    notes = measures.grid(all_studies()["adam_grid"])["note"]
    notes = notes.transpose("temperature", "learning_rate").values
    assert notes[5, 7] == "1 of 2 diverged"
    assert notes[7, 5] == "fell to rounding"
    assert (notes != "").sum() == 2


def test_what_the_grid_says_of_its_controls_comes_from_the_right_cells(found):
    exponents = grid_exponents()
    coldest = exponents[0]
    assert found["rate_lowest"].estimate.value == pytest.approx(abs(coldest[0] - THIRD), abs=0.005)
    assert found["rate_highest"].estimate.value == pytest.approx(
        abs(coldest[-1] - THIRD), abs=0.005
    )
    rise = exponents[2, 7] - exponents[0, 7]
    assert found["temperature_scan"].estimate.value == pytest.approx(rise, abs=0.005)


def test_a_control_that_is_one_third_after_all_fails():
    assert verdicts(grid_with(lambda temperature, rate: THIRD + 0 * rate)) == {
        "rate_lowest": NOT_SUPPORTED,
        "rate_highest": NOT_SUPPORTED,
        "temperature_scan": UNDECIDED,
        "adam_spread": NOT_SUPPORTED,
    }


def sgd_grid_with(change):
    """The planted grid of SGD with the losses of its coldest row changed, by rate and seed."""
    study = all_studies()["sgd_grid"]
    data = study.data.copy(deep=True)
    coldest = data["task.temperature"] < 2e-3
    data["eval_loss"] = data["eval_loss"].where(~coldest, change(data))
    data["diverged_step"] = xr.where(np.isnan(data["eval_loss"]), 790, data["diverged_step"])
    return results(replace(study, data=data))


def test_rates_that_do_not_collapse_fail():
    found = sgd_grid_with(lambda data: data["eval_loss"] * data["optimizer.learning_rate"] ** 0.2)
    assert found["sgd_collapse"].verdict == NOT_SUPPORTED
    assert found["sgd_collapse"].estimate.value == pytest.approx(10**0.2, rel=0.02)  # neighbours
    assert found["sgd_theory_exponent"].verdict == SUPPORTED


def test_a_loss_that_falls_unlike_the_flow_fails():
    found = sgd_grid_with(lambda data: data["eval_loss"] * (data["tau"] + 1) ** -0.2)
    assert found["sgd_theory_exponent"].verdict == NOT_SUPPORTED
    assert found["sgd_exponent"].verdict == NOT_SUPPORTED


def test_a_rate_at_which_a_seed_diverged_is_not_the_highest_stable_one():
    found = sgd_grid_with(
        lambda data: data["eval_loss"].where(
            (data["optimizer.learning_rate"] < 9) | (data.step < 9)
        )
    )
    assert found["sgd_exponent"].estimate.detail.startswith("rate 1;")
    assert found["sgd_theory_exponent"].verdict == SUPPORTED


def test_a_warmer_teacher_with_a_lower_exponent_fails():
    study = grid_with(lambda temperature, rate: 0.6 - 0.1 * np.log10(temperature / 1e-3))
    assert verdicts(study)["temperature_scan"] == NOT_SUPPORTED


def test_a_grid_without_the_cells_of_a_claim_does_not_measure_it():
    study = all_studies()["adam_grid"]
    few = np.isin(study.data["task.temperature"], [TEMPERATURES[0], TEMPERATURES[7]])
    study = replace(study, data=study.data.isel(member=few))
    assert verdicts(study) == {
        "rate_lowest": SUPPORTED,
        "rate_highest": SUPPORTED,
        "temperature_scan": NOT_MEASURED,
        "adam_spread": SUPPORTED,
    }
