"""The claims of ParScale on planted studies: what was planted comes back, with its verdict."""

import dataclasses

import numpy as np
import planted_parscale as planting
import pytest
from planted_parscale import planted, results, widths

from experiments.parscale import fitted, multiplier, published, words
from experiments.parscale.grid import grid
from experiments.parscale.report import HYPOTHESIS
from jaxlab.analysis.estimate import EXACT, RESAMPLES, NotMeasurable
from jaxlab.analysis.inference_cost import latency_seconds, memory_gib
from jaxlab.report.claims import Kind, Verdict
from jaxlab.report.figures import Figure, house_style
from jaxlab.report.page import Table

NAMES = ("widths", "branches", "trunk", "rates", "memory")


def verdicts(found, *ids):
    return {found[id].verdict for id in ids}


def value(found, id):
    assert found[id].estimate is not None, found[id].reason
    return found[id].estimate.value


def text_loss(config, N):
    """Falls with N and P, to its end in five evaluations."""
    end = planting.law(N, config.streams.count, 0.3)
    return end * np.linspace(1.1, 1.0, 5)


@pytest.fixture(scope="module")
def study():
    return widths()


@pytest.fixture(scope="module")
def found(study):
    return results(study)


def test_the_planted_law_comes_back(study, found):
    k = found["widths_k"].estimate
    assert k.value == pytest.approx(0.36, abs=0.02)
    assert k.low < 0.36 < k.high
    assert (k.seeds, k.covers) == (5, RESAMPLES)
    assert fitted.law(study).parameters["alpha"] == pytest.approx(planting.ALPHA, abs=0.05)


def test_gains_and_multipliers_of_the_published_k_come_back(study, found):
    own = grid(study)
    assert own.inner == [1, 2]
    law_WxP = planting.law(own.N_WxP, np.array(own.counts), 0.36)
    for count in (2, 4):
        gains = 100 * (1 - law_WxP[:, own.at(count)] / law_WxP[:, 0])
        assert value(found, f"widths_gain_{count}") == pytest.approx(gains.mean(), abs=0.02)
        multiple = words.PUBLISHED_MULTIPLIERS[count]
        assert value(found, f"widths_multiplier_{count}") == pytest.approx(multiple, rel=0.02)
        assert "every resample within reach" in found[f"widths_multiplier_{count}"].estimate.detail
        assert value(found, f"widths_of_law_{count}") == pytest.approx(1, abs=0.05)
    names = "gain_2 gain_4 step_4 everywhere multiplier_2 shrink_4 of_law_2 of_law_4 beyond_2 lone"
    assert verdicts(found, *(f"widths_{name}" for name in names.split())) == {Verdict.SUPPORTED}


def test_the_planted_correlation_comes_back(study, found):
    for count in (2, 4):  # above the floor of the fit, which is close to the planted one
        assert value(found, f"widths_rho_{count}") == pytest.approx(0.9, abs=0.01)
    fit = fitted.law(study)
    k, alpha = fit.parameters["k"], fit.parameters["alpha"]
    for count in (2, 3, 8):
        excess = ((count - 1) * fitted.rho_of_law(fit, count) + 1) / count
        assert excess == pytest.approx((k * np.log(count) + 1) ** -alpha, rel=1e-12)


def test_what_only_adds_parameters_gains_nothing_beyond_them():
    found = results(widths(k=0.0, noise=2e-3))
    assert value(found, "widths_gain_4") > 0.5
    for id in ("widths_beyond_2", "widths_beyond_4"):
        assert value(found, id) == pytest.approx(0, abs=0.15)
    assert value(found, "widths_multiplier_2") == pytest.approx(1, abs=0.015)
    assert found["widths_k"].verdict == Verdict.UNDECIDED
    of_law = (f"widths_of_law_{count}" for count in (2, 4))
    assert verdicts(found, *of_law) == {Verdict.NOT_SUPPORTED}


def test_streams_that_harm_are_not_supported():
    found = results(widths(k=-0.3))
    ids = ("widths_k", "widths_multiplier_2", "widths_multiplier_4", "widths_beyond_4")
    assert verdicts(found, *ids, "widths_everywhere") == {Verdict.NOT_SUPPORTED}


def test_a_prefix_that_gives_all_is_seen_by_its_controls():
    found = results(widths(prefix=0.04))
    assert value(found, "widths_lone") == pytest.approx(4.0, abs=0.02)
    ids = ("widths_lone", "widths_lone_share")
    assert verdicts(found, *ids) == {Verdict.NOT_SUPPORTED}
    assert results(widths(prefix=-0.03))["widths_lone"].verdict == Verdict.SUPPORTED  # no better


def test_a_floor_at_its_bound_leaves_no_correlation():
    study = widths(floor=-0.3)
    assert "E" in fitted.law(study).at_bound
    found = results(study)
    for name in ("rho", "average"):
        assert "at its bound" in found[f"widths_{name}_2"].reason
    assert found["widths_k"].is_measured


def test_two_widths_have_gains_but_no_law():
    found = results(widths(widths=(32, 48), ends=()))
    assert found["widths_gain_2"].verdict == Verdict.SUPPORTED
    for name in ("k", "of_law_2", "rho_2", "average_2"):
        assert "needs at least 3 sizes" in found[f"widths_{name}"].reason
    assert "no width with streams lies between" in found["widths_multiplier_2"].reason


