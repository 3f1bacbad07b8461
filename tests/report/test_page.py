import base64
import csv
import io
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from planted_page import (
    RESULTS,
    TRACEBACK,
    full_sections,
    make_figure,
    make_overview,
    make_result,
    make_section,
    runs,
    unmeasured,
)

from jaxlab.report.bars import PIXELS, bar
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import Figure
from jaxlab.report.page import Run, Table, write_report

HOSTILE = "<script>alert('x')</script> & \"quotes\""
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects elements, ids and text, and insists that every element is closed."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        self.ids = set(ids)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def write(path, *sections, runs=()) -> str:
    return write_report(path / "report.html", sections=sections, runs=runs).read_text()


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> str:
    return write(tmp_path_factory.mktemp("full"), *full_sections(), runs=runs())


def order(html: str, *pieces: str) -> None:
    places = [html.index(piece, html.index("<main>")) for piece in pieces]
    assert places == sorted(places), list(zip(pieces, places, strict=True))


def test_page_needs_nothing_but_itself(full):
    page = Page(full)
    assert not {"iframe", "object"} & {tag for tag, _ in page.elements}
    assert not any("src" in script for script in page.all("script"))
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert not re.search(r"url\(|@import|https?://", re.sub(r"base64,[\w+/=]+", "", full))


def test_every_link_of_the_contents_leads_somewhere(full):
    page = Page(full)
    targets = [link["href"] for link in page.all("a")]
    assert {target[1:] for target in targets} <= page.ids
    for target in ("#section-one_third", "#study-one_third-adam_grid", "#study-parscale-widths"):
        assert target in targets
    for part in ("#figures-one_third", "#tables-one_third", "#limits-one_third", "#runs"):
        assert part in targets
    assert "#limits-parscale" not in targets


def test_the_answer_comes_first_and_the_runs_last(full):
    question = "Do softmax and cross-entropy learn"
    order(
        full,
        *(question, "within the published range", 'class="highlights"', "Findings: 2 supported"),
        *("figure-overview", "1 measurement failed", "<h3>Findings", "<h3>Controls", "<h3>Checks"),
        *("Not measured: 3", ">Figures<", "figure-headline", ">Tables<", "not an asymptotic"),
        *("Do P parallel streams", "Where the numbers come from"),
    )


def test_totals_count_the_three_kinds_apart(full):
    for line in (
        "Findings: 2 supported, 1 not supported, 1 undecided, 3 not measured, 1 error",
        "Controls: 1 supported, 0 not supported, 0 undecided, 0 not measured",
        "Checks: 1 supported, 0 not supported, 0 undecided, 0 not measured",
    ):
        assert line in full


def lists(html: str) -> dict[str, list[str]]:
    """Returns the ids of the claims in each list, by its heading."""
    found = re.findall(r"<h3>(Findings|Controls|Checks)</h3>(.*?)</table>", html, re.DOTALL)
    return {kind: re.findall(r'<tr class="claim" id="claim-(.*?)"', rows) for kind, rows in found}


def test_each_kind_has_its_own_list_of_what_was_measured(tmp_path):
    html = write(tmp_path, make_section())
    assert lists(html) == {
        "Findings": ["inside", "outside", "across", "open"],
        "Controls": ["flat"],
        "Checks": ["count"],
    }
    rows = re.findall(r'<tr class="claim" id="claim-(.*?)"(.*?)</tr>', html, flags=re.DOTALL)
    by_id = {result.claim.id: result for result in RESULTS}
    for id, row in rows:
        result = by_id[id]
        assert f"{result.verdict}</span>" in row
        assert result.number in row
        assert result.estimate is not None
        assert result.estimate.covers in row


def test_claims_stand_under_the_name_of_their_study(tmp_path):
    of = {"a": "two_words", "b": "two_words", "c": "other"}
    results = [make_result(id, study=study) for id, study in of.items()]
    html = write(tmp_path, make_section(results=results, highlights=[]))
    rows = re.findall(r'<th scope="colgroup" colspan="5">(.*?)</th>|<tr .*?id="(claim-.*?)"', html)
    assert [heading or id for heading, id in rows] == [
        *("two words", "claim-a", "claim-b", "other", "claim-c")
    ]


def test_what_was_not_measured_is_folded_with_its_reason(full):
    (fold,) = re.findall(r'<details class="fold unmeasured group">(.*?)</details>', full, re.DOTALL)
    assert re.findall(r'id="claim-(.*?)"', fold) == ["single", "short", "shorter"]
    reasons = re.findall(r'<p class="reason">(.*?)</p>', fold)
    assert reasons == ["a single seed has no interval", "train.steps is 20, the claim is of 2000"]


def test_an_error_is_shown_openly_with_its_traceback(full):
    (shown,) = re.findall(r'<pre tabindex="0">(.*?)</pre>', full, flags=re.DOTALL)
    assert shown == TRACEBACK.replace('"', "&#34;")
    before = full[: full.index("<pre tabindex")]
    assert before.count("<details") == before.count("</details>")  # within no fold


def test_every_figure_is_there_whole_with_its_words_and_its_data(tmp_path):
    figures = [make_figure("first"), make_figure("second")]
    html = write(tmp_path, make_section(figures=figures))
    embedded = re.findall(r"base64,([\w+/=]+)", html)
    assert [base64.b64decode(data) for data in embedded] == [figure.svg for figure in figures]
    page = Page(html)
    assert [image["alt"] for image in page.all("img")] == [
        f"Loss of {name}. Loss of {name} against τ, means of 5 seeds."
        for name in ("first", "second")
    ]
    (data,) = re.findall(r'id="csv-first">(.*?)</script>', html, flags=re.DOTALL)
    lines = json.loads(data).splitlines()
    assert lines[0] == "panel,series,x,y,value"
    assert any(line.startswith("Curves,Adam,0.4,") for line in lines)


