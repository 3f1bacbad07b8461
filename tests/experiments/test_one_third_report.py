"""The page's part of the one-third experiment, on planted studies."""

import dataclasses
import re

import pytest
from planted_studies import RATES, TEMPERATURES, all_studies, spoiled

from experiments.one_third import report
from experiments.one_third.studies import PARTS, flat, published, static
from jaxlab.report.build import write_study_report
from jaxlab.report.claims import format_estimate, read_claims
from jaxlab.report.figures import house_style


@pytest.fixture(scope="module")
def section():
    with house_style():
        return report.section(all_studies())


def test_the_section_answers_with_the_numbers_of_its_claims(section):
    found = {claim.id: claim for claim in section.claims}
    quoted = ("headline", "hard_labels_loss", "hard_labels_theory_loss", "flat_rate")
    for name in (*quoted, "text_exponent"):
        claim = found[name]
        number = re.escape(format_estimate(claim.measured, claim.low, claim.high))
        assert re.search(rf"{number}[^.]* \({claim.verdict}\)\.", section.summary), name
    count = len(PARTS.expected(all_studies()))
    assert section.summary.endswith(
        f"Of {count} claims: {count - 3} holds, 1 fails, 2 inconclusive."
    )


def test_the_overview_shows_every_exponent_and_nothing_else(section):
    beforehand = PARTS.expected(all_studies())
    (overview,) = section.overviews
    (ax,) = overview.figure.axes
    rows = [tick.get_text() for tick in ax.get_yticklabels()]
    assert rows == ["The law", *(e.short for e in beforehand.values() if e.in_overview)]
    assert "Adam, the published cell" in rows


def test_without_an_exponent_there_is_no_overview():
    assert report.section({"flat": all_studies()["flat"]}).overviews == []


def test_every_study_has_its_figures_and_the_tables_behind_them(section):
    assert [figure.name for figure in section.figures] == [
        *("headline", "adam_scans", "adam_map", "sgd_scans", "sgd_map"),
        *("hard_labels", "flat", "text", "static", "entropy", "pythia"),
    ]
    headline, grid, _, hard_labels, text, *_ = section.tables
    for table, name in ((headline, "headline"), (hard_labels, "hard_labels"), (text, "text")):
        assert table.caption.startswith(name)
        assert [len(row) for row in table.rows] == [5] * 6
    low, high, *estimate = headline.rows[0]
    assert (low, high) == pytest.approx((4.0, 162.0), rel=0.02)  # records in the window
    claim = section.claims[0]
    assert (claim.id, estimate) == ("headline", [claim.measured, claim.low, claim.high])
    cells = {(row[0], row[1]): row for row in grid.rows}
    assert len(cells) == 96
    cell = cells[TEMPERATURES[0], RATES[7]]
    assert cell[2] == pytest.approx(0.337, abs=0.005)
    assert cell[-1] == ""
    assert cells[TEMPERATURES[5], RATES[7]][-1] == "1 of 2 diverged"


@pytest.mark.parametrize("name", ["headline", "hard_labels", "flat", "text"])
def test_a_study_with_a_diverged_member_is_drawn_without_a_fit(name):
    with house_style():
        section = report.section({name: spoiled(all_studies()[name])})
    assert re.search(r"–[^.]* \(not measured\)\.", section.summary)
    if name != "flat":  # which has no table to miss
        assert section.tables[-1].caption == "What could not be drawn, and why"
        assert section.tables[-1].rows[0][:2] == [name, "tables"]
    figure = section.figures[0]
    assert "There is no fit: seed 1: loss is nan at record" in figure.caption or name == "flat"


def test_a_cell_s_curve_ends_with_a_cross_where_a_member_of_it_diverged(section):
    (scans,) = [f.figure for f in section.figures if f.name == "adam_scans"]
    at_the_headline_s_rate = scans.axes[2]
    (cross,) = [line for line in at_the_headline_s_rate.lines if line.get_marker() == "X"]
    last_step = 39 * 20  # of the records of that cell that are finite
    assert cross.get_xdata() == pytest.approx([RATES[7] * last_step], rel=1e-3)


def test_an_unfinished_study_is_reported_as_such(tmp_path):
    study = all_studies()["flat"]
    study = dataclasses.replace(study, runs=[study.runs[0]._replace(done=None)])
    claims, page = write_study_report({"flat": study}, tmp_path)
    assert "flat is not finished" in {claim.detail for claim in claims}
    assert "(not finished)" in page.read_text()


def test_what_needs_no_run_is_reported_beside_the_headline_alone(section):
    without_runs = {*static.EXPECTED, *published.EXPECTED}
    assert without_runs <= {claim.id for claim in section.claims}
    assert set(PARTS.expected({"headline": all_studies()["headline"]})) > without_runs
    assert not without_runs & set(PARTS.expected({"flat": all_studies()["flat"]}))


def test_a_part_of_the_studies_makes_a_part_of_the_page(tmp_path):
    claims, page = write_study_report({"flat": all_studies()["flat"]}, tmp_path)
    assert {claim.id for claim in claims} == set(flat.EXPECTED)
    assert read_claims(tmp_path / "claims.json") == claims
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "flat.png",
        "flat.svg",
    ]
    assert claims[0].claim in page.read_text()
