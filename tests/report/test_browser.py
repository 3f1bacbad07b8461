"""The page in a browser: offline, sorted, filtered, downloaded, accessible, on every screen.

Needs Chromium (`apt-get install chromium`); without it these tests are skipped.
"""

import csv
import io
import json
from importlib import resources

import browser
import pytest
from planted_page import RESULTS, full_sections, runs

from jaxlab.report.page import write_report

pytestmark = pytest.mark.skipif(
    browser.EXECUTABLE is None, reason="there is no chromium or chromium-browser on PATH"
)
SCREENS = [(width, dark) for width in (1280, 390) for dark in (False, True)]
SUPPORTED = ["inside", "open", "flat", "count"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(path, sections=full_sections(), runs=runs())


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    started = browser.Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()


@pytest.fixture
def shown(chromium, page):
    """The page on a wide screen; whatever a test does there must not raise an error."""
    chromium.requests.clear()
    chromium.problems.clear()
    chromium.open(page)
    yield chromium
    assert chromium.problems == []
    assert {url for url in chromium.requests if not url.startswith(("data:", "blob:"))} == {
        page.resolve().as_uri()
    }


def ids(shown, rows: str) -> list[str]:
    """Returns the claims that are seen among these rows, from top to bottom."""
    script = f"all({rows!r}).filter(row => row.checkVisibility()).map(row => row.id)"
    return [id.removeprefix("claim-") for id in shown.run(script)]


FINDINGS = "#section-one_third table.claims:first-of-type tr.claim"


def first_list(shown) -> list[str]:
    script = "all('tr.claim', all('#section-one_third table.claims')[0]).map(row => row.id)"
    return [id.removeprefix("claim-") for id in shown.run(script)]


def click(shown, selector: str, nth: int = 0) -> None:
    shown.run(f"all({selector!r})[{nth}].click()")


def test_a_click_on_a_column_sorts_and_a_third_restores(shown):
    order = ["inside", "outside", "across", "open"]
    assert first_list(shown) == order
    head = "#section-one_third table.claims thead button"
    click(shown, head, 2)
    assert first_list(shown) == ["inside", "open", "across", "outside"]
    assert shown.run(f"all({head!r})[2].parentElement.ariaSort") == "ascending"
    click(shown, head, 2)
    assert first_list(shown) == ["outside", "across", "inside", "open"]
    click(shown, head, 2)
    assert first_list(shown) == order
    click(shown, head, 3)  # a claim without a published value is last both ways
    assert first_list(shown)[-1] == "across"
    click(shown, head, 3)
    assert first_list(shown)[-1] == "across"


def test_any_table_sorts_by_its_numbers(shown):
    shown.run("all('details').forEach(item => item.open = true)")
    click(shown, "#table-one_third-1 thead button", 3)
    click(shown, "#table-one_third-1 thead button", 3)
    first = shown.run("all('#table-one_third-1 tbody tr')[0].cells[0].textContent")
    last = shown.run("all('#table-one_third-1 tbody tr').at(-1).cells[3].textContent")
    assert (first, last) == ("rate=4.143", "–")


def type_in(shown, name: str, value: str) -> None:
    shown.run(
        f"{{ const form = all('form.filter')[0]; form.elements.{name}.value = {json.dumps(value)};"
        f"form.elements.{name}.dispatchEvent(new Event('input', {{bubbles: true}})); }}"
    )


def test_filters_go_by_words_and_by_verdict(shown):
    claims = "#section-one_third .claim"
    assert shown.run("all('form.filter output')[0].textContent") == "10 claims"
    type_in(shown, "verdict", "supported")
    assert ids(shown, claims) == SUPPORTED
    assert shown.run("all('form.filter output')[0].textContent") == "4 of 10 claims"
    type_in(shown, "text", "ADAM falls")
    assert ids(shown, claims) == ["inside"]
    type_in(shown, "verdict", "")
    assert ids(shown, claims) == ["inside", "outside"]
    heads = "all('#section-one_third tr.study').filter(row => row.checkVisibility()).length"
    assert shown.run(heads) == 1
    type_in(shown, "text", "")
    type_in(shown, "verdict", "not measured")
    assert ids(shown, claims) == ["single", "short", "shorter"]  # their fold is open
    type_in(shown, "verdict", "error")
    assert ids(shown, claims) == ["bug"]
    type_in(shown, "verdict", "")
    assert len(ids(shown, claims)) == 7  # those that are not measured are folded again
    assert len(ids(shown, "#section-parscale .claim")) == 4  # the other section is its own


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_claims_figures_and_tables_download_with_all_their_digits(shown):
    click(shown, "button[data-csv=csv-claims-one_third]")
    claims = rows_of(shown.downloaded("one_third_claims.csv"))
    assert [claim["id"] for claim in claims] == [result.claim.id for result in RESULTS]
    click(shown, "button[data-csv=csv-headline]")
    points = rows_of(shown.downloaded("headline.csv"))
    assert {"Adam", "AdamW"} < {point["series"] for point in points}
    click(shown, "button[data-csv=table-one_third-1]")
    table = rows_of(shown.downloaded("one_third-1.csv"))
    assert table[1] == {
        "cell": "rate=0.143",
        "seeds": "1",
        "rate": "0.142857143",
        "exponent": "0.333333333",
    }
    assert table[3]["exponent"] == ""
    click(shown, "button[data-csv=table-of-runs]")
    (first, _) = rows_of(shown.downloaded("runs.csv"))
    assert first["Diverged"] == "lr=1, seed=0 at step 41; lr=1, seed=1 at step 44"


def test_a_link_to_a_claim_leads_to_it_though_it_is_folded(chromium, page):
    chromium.open(page)
    chromium.run("location.hash = '#claim-short'")
    chromium.wait("document.getElementById('claim-short').checkVisibility()")


def test_the_first_screen_has_question_answer_findings_and_totals(shown):
    bottom = "document.querySelector('.totals').getBoundingClientRect().bottom"
    assert shown.run(bottom) < 700
    chart = "document.querySelector('#figure-overview').getBoundingClientRect().top"
    assert shown.run(chart) < 750


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_nothing_runs_over_the_edge_of_the_screen(chromium, page, width, dark):
    chromium.open(page, width=width, dark=dark)
    chromium.run("all('details').forEach(item => item.open = true)")
    assert chromium.run("document.documentElement.scrollWidth") == width
    beyond = "all('.highlights *, .answer, h2, img, .chip').filter(item => "
    beyond += f"item.getBoundingClientRect().right > {width}).map(item => item.outerHTML)"
    assert chromium.run(beyond) == []
    black_on_white = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert (black_on_white == "rgb(255, 255, 255)") == (not dark)


def test_a_figure_can_be_read_on_a_narrow_screen(chromium, page):
    chromium.open(page, width=390)
    size = "document.querySelector('#figure-headline img').getBoundingClientRect().width"
    assert chromium.run(size) < 390
    click(chromium, "#figure-headline button[data-full]")
    assert chromium.run(size) == 960
    assert chromium.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_the_page_is_accessible(chromium, page, width, dark):
    axe = resources.files("axe_core_python") / "axe.min.js"
    chromium.open(page, width=width, dark=dark)
    chromium.run("all('details').forEach(item => item.open = true)")
    chromium.run(axe.read_text(encoding="utf-8") + "; true")
    found = chromium.run("axe.run().then(result => result.violations)")
    serious = [
        f"{rule['id']}: {rule['help']}: {node['html'][:120]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert [rule["id"] for rule in found] == []