def test_all_claims_are_there_for_download(full):
    (data,) = re.findall(r'id="csv-claims-one_third">(.*?)</script>', full, flags=re.DOTALL)
    rows = list(csv.DictReader(io.StringIO(json.loads(data))))
    assert [row["id"] for row in rows] == [result.claim.id for result in RESULTS]
    first, open_range, failed = rows[0], rows[3], rows[-1]
    assert (first["kind"], first["measured"], first["low"]) == ("finding", "0.33", "0.31")
    assert (open_range["expected_low"], open_range["expected_high"]) == ("", "0.5")
    assert (failed["measured"], failed["detail"]) == ("", TRACEBACK)


def test_tables_fold_when_long_and_write_numbers_plainly(tmp_path):
    short = Table("short", ["window", "n", "x"], [["[4, 162]", np.int64(123456), None]])  # type: ignore[list-item]
    long = Table("long", ["x"], [[i / 3] for i in range(40)])
    html = write(tmp_path, make_section(tables=[short, long]))
    folded = re.findall(r'<details class="table">(.*?)</details>', html, flags=re.DOTALL)
    assert len(folded) == 1
    assert "long (40 rows)" in folded[0]
    assert 'data-value="0.333333333">0.3333</td>' in folded[0]
    assert '<td class="n">123456</td><td class="n" data-value="">–</td>' in html


def test_ragged_tables_are_refused():
    with pytest.raises(ValueError, match="'t': row 1 has 1 cells, the header has 2"):
        Table("t", ["a", "b"], [[1, 2], [1]])


def test_runs_show_versions_time_and_who_diverged(full):
    text = "".join(Page(full).text)
    for piece in (
        *("9f2c", "480", "8 × tpu", "1 h 2 min", "jax\xa00.10.2", "2 of 480", "12 s", "none"),
        "lr=1, seed=0 at step 41; lr=1, seed=1 at step 44",
    ):
        assert piece in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599.9, "1 h 0 min"), (math.nan, "–")],
)
def test_durations(tmp_path, seconds, text):
    html = write(tmp_path, runs=[Run("r", "9f2c", 1, 1, "1 × cpu", seconds, {})])
    assert f">{text}</td>" in html


def test_an_empty_section_says_that_nothing_was_measured(tmp_path):
    empty = {"answer": [], "highlights": [], "results": [], "limits": ""}
    page = Page(write(tmp_path, make_section(**empty)))
    text = "".join(page.text)
    assert "Nothing was measured that answers this." in text
    assert not page.all("table")
    assert not page.all("form")
    assert "no study" in "".join(Page(write(tmp_path)).text)


def test_a_section_of_which_nothing_was_measured_keeps_its_reasons(tmp_path):
    results = [unmeasured(id, "too short") for id in "abc"]
    overview = make_overview([*results, *results])
    section = make_section(answer=[], highlights=[], results=results, overviews=[overview])
    html = write(tmp_path, section)
    assert "Nothing was measured that answers this." in html
    assert "Not measured: 3 claims" in html
    assert lists(html) == {}


def test_everything_is_escaped(tmp_path):
    results = [
        make_result(HOSTILE, sentence=HOSTILE, source=HOSTILE, detail=HOSTILE, study=HOSTILE),
        unmeasured("b", HOSTILE, sentence=HOSTILE, study=HOSTILE),
        unmeasured("c", HOSTILE, sentence=HOSTILE, failed=True),
    ]
    figure = Figure("hostile", HOSTILE, HOSTILE, make_figure("plain").figure)
    figure.figure.axes[0].set_title(HOSTILE, loc="left")
    section = make_section(
        name=HOSTILE,
        question=HOSTILE,
        answer=[HOSTILE],
        highlights=results[:1],
        results=results,
        figures=[figure],
        tables=[Table(HOSTILE, [HOSTILE], [[HOSTILE]])],
        limits=HOSTILE,
    )
    run = Run(HOSTILE, HOSTILE, 1, 1, HOSTILE, 1.0, {HOSTILE: HOSTILE}, [(HOSTILE, 1)])
    html = write(tmp_path, section, runs=[run])
    page = Page(html)
    assert "<script>alert" not in html
    assert "".join(page.text).count(HOSTILE) >= 20
    links = [link["href"] for link in page.all("a")]
    assert not any("<" in link or '"' in link for link in links)


def test_the_same_study_gives_the_same_page(tmp_path):
    first, second = (write(tmp_path, make_section(figures=[make_figure("a")])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.claim.id)
def test_bar_keeps_the_order_of_the_numbers(result):
    drawn, estimate = bar(result), result.estimate
    pairs = [(result.claim.published, drawn.published)]
    pairs += list(zip(result.claim.expected, drawn.band, strict=True))
    if estimate is not None:
        pairs.append((estimate.value, drawn.measured))
        if drawn.interval:
            pairs += list(zip((estimate.low, estimate.high), drawn.interval, strict=True))
    pairs = sorted((n, x) for n, x in pairs if n is not None and not math.isnan(n))
    pixels = [x for _, x in pairs]
    assert pixels == sorted(pixels)
    assert 0 <= pixels[0] <= pixels[-1] <= PIXELS
    unbounded = result.verdict in (Verdict.NOT_MEASURED, Verdict.ERROR)
    assert (drawn.interval is None) == unbounded


def test_bar_of_a_single_point():
    point = bar(make_result(expected=(1, 1), low=1, high=1, value=1, published=1))
    assert point.measured == point.published == PIXELS / 2
