import math

import pytest
from matplotlib.colors import to_hex

from jaxlab.report.claims import Claim, Verdict
from jaxlab.report.figures import house_style
from jaxlab.report.forest import STYLES, forest


def claim(id, low, high, *, published=None, expected=(0.3, 0.4)):
    middle = (low + high) / 2
    return Claim(id, "sentence", "source", published, expected, middle, low, high, seeds=3)


NAN = math.nan
CLAIMS = {
    Verdict.HOLDS: claim("a", 0.32, 0.34, published=0.337),
    Verdict.FAILS: claim("b", 0.5, 0.6, expected=(-math.inf, 0.4)),
    Verdict.INCONCLUSIVE: claim("c", -5.0, 5.7),
    Verdict.NOT_MEASURED: claim("d", NAN, NAN),
}


@pytest.fixture(scope="module")
def axes():
    rows = [(f"row {claim.id}", claim) for claim in CLAIMS.values()]
    with house_style():
        figure = forest(
            {"first": rows[:2], "second": rows[2:]},
            reference=1 / 3,
            reference_label="1/3",
            quantity="exponent",
        )
    return figure.axes[0]


def test_rows_stand_in_order_under_their_headings(axes):
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == ["first", "row a", "row b", "second", "row c", "row d"]
    assert axes.yaxis_inverted()


@pytest.mark.parametrize(
    ("verdict", "place"), [(Verdict.HOLDS, 1), (Verdict.FAILS, 2), (Verdict.INCONCLUSIVE, 4)]
)
def test_an_estimate_stands_at_its_value_in_the_colour_of_its_verdict(axes, verdict, place):
    marker, colour = STYLES[verdict]
    (point,) = [
        line
        for line in axes.lines
        if line.get_marker() == marker and list(line.get_ydata()) == [place]
    ]
    assert point.get_xdata() == pytest.approx([CLAIMS[verdict].measured])
    assert to_hex(point.get_markerfacecolor()) == colour


def test_a_wild_interval_ends_in_arrows_and_leaves_the_axis_readable(axes):
    left, right = axes.get_xlim()
    assert 0.2 < left < 0.33
    assert 0.55 < right < 0.7
    arrows = {line.get_marker(): line for line in axes.lines if line.get_marker() in ("<", ">")}
    assert arrows["<"].get_xdata() == [left]
    assert arrows[">"].get_xdata() == [right]


def test_what_was_not_measured_says_so(axes):
    assert "not measured" in [text.get_text() for text in axes.texts]


def test_the_height_grows_with_the_rows():
    heights = []
    for count in (10, 40):
        rows = [("row", claim("a", 0.3, 0.4))] * count
        figure = forest({"law": rows}, reference=0.3, reference_label="", quantity="")
        heights.append(figure.get_figheight())
    assert heights[1] - heights[0] == pytest.approx(30 * 0.3)
