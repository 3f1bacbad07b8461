import base64
import math
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, house_style, panels
from jaxlab.report.page import BAR_PIXELS, Run, Table, _bar, _duration, write_report

HOSTILE = "<script>alert('x')</script> & \"quotes\""


def make_claim(id="a", **fields) -> Claim:
    fields = {"claim": f"sentence of {id}", "source": "paper, figure 1", **fields}
    fields = {"published": 0.337, "expected": (0.3, 0.4), "seeds": 5, **fields}
    return Claim(id=id, **{"measured": 0.33, "low": 0.31, "high": 0.35, **fields})


CLAIMS = [
    make_claim("inside", provenance={"window": (4, 162), "config_hash": "9f2c"}),
    make_claim("outside", low=0.41, high=0.45, measured=0.43, control=True),
    make_claim("across", low=0.35, high=0.45, published=None),
    make_claim("diverged", low=math.nan, high=math.nan, measured=math.nan, detail="at step 41"),
    make_claim("open", expected=(-math.inf, math.inf)),
]


def make_figure(name: str) -> Figure:
    with house_style():
        figure, (ax,) = panels()
        plots.loglog_curves(ax, [1, 10], [[1.0, 0.5]], labels=[name])
    return Figure(name, f"title of {name}", f"caption of {name}", figure)


@pytest.fixture(scope="module")
def figures():
    return [make_figure("first"), make_figure("second")]


def write(path, **parts) -> str:
    parts = {"title": "title", "summary": "answer", "claims": CLAIMS, **parts}
    parts = {"overviews": [], "figures": [], "tables": [], "runs": [], **parts}
    return write_report(path / "report.html", **parts).read_text()


