"""The page's part of the one-third experiment, on planted studies."""

import dataclasses
import re

import pytest
from planted_studies import CONFIGS, RATES, TEMPERATURES, all_studies, file, results, spoiled

from experiments.one_third import published, static
from experiments.one_third.report import HYPOTHESIS, answer
from jaxlab.analysis.estimate import Estimate
from jaxlab.report.build import write_study_report
from jaxlab.report.claims import Claim, Result
from jaxlab.report.figures import house_style

STUDIES = sorted(path.stem for path in CONFIGS.glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    studies = {name: all_studies()[name] for name in ("headline", "hard_labels", "adam_grid")}
    return write_study_report(studies, folder, folder)


def result(id, value, half, expected):
    claim = Claim(id, "A sentence", expected, lambda study: estimate, "source")
    estimate = Estimate(value, value - half, value + half, 5)
    return {id: Result(claim, "study", estimate)}


def said(**values):
    """The answer for these (value, half width) of the claims that it speaks of."""
    ranges = {
        "hard_labels_loss": (0.30, 0.36),
        "headline": (0.322, 0.352),
        "adam_spread": (0.1, 9.0),
        "escape_100": (0.94, 1.06),
        "way_sgd": (0.27, 0.39),
    }
    found = {}
    for name, (value, half) in values.items():
        found |= result(name, value, half, ranges[name])
    return answer(found)


def test_the_answer_follows_from_the_verdicts():
    clean, adam, method = said(
        hard_labels_loss=(0.341, 0.005),
        headline=(0.341, 0.001),
        adam_spread=(0.48, 0.1),
        escape_100=(0.98, 0.03),
        way_sgd=(0.34, 0.02),
    )
    assert clean.startswith("Yes, where the theory is clean")
    assert "0.341 [0.336, 0.346]" in clean
    assert "is reproduced" in adam
    assert "Adam has no exponent of its own" in adam
    assert method.startswith("It is a law of the method, not of the task")
    assert "0.340 [0.320, 0.360]" in method


def test_the_opposite_verdicts_give_the_opposite_answer():
    clean, adam, method = said(
        hard_labels_loss=(0.5, 0.01),
        headline=(0.5, 0.01),
        adam_spread=(0.02, 0.01),
        escape_100=(0.33, 0.02),
    )
    assert clean.startswith("Not even where the theory is clean")
    assert "is not found" in adam
    assert "hardly changes" in adam
    assert "is not shown" in method
    clean, adam = said(hard_labels_loss=(0.34, 0.1), adam_spread=(0.1, 0.05))
    assert clean.startswith("Undecided")
    assert adam.startswith("Whether it changes much with Adam's learning rate is undecided")


def test_of_nothing_there_is_no_answer():
    assert answer({}) == []


def test_the_page_has_the_question_the_answer_and_the_figures(report):
    (section,) = report.sections
    assert report.problems == []
    assert section.question == HYPOTHESIS.question
    assert len(section.answer) == 2  # the studies of methods are not among them
    assert section.answer[0].startswith("Yes")
    assert [r.claim.id for r in section.highlights] == list(HYPOTHESIS.highlights[:4])
    names = [figure.name for figure in section.figures]
    assert [name for name in names if not name.endswith("_curves")] == [
        *("headline", "static", "entropy", "pythia", "hard_labels", "adam_scans", "adam_map"),
    ]
    (ax,) = section.overviews[0].figure.axes
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    assert rows[:2] == ["The law", "Adam, the published cell"]
    page = report.page.read_text()
    assert all(sentence.split("[")[0] in page for sentence in section.answer)


def test_headings_and_highlights_are_those_of_claims():
    claims = [c for name in STUDIES for c in file(name).claims]
    assert {claim.heading for claim in claims} == {"", *HYPOTHESIS.headings}
    assert set(HYPOTHESIS.highlights) <= {claim.id for claim in claims}
    ids = [claim.id for claim in claims]
    assert len(set(ids)) == len(ids)


def test_tables_have_the_numbers_of_the_claims_and_every_cell():
    headline, grid = all_studies()["headline"], all_studies()["adam_grid"]
    table = file("headline").tables[0](headline)
    assert [len(row) for row in table.rows] == [5] * 6
    low, high, *estimate = table.rows[0]
    assert (low, high) == pytest.approx((4.0, 162.0), rel=0.02)  # evaluations in the window
    found = results(headline)["headline"].estimate
    assert estimate == [found.value, found.low, found.high]
    (table,) = [make(grid) for make in file("adam_grid").tables]
    cells = {(row[0], row[1]): row for row in table.rows}
    assert len(cells) == 96
    assert cells[TEMPERATURES[0], RATES[7]][2] == pytest.approx(0.337, abs=0.005)
    assert cells[TEMPERATURES[0], RATES[7]][-1] == ""
    assert cells[TEMPERATURES[5], RATES[7]][-1] == "1 of 2 diverged"


@pytest.mark.parametrize("name", ["headline", "hard_labels"])
def test_a_study_with_a_diverged_member_is_drawn_without_a_fit(name):
    with house_style():
        figure = file(name).figures[0](spoiled(all_studies()[name]))
    assert re.search("There is no fit: seed 1: loss is nan at record", figure.caption)


def test_a_cell_s_curve_ends_with_a_cross_where_a_member_of_it_diverged():
    with house_style():
        scans = file("adam_grid").figures[0](all_studies()["adam_grid"]).figure
    at_the_headline_s_rate = scans.axes[2]
    (cross,) = [line for line in at_the_headline_s_rate.lines if line.get_marker() == "X"]
    last_step = 39 * 20  # of the evaluations of that cell that are finite
    assert cross.get_xdata() == pytest.approx([RATES[7] * last_step], rel=1e-3)


def test_an_unfinished_study_is_reported_as_such(tmp_path):
    study = all_studies()["flat"]
    study = dataclasses.replace(study, runs=[study.runs[0]._replace(done=None)])
    report = write_study_report({"flat": study}, tmp_path, tmp_path)
    assert {r.reason for r in report.sections[0].results} == {"flat is not finished"}
    assert "(not finished)" in report.page.read_text()


def test_what_needs_no_run_stands_beside_the_headline_alone():
    without_runs = {claim.id for claim in (*static.CLAIMS, *published.CLAIMS)}
    for name in STUDIES:
        own = {claim.id for claim in file(name).claims}
        assert without_runs & own == (without_runs if name == "headline" else set())
