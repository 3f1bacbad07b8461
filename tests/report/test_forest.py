import math

import pytest
from matplotlib.colors import to_hex
from planted_page import make_result, unmeasured

from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style
from jaxlab.report.forest import STYLES, forest

OPEN = (-math.inf, 0.4)
RESULTS = {
    Verdict.SUPPORTED: make_result("a", value=0.33, low=0.32, high=0.34),
    Verdict.NOT_SUPPORTED: make_result("b", value=0.55, low=0.5, high=0.6, expected=OPEN),
    Verdict.UNDECIDED: make_result("c", value=0.35, low=-5.0, high=5.7, published=None),
    Verdict.NOT_MEASURED: unmeasured("d", "too short"),
    Verdict.ERROR: unmeasured("e", "ValueError", failed=True),
}


def drawn(groups):
    with house_style():
        return forest(groups, reference=1 / 3, reference_label="1/3", quantity="exponent")


@pytest.fixture(scope="module")
def axes():
    rows = [(f"row {result.claim.id}", result) for result in RESULTS.values()]
    return drawn({"first": rows[:2], "second": rows[2:4], "third": rows[4:]}).axes[0]


def test_rows_stand_in_order_under_their_headings_where_they_were_measured(axes):
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == ["first", "row a", "row b", "second", "row c"]
    assert axes.yaxis_inverted()


@pytest.mark.parametrize(
    ("verdict", "place"),
    [(Verdict.SUPPORTED, 1), (Verdict.NOT_SUPPORTED, 2), (Verdict.UNDECIDED, 4)],
)
def test_an_estimate_stands_at_its_value_in_the_colour_of_its_verdict(axes, verdict, place):
    marker, colour = STYLES[verdict]
    (point,) = [
        line
        for line in axes.lines
        if line.get_marker() == marker and list(line.get_ydata()) == [place]
    ]
    estimate = RESULTS[verdict].estimate
    assert estimate is not None
    assert point.get_xdata() == pytest.approx([estimate.value])
    assert to_hex(point.get_markerfacecolor()) == colour


def test_a_wild_interval_ends_in_arrows_and_leaves_the_axis_readable(axes):
    left, right = axes.get_xlim()
    assert 0.2 < left < 0.33
    assert 0.55 < right < 0.7
    arrows = {line.get_marker(): line for line in axes.lines if line.get_marker() in ("<", ">")}
    assert arrows["<"].get_xdata() == [left]
    assert arrows[">"].get_xdata() == [right]


def test_the_legend_names_the_verdicts_that_occur():
    (legend,) = drawn({"law": [("a", RESULTS[Verdict.SUPPORTED])]}).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["supported", "expected", "published", "1/3"]


def test_nothing_measured_says_so():
    figure = drawn({"law": [("d", RESULTS[Verdict.NOT_MEASURED])]})
    assert [text.get_text() for text in figure.axes[0].texts] == ["nothing was measured"]


def test_the_height_grows_with_the_rows():
    heights = []
    for count in (10, 40):
        figure = drawn({"law": [("row", RESULTS[Verdict.SUPPORTED])] * count})
        heights.append(figure.get_figheight())
    assert heights[1] - heights[0] == pytest.approx(30 * 0.3)
