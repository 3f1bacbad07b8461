"""The claims of the ParScale experiment on planted studies: their numbers and verdicts."""

import dataclasses

import numpy as np
import planted_parscale as planted
import pytest

from experiments.parscale import grid as grids
from experiments.parscale import published, report
from experiments.parscale.expected import PUBLISHED_GAINS, PUBLISHED_MULTIPLIERS
from experiments.parscale.studies import PARTS, law
from jaxlab.analysis.inference_cost import latency_seconds, memory_gib
from jaxlab.report.claims import Verdict, format_estimate
from jaxlab.report.figures import house_style


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grids, "RESAMPLES", 20)
        yield


def by_id(study):
    return {claim.id: claim for claim in PARTS.claims({study.name: study})}


def verdicts(found, *names):
    return [found[name].verdict for name in names]


@pytest.fixture(scope="module")
def study():
    return planted.widths()


@pytest.fixture(scope="module")
def found(study):
    return by_id(study)


def test_the_planted_law_comes_back(found, study):
    assert found["widths_k"].measured == pytest.approx(0.35, abs=0.02)
    assert found["widths_k"].low < 0.35 < found["widths_k"].high
    fit = grids.law(study)
    assert fit.parameters["alpha"] == pytest.approx(planted.ALPHA, abs=0.05)
    assert found["widths_k"].seeds == 6


def test_the_planted_gains_and_multipliers_come_back(found):
    for count in (2, 4, 8):
        gains, worths = [], []
        for width in (16, 24, 32, 48, 64):
            N, _ = planted.parameters(width, count)
            plain = planted.law(planted.parameters(width, 1)[0], 1, 0.35)
            gains.append(100 * (1 - planted.law(N, count, 0.35) / plain))
            worths.append(0.35 * np.log(count) + 1)
        assert found[f"widths_gain_{count}"].measured == pytest.approx(np.mean(gains), abs=0.01)
        claim = found[f"widths_multiplier_{count}"]
        if claim.verdict != Verdict.NOT_MEASURED:  # beyond the widest decoder nothing is read off
            assert claim.measured == pytest.approx(np.mean(worths), rel=0.015)
    names = ("gain_2", "gain_4", "gain_8", "step_4", "everywhere", "multiplier_2", "shrink_4")
    assert set(verdicts(found, *(f"widths_{name}" for name in names))) == {Verdict.HOLDS}


def test_the_planted_correlation_comes_back(found):
    for count in (2, 4, 8):
        # The floor is that of the fit, close to the planted one.
        assert found[f"widths_rho_{count}"].measured == pytest.approx(0.9, abs=0.01)


def test_the_correlation_that_a_law_needs_gives_its_gain(study):
    fit = grids.law(study)
    k, alpha = fit.parameters["k"], fit.parameters["alpha"]
    for count in (2, 3, 8):
        needed = grids.rho_of_law(fit, count)
        excess = ((count - 1) * needed + 1) / count
        assert excess == pytest.approx((k * np.log(count) + 1) ** -alpha, rel=1e-12)


def test_the_control_that_gives_nothing_holds_and_one_that_gives_all_fails(found):
    assert set(verdicts(found, "widths_lone", "widths_lone_share")) == {Verdict.HOLDS}
    wide = by_id(planted.widths(lone=0.03, sizes=(16, 32, 64), counts=(1, 2)))
    assert set(verdicts(wide, "widths_lone", "widths_lone_share")) == {Verdict.FAILS}
    assert wide["widths_lone"].measured == pytest.approx(3.0, abs=0.02)
    assert "no P = 8" in wide["widths_gain_8"].detail


def test_streams_that_give_nothing_are_not_said_to():
    claims = by_id(planted.widths(k=0.0, sizes=(16, 32, 64), counts=(1, 2, 4), noise=2e-3))
    # What streams add to N still lowers the planted loss a little, but k is not told from 0.
    assert claims["widths_k"].low < 0 < claims["widths_k"].high
    assert claims["widths_k"].verdict == Verdict.INCONCLUSIVE


def test_streams_that_harm_fail():
    claims = by_id(planted.widths(k=-0.2, sizes=(16, 32, 64), counts=(1, 2, 4)))
    names = ("widths_gain_2", "widths_everywhere", "widths_k", "widths_multiplier_2")
    assert set(verdicts(claims, *names)) == {Verdict.FAILS}


