"""The claims of the ParScale experiment on planted studies: their numbers and verdicts."""

import dataclasses

import numpy as np
import planted_parscale as planted
import pytest

from experiments.parscale import fitted, published, report, worth
from experiments.parscale.expected import PUBLISHED_GAINS, PUBLISHED_MULTIPLIERS
from experiments.parscale.grid import grid
from experiments.parscale.studies import PARTS, law
from jaxlab.analysis.bootstrap import BootstrapInterval
from jaxlab.analysis.inference_cost import latency_seconds, memory_gib
from jaxlab.report.claims import Verdict, format_estimate
from jaxlab.report.figures import house_style


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
    fit = fitted.law(study)
    assert fit.parameters["alpha"] == pytest.approx(planted.ALPHA, abs=0.05)
    assert found["widths_k"].seeds == 6


def test_the_planted_gains_and_multipliers_come_back(found):
    for count in (2, 4, 8):
        gains = []
        for width in (16, 24, 32, 48, 64):
            N, _ = planted.parameters(width, count)
            plain = planted.law(planted.parameters(width, 1)[0], 1, 0.35)
            gains.append(100 * (1 - planted.law(N, count, 0.35) / plain))
        assert found[f"widths_gain_{count}"].measured == pytest.approx(np.mean(gains), abs=0.01)
    names = ("gain_2", "gain_4", "gain_8", "step_4", "everywhere", "multiplier_2", "shrink_4")
    assert set(verdicts(found, *(f"widths_{name}" for name in names))) == {Verdict.HOLDS}
    # Where nothing of so many parameters was trained, it says so.
    assert found["widths_multiplier_8"].verdict == Verdict.NOT_MEASURED
    assert found["widths_multiplier_8"].detail.startswith("> ")


def test_the_published_k_can_be_read_off_the_grid_of_the_config():
    study = planted.configured("widths", lambda own, N: planted.law(N, own.streams.count, 0.36))
    claims = by_id(study)
    assert grid(study).ladder_widths[-2:] == [24, 32]
    for count, published_N in PUBLISHED_MULTIPLIERS.items():
        claim = claims[f"widths_multiplier_{count}"]
        assert claim.measured == pytest.approx(published_N, rel=0.02)
        assert claim.verdict == Verdict.HOLDS
        assert "every resample within reach" in claim.detail
        # The embedding grows with the width alone, so counted in N it brings all sizes closer.
        assert 1 < float(claim.detail.rsplit(" ", 1)[1]) < claim.measured
    own = grid(study)
    assert own.inner == [1, 2]
    assert {claim.verdict for claim in claims.values()} <= {Verdict.HOLDS, Verdict.FAILS}
    rivals = PARTS.drawn({"widths": study})[1][1]
    assert all(row[4] is not None for row in rivals.rows)  # the largest N is held out


def test_the_planted_correlation_comes_back(found):
    for count in (2, 4, 8):
        # The floor is that of the fit, close to the planted one.
        assert found[f"widths_rho_{count}"].measured == pytest.approx(0.9, abs=0.01)


def test_the_correlation_that_a_law_needs_gives_its_gain(study):
    fit = fitted.law(study)
    k, alpha = fit.parameters["k"], fit.parameters["alpha"]
    for count in (2, 3, 8):
        needed = fitted.rho_of_law(fit, count)
        excess = ((count - 1) * needed + 1) / count
        assert excess == pytest.approx((k * np.log(count) + 1) ** -alpha, rel=1e-12)


def test_the_control_that_gives_nothing_holds_and_one_that_gives_all_fails(found):
    assert set(verdicts(found, "widths_lone", "widths_lone_share")) == {Verdict.HOLDS}
    wide = by_id(planted.widths(lone=0.03, sizes=(16, 32, 64)))
    assert set(verdicts(wide, "widths_lone", "widths_lone_share")) == {Verdict.FAILS}
    assert wide["widths_lone"].measured == pytest.approx(3.0, abs=0.02)
    harmful = by_id(planted.widths(lone=-0.03, sizes=(16, 32, 64)))
    assert harmful["widths_lone"].verdict == Verdict.HOLDS  # no better is what it says
    two = by_id(planted.widths(sizes=(16, 32, 64), counts=(1, 2)))
    assert (
        two["widths_gain_2"].detail == "the study has P of [1, 2], the claims are of [1, 2, 4, 8]"
    )


def test_streams_that_give_nothing_are_not_said_to():
    claims = by_id(planted.widths(k=0.0, sizes=(16, 32, 64), noise=2e-3))
    # What streams add to N still lowers the planted loss a little, but k is not told from 0.
    assert claims["widths_k"].low < 0 < claims["widths_k"].high
    assert claims["widths_k"].verdict == Verdict.INCONCLUSIVE


def test_a_floor_at_its_bound_leaves_no_correlation():
    study = planted.widths(sizes=(16, 32, 64), floor=-0.3)
    assert "E" in fitted.law(study).at_bound
    claims = by_id(study)
    for name in ("rho", "average"):
        assert "at its bound" in claims[f"widths_{name}_2"].detail
    assert claims["widths_k"].verdict != Verdict.NOT_MEASURED