def test_seeds_that_are_no_pairs_and_members_that_diverged_are_not_measured(study):
    data = study.data.copy(deep=True)
    data["seed"] = ("member", np.arange(data.sizes["member"]))
    other = results(dataclasses.replace(study, data=data))
    assert "need the same" in other["widths_gain_2"].reason
    data = study.data.copy(deep=True)
    data["diverged_step"][0] = 3
    assert results(dataclasses.replace(study, data=data))["widths_k"].reason == (
        "1 of 65 members diverged"
    )


def test_other_configs_are_not_measured_but_for_what_needs_no_run():
    found = results(widths(**{"streams.transform": "bias"}))
    assert "streams.transform is bias" in found["widths_gain_2"].reason
    assert found["law_pile_k"].verdict == Verdict.SUPPORTED


def test_multipliers_beyond_one_stream_are_not_made_up(study):
    own = grid(study)
    better = own._replace(loss_SxWxP=own.loss_SxWxP * [1, 0.3, 1])
    assert (multiplier.log_multipliers(better, 2) == np.inf).all()
    worse = own._replace(loss_SxWxP=own.loss_SxWxP * [1, 5.0, 1])
    assert (multiplier.log_multipliers(worse, 2) == -np.inf).all()
    rising = own._replace(ladder_SxL=own.ladder_SxL[:, [0, 2, 1, 3]])
    assert np.isnan(multiplier.log_multipliers(rising, 2)).all()


def test_resamples_out_of_reach_are_told():
    """With noise, two streams come close to the widest of one stream."""
    close = widths(k=0.66, widths=(32, 48), ends=(64,), counts=(1, 2), noise=1.5e-2)
    with pytest.raises(NotMeasurable, match=r"inf\], is not finite on \d+\.\d% of the resamples"):
        multiplier.multiplier(close, "text", 2)


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_measured_on_the_cells_of_its_file_and_all_is_drawn(name):
    study = planted(name, text_loss)
    found = results(study)
    for id, result in found.items():
        small = "not above nothing" in result.reason or "out of reach" in result.reason
        assert result.is_measured or small, (id, result.reason)
    file = planting.file_of(name)
    with house_style():
        assert all(isinstance(draw(study), Figure) for draw in file.figures)
    tables = [make(study) for make in file.tables]
    assert all(isinstance(table, Table) for table in tables)
    if tables:  # a row for each cell
        assert len(tables[0].rows) == len(study.runs)


def test_the_table_of_sizes_compares_with_one_stream_beside_each_cell(study):
    table = planting.file_of("widths").tables[0](study)
    rows = {row[0]: row[1:] for row in table.rows}
    one, four = (
        next(row for name, row in rows.items() if f"width=48, count={count}, lone=False" in name)
        for count in (1, 4)
    )
    assert one[:2] == [263_712, 0]
    assert one[-3:] == [None] * 3
    own = grid(study)
    less_S = own.loss_SxWxP[:, 1, 0] - own.loss_SxWxP[:, 1, 2]
    assert four[:2] == [263_712 + 18_676, 18_676]
    assert four[-3] == pytest.approx(less_S.mean())


def test_a_study_of_one_width_is_drawn_without_a_law():
    brief = widths(widths=(48,), ends=(), counts=(1, 2))
    file = planting.file_of("widths")
    with house_style():
        losses, gains, correlations, law = file.figures
        assert [draw(brief).name for draw in (losses, gains, law)] == [
            *("widths", "widths_gains", "law"),
        ]
        with pytest.raises(NotMeasurable, match="at least 3 sizes"):
            correlations(brief)


def test_what_is_published_is_what_the_losses_say():
    gains = np.mean([published.gains(corpus) for corpus in published.CORPORA], axis=0)
    assert gains[1:] == pytest.approx(list(words.PUBLISHED_GAINS.values()), abs=0.01)
    k = np.mean([published.fit(corpus).parameters["k"] for corpus in published.CORPORA])
    assert k == pytest.approx(words.PUBLISHED_K, abs=0.006)
    for count, multiple in words.PUBLISHED_MULTIPLIERS.items():
        assert k * np.log(count) + 1 == pytest.approx(multiple, abs=0.006)


def test_the_published_law_is_refitted_and_its_rivals_are_better(found):
    own = {id: result for id, result in found.items() if id.startswith("law_")}
    checks = [result for result in own.values() if result.claim.kind is Kind.CHECK]
    assert len(checks) == 16
    assert {result.verdict for result in checks} == {Verdict.SUPPORTED}
    assert {result.estimate.seeds for result in own.values()} == {0}
    assert "cells" in own["law_pile_k_positive"].estimate.covers
    assert own["law_pile_k"].estimate.covers == EXACT
    ids = ("law_stack_v2_python_form", "law_pile_form", "law_cost_latency_8")
    assert verdicts(found, *ids) == {Verdict.NOT_SUPPORTED}
    assert published.cost_ratio(memory_gib, 1) == pytest.approx(22.5, abs=0.05)
    assert published.cost_ratio(latency_seconds, 8) == pytest.approx(0.88, abs=0.005)


def test_the_answer_says_only_what_was_measured(found):
    claims = [claim for name in NAMES for claim in planting.file_of(name).claims]
    assert set(HYPOTHESIS.highlights) <= {claim.id for claim in claims}
    assert {claim.heading for claim in claims} - {""} == set(HYPOTHESIS.headings)
    (sentence,) = HYPOTHESIS.answer(found)
    assert found["widths_of_law_4"].number in sentence
    assert HYPOTHESIS.answer({}) == []