def test_two_widths_have_gains_but_no_law():
    claims = by_id(planted.widths(sizes=(16, 32), counts=(1, 2)))
    assert claims["widths_gain_2"].verdict == Verdict.HOLDS
    for name in ("widths_k", "widths_rho_2", "widths_theory_2"):
        assert "needs at least 3 sizes" in claims[name].detail
    assert "no width but the ends" in claims["widths_multiplier_2"].detail


def test_seeds_that_are_not_pairs_are_refused(study):
    data = study.data.copy()
    data["seed"] = ("member", np.arange(data.sizes["member"]))
    claims = by_id(dataclasses.replace(study, data=data))
    assert "the same seeds" in claims["widths_gain_2"].detail


def test_a_diverged_member_and_other_values_are_not_measured(study):
    data = study.data.copy(deep=True)
    data["diverged_step"][0] = 3
    claims = by_id(dataclasses.replace(study, data=data))
    assert claims["widths_k"].detail == "1 of 150 members diverged"
    other = planted.widths(sizes=(16, 32, 64), fixed={"streams.transform": "bias"})
    assert "streams.transform is bias" in by_id(other)["widths_gain_2"].detail
    few = by_id(planted.widths(sizes=(16, 32, 64), seeds=range(2)))
    assert few["widths_gain_2"].detail == "seeds is 2, the claim is of 6"


CONTROLS = {"plain": 2.0, "prefix": 2.0, "tied": 2.0, "mean": 1.97, "streams": 1.96}
CONTROLS |= {"tokens": 1.8, "wider": 1.99}


def test_controls_are_paired():
    claims = by_id(planted.controls(CONTROLS))
    planted_gains = {
        "streams": 2.0,
        "prefix": 0.0,
        "tied": 0.0,
        "over_prefix": 2.0,
        "mean": 1.5,
        "over_wider": 100 * 0.03 / 1.99,
        "tokens": 100 * 0.16 / 1.96,
    }
    for name, gain in planted_gains.items():
        assert claims[f"controls_{name}"].measured == pytest.approx(gain, abs=0.02)
        assert claims[f"controls_{name}"].verdict == Verdict.HOLDS
    explained = by_id(planted.controls(CONTROLS | {"prefix": 1.96, "tied": 1.9}))
    assert verdicts(explained, "controls_prefix", "controls_tied") == [Verdict.FAILS] * 2
    del (fewer := dict(CONTROLS))["tied"]
    detail = by_id(planted.controls(fewer))["controls_tied"].detail
    assert detail == "the study has no cell of four equal streams"


VARIANTS = {
    None: 2.0,
    ("streams.aggregation", "static"): 2.0,
    ("streams.aggregation", "mean"): 2.002,
    ("streams.transform", "lora"): 2.02,
    ("streams.transform", "bias"): 2.0,
    ("streams.smoothing", 0.0): 2.0,
    ("streams.prefix", 8): 2.004,
    ("streams.prefix", 16): 2.001,
    ("streams.count", 1): 2.05,
}


def test_variants_are_measured_against_the_published_choice():
    claims = by_id(planted.variants(VARIANTS))
    gains = {"mean": -0.1, "lora": -1.0, "static": 0.0, "prefix": -0.2}
    for name, gain in gains.items():
        assert claims[f"variants_{name}"].measured == pytest.approx(gain, abs=0.02)
    assert claims["variants_lora"].verdict == Verdict.FAILS
    assert claims["variants_streams"].measured == pytest.approx(100 * 0.05 / 2.05, abs=0.02)
    assert claims["variants_code"].detail == "the study has no such cell"
    assert claims["variants_prefix"].detail == "the largest difference, at prefix 8"


CURVES = {1: np.full(11, 2.0), 2: [2.1, 2.02, *[1.98] * 9], 4: [2.2, 2.1, 2.02, *[1.96] * 8]}