def test_streams_that_harm_fail():
    claims = by_id(planted.widths(k=-0.2, sizes=(16, 32, 64)))
    names = ("widths_gain_2", "widths_everywhere", "widths_k", "widths_multiplier_2")
    assert set(verdicts(claims, *names)) == {Verdict.FAILS}


def test_two_widths_have_gains_but_no_law():
    claims = by_id(planted.widths(sizes=(16, 32)))
    assert claims["widths_gain_2"].verdict == Verdict.HOLDS
    for name in ("widths_k", "widths_rho_2", "widths_average_2"):
        assert "needs at least 3 sizes" in claims[name].detail
    assert "no width with streams lies between" in claims["widths_multiplier_2"].detail


def test_a_brief_study_has_no_claims_but_figures_and_tables():
    brief = planted.widths(sizes=(12,), counts=(1, 2), fixed={"train.steps": 600})
    claims = by_id(brief)
    assert claims["widths_gain_2"].detail == "train.steps is 600, the claim is of 4000"
    with house_style():
        figures, tables = PARTS.drawn({"widths": brief})
    assert [figure.name for figure in figures] == ["widths", "widths_gains", "law"]
    assert len(tables[0].rows) == 3
    assert not any("could not be drawn" in table.caption for table in tables)


def test_seeds_that_are_not_pairs_are_refused(study):
    data = study.data.copy()
    data["seed"] = ("member", np.arange(data.sizes["member"]))
    claims = by_id(dataclasses.replace(study, data=data))
    assert "need the same" in claims["widths_gain_2"].detail


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
        assert "rates 0.01 and 0.01" in claims[f"controls_{name}"].detail
    explained = by_id(planted.controls(CONTROLS | {"prefix": 1.96, "tied": 1.9}))
    assert verdicts(explained, "controls_prefix", "controls_tied") == [Verdict.FAILS] * 2
    del (fewer := dict(CONTROLS))["tied"]
    detail = by_id(planted.controls(fewer))["controls_tied"].detail
    assert detail == "the study has no cell of four equal streams"


def test_controls_that_are_tuned_are_compared_at_the_best_rate_of_each():
    tuned = {"plain": {5e-3: 1.98, 1e-2: 2.0, 2e-2: 2.1}, "streams": {5e-3: 2.0, 1e-2: 1.96}}
    tuned |= {"prefix": {5e-3: 2.1, 1e-2: 1.99}}
    study = planted.controls(CONTROLS | tuned)
    claims = by_id(study)
    assert claims["controls_streams"].measured == pytest.approx(100 * 0.02 / 1.98, abs=0.02)
    assert "rates 0.01 and 0.005" in claims["controls_streams"].detail
    # A cell of one rate is held against the same rate.
    assert claims["controls_mean"].measured == pytest.approx(1.5, abs=0.02)
    assert claims["controls_tied"].measured == pytest.approx(-100 * 0.01 / 1.99, abs=0.02)
    (table,) = PARTS.part("controls").tables(study)
    assert len(table.rows) == 11
    long = by_id(planted.controls({"tokens": 1.8}))
    assert long["controls_tied"].detail == "train.steps is 10000, the claim is of 2500"


VARIANTS = {
    None: 2.0,
    ("streams.aggregation", "static"): 2.0,
    ("streams.aggregation", "mean"): 2.002,
    ("streams.transform", "lora"): 2.08,
    ("streams.transform", "bias"): 2.0,
    ("streams.smoothing", 0.0): 2.0,
    ("streams.prefix", 8): 2.004,
    ("streams.prefix", 16): 2.001,
    ("streams.count", 1): 2.05,
}


def test_variants_are_measured_against_what_streams_gain():
    claims = by_id(planted.variants(VARIANTS))
    gain = 100 * 0.05 / 2.05
    assert claims["variants_streams"].measured == pytest.approx(gain, abs=0.02)
    for name, change in {"mean": 0.1, "lora": 4.0, "static": 0.0, "prefix": 0.2}.items():
        assert claims[f"variants_{name}"].measured == pytest.approx(gain - change, abs=0.02)
    assert claims["variants_lora"].verdict == Verdict.FAILS
    assert claims["variants_mean"].verdict == Verdict.HOLDS
    assert claims["variants_mean"].detail.startswith("it gains −0.1")
    assert claims["variants_code"].detail == "the study has no such cell"
    assert claims["variants_prefix"].detail.endswith("the largest change, at prefix 8")
    other = {None: 2.0, ("streams.smoothing", 0.0): 2.0, ("streams.count", 1): 2.1}
    detail = by_id(planted.variants(other, aggregation="static"))["variants_streams"].detail
    assert detail == "streams.aggregation is static in most cells, not learned"