class Page(HTMLParser):
    """Collects tags, attributes and text, and insists that every element is closed."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_page_needs_nothing_but_itself(tmp_path, figures):
    page = Page(write(tmp_path, figures=figures))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    addresses = [value for name, value in page.attributes if name in ("src", "href", "srcset")]
    assert len(addresses) == len(figures)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert not re.search(r"url\(|@import", "".join(page.text))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_answer_comes_before_claims_figures_tables_and_runs(tmp_path, figures):
    html = write(
        tmp_path,
        summary="the answer",
        figures=figures,
        tables=[Table("the table", ["x"], [[1]])],
        runs=[Run("the run", "9f2c", 10, 5, "1 × cpu", 75.0, {"jax": "0.10.2"})],
    )
    places = [
        *(html.index("the answer"), html.index("sentence of inside"), html.index("figure-first")),
        *(html.index("the table"), html.index("the run")),
    ]
    assert places == sorted(places)


def test_overviews_stand_between_the_answer_and_the_claims(tmp_path, figures):
    html = write(tmp_path, summary="the answer", overviews=figures[:1], figures=figures[1:])
    places = [
        html.index("the answer"),
        html.index("figure-first"),
        html.index("sentence of inside"),
    ]
    assert [*places, html.index("figure-second")] == sorted([*places, html.index("figure-second")])


def test_claims_stand_under_the_name_of_their_study(tmp_path):
    of = {"a": "two_words", "b": "two_words", "c": "other"}
    claims = [make_claim(id, provenance={"study": study}) for id, study in of.items()]
    rows = re.findall(r'<th colspan="5">(.*?)</th>|<tr id="(.*?)"', write(tmp_path, claims=claims))
    assert [heading or id for heading, id in rows] == [
        *("two words", "claim-a", "claim-b", "other", "claim-c")
    ]


def test_every_claim_is_there_with_verdict_and_interval(tmp_path):
    html = write(tmp_path)
    text = "".join(Page(html).text)
    rows = re.findall(r'<tr id="claim-(.*?)">(.*?)</tr>', html, flags=re.DOTALL)
    assert [id for id, _ in rows] == [claim.id for claim in CLAIMS]
    for (_, row), claim in zip(rows, CLAIMS, strict=True):
        assert f"{claim.verdict}</span>" in row
        assert claim.claim in row
        assert ('class="tag">control' in row) == claim.control
    for piece in ("0.330 [0.310, 0.350]", "0.430 [0.410, 0.450]", "any", "at step 41", "9f2c"):
        assert piece in text
    for tally in ("holds: 2", "fails: 1", "inconclusive: 1", "not measured: 1"):
        assert tally in text


def test_every_figure_is_there_whole(tmp_path, figures):
    html = write(tmp_path, figures=figures)
    embedded = re.findall(r"base64,([\w+/=]+)", html)
    assert [base64.b64decode(data) for data in embedded] == [figure.svg for figure in figures]
    for figure in figures:
        assert figure.title in html
        assert figure.caption in html


def test_tables_fold_when_long_and_write_numbers_plainly(tmp_path):
    short = Table("short", ["window", "n", "x"], [["[4, 162]", np.int64(123456), None]])  # type: ignore[arg-type]
    long = Table("long", ["x"], [[i / 3] for i in range(40)])
    html = write(tmp_path, tables=[short, long])
    folded = re.findall(r'<details class="table">(.*?)</details>', html, flags=re.DOTALL)
    assert len(folded) == 1
    assert "long (40 rows)" in folded[0]
    assert "0.3333</td>" in folded[0]
    assert '<td>[4, 162]</td><td class="n">123456</td><td class="n">–</td>' in html


def test_ragged_tables_are_refused():
    with pytest.raises(ValueError, match="'t': row 1 has 1 cells, the header has 2"):
        Table("t", ["a", "b"], [[1, 2], [1]])


def test_runs_show_versions_time_and_who_diverged(tmp_path):
    versions = {"python": "3.11.7", "jax": "0.10.2"}
    lost = [("lr=1, seed=0", 41), ("lr=1, seed=1", 44)]
    runs = [
        Run("adam/group-0", "9f2c", 480, 5, "8 × tpu", 3725.0, versions, lost),
        Run("sgd/group-0", "77aa", 5, 5, "1 × cpu", 12.2, versions),
    ]
    text = "".join(Page(write(tmp_path, runs=runs)).text)
    for piece in (
        *("9f2c", "480", "8 × tpu", "1 h 2 min", "jax\xa00.10.2", "2 of 480", "12 s", "none"),
        "lr=1, seed=0 at step 41; lr=1, seed=1 at step 44",
    ):
        assert piece in text


def test_everything_is_escaped(tmp_path):
    claim = make_claim("x", claim=HOSTILE, source=HOSTILE, detail=HOSTILE)
    figure = make_figure("plain")
    html = write(
        tmp_path,
        title=HOSTILE,
        summary=HOSTILE,
        claims=[claim, make_claim(HOSTILE, provenance={HOSTILE: HOSTILE})],
        figures=[Figure("hostile", HOSTILE, HOSTILE, figure.figure)],
        tables=[Table(HOSTILE, [HOSTILE], [[HOSTILE]])],
        runs=[Run(HOSTILE, HOSTILE, 1, 1, HOSTILE, 1.0, {HOSTILE: HOSTILE}, [(HOSTILE, 1)])],
    )
    page = Page(html)
    assert "script" not in page.tags
    assert "".join(page.text).count(HOSTILE) >= 15


def test_the_same_study_gives_the_same_page(tmp_path):
    first, second = (write(tmp_path, figures=[make_figure("a")]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_bar_keeps_the_order_of_the_numbers(claim):
    bar = _bar(claim)
    pairs: list[Any] = [(claim.measured, bar.measured), (claim.published, bar.published)]
    pairs += list(zip(claim.expected, bar.band, strict=True))
    if bar.interval:
        pairs += list(zip((claim.low, claim.high), bar.interval, strict=True))
    pairs = sorted((n, x) for n, x in pairs if n is not None and not math.isnan(n))
    pixels = [x for _, x in pairs]
    assert pixels == sorted(pixels)
    assert 0 <= pixels[0] <= pixels[-1] <= BAR_PIXELS
    assert (bar.interval is None) == (claim.verdict == "not measured")


def test_bar_of_a_single_point_and_of_nothing():
    point = _bar(make_claim(expected=(1, 1), low=1, high=1, measured=1, published=1))
    assert point.measured == point.published == BAR_PIXELS / 2
    nothing = {"low": math.nan, "high": math.nan, "measured": math.nan, "published": None}
    assert _bar(make_claim(expected=(-math.inf, math.inf), **nothing)).band == (0, BAR_PIXELS)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599.9, "1 h 0 min")]
)
def test_durations(seconds, text):
    assert _duration(seconds) == text