def test_the_second_stage_jumps_recovers_and_gains():
    claims = by_id(planted.two_stage(CURVES))
    for count, jump, recovery, gain in ((2, 5, 20, 1), (4, 10, 30, 2)):
        found = {name: claims[f"two_stage_{name}_{count}"] for name in ("jump", "recovery", "gain")}
        assert found["jump"].measured == pytest.approx(jump, abs=0.05)
        assert found["recovery"].measured == recovery
        assert found["gain"].measured == pytest.approx(gain, abs=0.02)
        assert found["recovery"].verdict == Verdict.FAILS  # later than a tenth
    assert claims["two_stage_more"].measured == pytest.approx(1, abs=0.02)
    never = by_id(planted.two_stage({1: np.full(11, 2.0), 2: np.full(11, 2.1)}))
    assert never["two_stage_recovery_2"].measured == 100
    assert "6 of 6 seeds never" in never["two_stage_recovery_2"].detail


def test_the_frozen_decoder_gains_with_p():
    claims = by_id(planted.frozen({1: 2.0, 2: 1.98, 4: 1.97}))
    assert claims["frozen_step_2"].measured == pytest.approx(1.0, abs=0.02)
    assert claims["frozen_gain"].measured == pytest.approx(1.5, abs=0.02)
    assert "no P = 8" in claims["frozen_step_8"].detail


def test_what_is_published_is_what_the_losses_say():
    gains = np.mean([published.gains(corpus) for corpus in published.CORPORA], axis=0)
    assert gains[1:] == pytest.approx(list(PUBLISHED_GAINS.values()), abs=0.01)
    k = np.mean([published.fit(corpus).parameters["k"] for corpus in published.CORPORA])
    for count, multiplier in PUBLISHED_MULTIPLIERS.items():
        assert k * np.log(count) + 1 == pytest.approx(multiplier, abs=0.006)


def test_worth_is_read_off_between_the_widths_alone():
    N_WxP = np.exp([[0.0, 0.5], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    loss_WxP = np.exp([[4.0, 3.0], [3.0, 2.5], [2.0, 0.5], [1.0, 1.0]])
    np.testing.assert_allclose(grids.ratios(N_WxP, loss_WxP, 1), [np.nan, 0.5, np.nan, np.nan])
    with pytest.raises(ValueError, match="do not fall with N"):
        grids.ratios(N_WxP, loss_WxP[[0, 2, 1, 3]], 1)


def test_what_only_adds_parameters_gains_nothing_beyond_them():
    claims = by_id(planted.widths(k=0.0, sizes=(16, 32, 64), counts=(1, 2, 4)))
    assert claims["widths_gain_4"].measured > 2
    for name in ("widths_beyond_2", "widths_beyond_4"):
        assert claims[name].measured == pytest.approx(0, abs=0.15)
        assert claims[name].detail == "over 2 of 3 widths"
    assert claims["widths_multiplier_2"].measured == pytest.approx(1, abs=0.015)


def test_the_published_law_and_its_rivals(found):
    for corpus, fitted in law.PARAMETERS.items():
        for name in fitted:
            assert found[f"law_{corpus}_{name}"].verdict == Verdict.HOLDS
        assert found[f"law_{corpus}_form"].verdict == Verdict.FAILS
    assert published.cost_ratio(memory_gib, 1) == pytest.approx(22.5, abs=0.05)
    assert published.cost_ratio(latency_seconds, 8) == pytest.approx(0.88, abs=0.005)


def test_the_section_answers_first_and_draws_everything(study, found):
    studies = {
        "widths": study,
        "controls": planted.controls(CONTROLS),
        "variants": planted.variants(VARIANTS),
        "two_stage": planted.two_stage(CURVES),
        "frozen": planted.frozen({1: 2.0, 2: 1.98, 4: 1.97}),
        "stage_one": planted.study("stage_one", [({}, 1000, 0, [5.0, 2.5, 2.0])]),
    }
    with house_style():
        section = report.section(studies)
    two = found["widths_multiplier_2"]
    number = format_estimate(two.measured, two.low, two.high)
    assert section.summary.startswith(f"Two streams are worth {number} times their own")
    assert [claim.id for claim in section.claims] == list(PARTS.expected(studies))
    assert [figure.name for figure in section.figures] == [
        *("widths", "widths_gains", "widths_rho", "controls", "variants"),
        *("stage_one", "two_stage", "frozen", "law"),
    ]
    assert section.overview is not None
    table, rivals, cells, *_, costs = section.tables  # nothing is missing
    assert [len(part.rows) for part in (table, rivals, cells, costs)] == [25, 4, 7, 12]