@pytest.mark.parametrize("name", ["controls", "variants", "stage_one", "two_stage", "frozen"])
def test_every_claim_is_measured_on_the_cells_of_its_config(name):
    def losses(own, N):
        end = planted.law(N, own.streams.count, 0.3)
        return [1.1 * end, end] if name in ("stage_one", "two_stage") else end

    study = planted.configured(name, losses)
    for claim in by_id(study).values():
        assert claim.verdict != Verdict.NOT_MEASURED, claim
    with house_style():
        _, tables = PARTS.drawn({name: study})
    assert not any("could not be drawn" in table.caption for table in tables)


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
    assert claims["two_stage_lone"].detail == "the study has no such cell"
    late = CURVES | {"lone": np.full(11, 1.99), "mean": np.full(11, 1.97)}
    controls = by_id(planted.two_stage(late))
    assert controls["two_stage_lone"].measured == pytest.approx(0.5, abs=0.02)
    assert controls["two_stage_lone"].verdict == Verdict.FAILS
    assert controls["two_stage_over_lone"].measured == pytest.approx(100 * 0.03 / 1.99, abs=0.02)
    assert controls["two_stage_mean"].measured == pytest.approx(1.5, abs=0.02)
    assert controls["two_stage_gain_4"].measured == claims["two_stage_gain_4"].measured
    never = by_id(planted.two_stage({1: np.full(11, 2.0), 2: np.full(11, 2.1)}))
    assert never["two_stage_recovery_2"].measured == 100
    assert "6 of 6 seeds never" in never["two_stage_recovery_2"].detail


def test_the_frozen_decoder_gains_with_p():
    claims = by_id(planted.frozen({1: 2.0, 2: 1.98, 4: 1.97}, {8: 1.99, 16: 1.95}))
    assert claims["frozen_slots_2"].measured == pytest.approx(100 * 0.01 / 1.99, abs=0.02)
    assert claims["frozen_slots_2"].detail == "200 numbers learn, against 200"
    assert claims["frozen_slots_4"].verdict == Verdict.FAILS
    assert claims["frozen_step_2"].measured == pytest.approx(1.0, abs=0.02)
    assert claims["frozen_gain"].measured == pytest.approx(1.5, abs=0.02)
    assert "no P = 8" in claims["frozen_step_8"].detail


def test_what_is_published_is_what_the_losses_say():
    gains = np.mean([published.gains(corpus) for corpus in published.CORPORA], axis=0)
    assert gains[1:] == pytest.approx(list(PUBLISHED_GAINS.values()), abs=0.01)
    k = np.mean([published.fit(corpus).parameters["k"] for corpus in published.CORPORA])
    for count, multiplier in PUBLISHED_MULTIPLIERS.items():
        assert k * np.log(count) + 1 == pytest.approx(multiplier, abs=0.006)


def test_worth_beyond_one_stream_is_not_made_up():
    own = grid(planted.widths(sizes=(16, 32, 64), counts=(1, 2), noise=0))
    better = own._replace(loss_SxWxP=own.loss_SxWxP * [1, 0.5])
    assert (worth.log_multipliers(better, 2) == np.inf).all()
    worse = own._replace(loss_SxWxP=own.loss_SxWxP * [1, 5.0])
    assert (worth.log_multipliers(worse, 2) == -np.inf).all()
    rising = own._replace(ladder_SxL=own.ladder_SxL[:, [0, 2, 1]])
    assert np.isnan(worth.log_multipliers(rising, 2)).all()


def test_resamples_out_of_reach_are_told():
    """With noise, two streams at the middle width come close to the widest of one stream."""
    study = planted.widths(sizes=(16, 32, 38), counts=(1, 2), noise=8e-3)
    with pytest.raises(ValueError, match=r"inf\], is not finite on \d+\.\d% of the resamples"):
        worth.multiplier(study, "text", 2)
    found = BootstrapInterval(1.2, 1.1, 1.3, 6, 0.95, 0.001)
    assert worth.reached(found).startswith("0.10% of the resamples out of reach")


def test_what_only_adds_parameters_gains_nothing_beyond_them():
    claims = by_id(planted.widths(k=0.0, sizes=(16, 32, 64)))
    assert claims["widths_gain_4"].measured > 2
    for name in ("widths_beyond_2", "widths_beyond_4"):
        assert claims[name].measured == pytest.approx(0, abs=0.15)
        assert claims[name].detail == "over 2 of 3 widths"  # the widest has no wider beside it
    assert claims["widths_multiplier_2"].measured == pytest.approx(1, abs=0.015)


def test_the_published_law_and_its_rivals(found):
    for corpus, parameters in law.PARAMETERS.items():
        for name in parameters:
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
    assert "not corrected for the number of claims" in section.summary
    two = found["widths_multiplier_2"]
    number = format_estimate(two.measured, two.low, two.high)
    assert section.summary.startswith(f"Two streams are worth {number} times their own")
    assert [claim.id for claim in section.claims] == list(PARTS.expected(studies))
    assert [figure.name for figure in section.figures] == [
        *("widths", "widths_gains", "widths_rho", "controls", "variants"),
        *("stage_one", "two_stage", "frozen", "law"),
    ]
    assert [figure.name for figure in section.overviews] == ["parscale_overview"]
    table, rivals, cells, *_, costs = section.tables  # nothing is missing
    assert [len(part.rows) for part in (table, rivals, cells, costs)] == [25, 4, 7, 12]
