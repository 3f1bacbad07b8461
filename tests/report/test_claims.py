import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_page import make_claim, make_result, unmeasured

from jaxlab.report.claims import (
    Kind,
    Result,
    Verdict,
    format_estimate,
    format_number,
    format_range,
)
from jaxlab.report.claims_file import row, write_claims

numbers = st.floats(-1e6, 1e6)
expected_ranges = st.tuples(numbers | st.just(-math.inf), numbers | st.just(math.inf)).map(
    lambda ends: (min(ends), max(ends))
)


def make(expected=(0.3, 0.4), low=0.31, high=0.35, value=0.33, **fields) -> Result:
    return make_result(expected=expected, low=low, high=high, value=value, **fields)


@pytest.mark.parametrize(
    ("expected", "low", "high", "verdict"),
    [
        ((0.3, 0.4), 0.31, 0.35, Verdict.SUPPORTED),
        ((0.3, 0.4), 0.3, 0.4, Verdict.SUPPORTED),  # a range contains its own ends
        ((0.3, 0.4), 0.41, 0.5, Verdict.NOT_SUPPORTED),
        ((0.3, 0.4), 0.1, 0.29, Verdict.NOT_SUPPORTED),
        ((0.3, 0.4), 0.35, 0.41, Verdict.UNDECIDED),
        ((0.3, 0.4), 0.1, 0.9, Verdict.UNDECIDED),
        ((0.3, 0.4), 0.4, 0.5, Verdict.UNDECIDED),  # touching is not outside
        ((0.8, math.inf), 0.81, 1e9, Verdict.SUPPORTED),
        ((0.8, math.inf), 0.1, 0.2, Verdict.NOT_SUPPORTED),
        ((-math.inf, 0.15), 0.1, 0.2, Verdict.UNDECIDED),
        ((0.3, 0.4), math.nan, math.nan, Verdict.NOT_MEASURED),
        ((0.3, 0.4), 0.31, math.inf, Verdict.NOT_MEASURED),
    ],
)
def test_verdict(expected, low, high, verdict):
    assert make(expected, low, high).verdict == verdict


def test_what_has_no_numbers_is_not_measured_and_what_failed_is_an_error():
    assert make(value=math.nan).verdict == Verdict.NOT_MEASURED
    assert unmeasured("a", "too short").verdict == Verdict.NOT_MEASURED
    assert unmeasured("a", "Traceback", failed=True).verdict == Verdict.ERROR
    measured = [make(), make(high=0.5), unmeasured("a", "short"), unmeasured("a", "", failed=True)]
    assert [result.is_measured for result in measured] == [True, True, False, False]
    assert unmeasured("a", "short").number == "–"


@given(expected_ranges, numbers, numbers, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_verdict_says_where_the_points_of_the_interval_lie(expected, one, other, fractions):
    low, high = min(one, other), max(one, other)
    points = [low, high, *(min(low + f * (high - low), high) for f in fractions)]
    inside = [expected[0] <= point <= expected[1] for point in points]
    match make(expected, low, high).verdict:
        case Verdict.SUPPORTED:
            assert all(inside)
        case Verdict.NOT_SUPPORTED:
            assert not any(inside)
        case verdict:
            assert verdict == Verdict.UNDECIDED
            assert not (inside[0] and inside[1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "no id"),
        ({"expected": (0.4, 0.3)}, "expected must be"),
        ({"expected": (math.nan, 0.3)}, "expected must be"),
    ],
)
def test_bad_claims_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        make_claim(**fields)


def test_a_row_of_the_file_has_the_agreed_keys():
    agreed = {"id", "study", "claim", "kind", "source", "published", "expected", "measured", "low"}
    agreed |= {"high", "seeds", "covers", "verdict", "detail", "provenance"}
    control = make(kind=Kind.CONTROL, detail="a remark")
    assert set(row(control)) == set(row(unmeasured("a", "short"))) == agreed
    assert row(control)["kind"] == "control"
    assert row(control)["detail"] == "a remark"
    assert row(unmeasured("a", "short"))["detail"] == "short"


def test_the_file_holds_numbers_that_any_json_reader_takes(tmp_path):
    results = [
        make_result("numbers", expected=(0.8, math.inf), value=np.float32(0.5), seeds=np.int64(3)),
        make_result("nan", low=math.nan, high=math.nan),
        unmeasured("absent", "short"),
    ]
    write_claims(tmp_path / "claims.json", results)
    text = (tmp_path / "claims.json").read_text()
    numbers, nan, absent = json.loads(text, parse_constant=pytest.fail)
    assert numbers["expected"] == [0.8, None]
    assert (numbers["measured"], numbers["seeds"]) == (0.5, 3)
    assert (nan["low"], nan["high"], nan["verdict"]) == (None, None, "not measured")
    assert (absent["measured"], absent["seeds"]) == (None, 0)


def test_different_claims_never_replace_saved_ones(tmp_path):
    path = tmp_path / "claims.json"
    saved = [[make(value=value)] for value in (0.32, 0.33, 0.34)]
    assert write_claims(path, saved[0]) is None
    assert write_claims(path, saved[0]) is None  # nothing new, nothing to keep
    assert write_claims(path, saved[1]) == tmp_path / "claims.1.json"
    assert write_claims(path, saved[2]) == tmp_path / "claims.2.json"
    names = ("claims.1.json", "claims.2.json", "claims.json")
    kept = [json.loads((tmp_path / name).read_text())[0]["measured"] for name in names]
    assert kept == [0.32, 0.33, 0.34]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_repeated_ids_are_refused_before_anything_is_written(tmp_path):
    results = [make(id="twice"), make(id="b"), make(id="twice")]
    with pytest.raises(ValueError, match=r"claims\.json: claim ids must be unique.*twice"):
        write_claims(tmp_path / "claims.json", results)
    assert not list(tmp_path.iterdir())


def test_numbers_are_written_to_the_width_of_their_interval():
    assert format_estimate(0.33741, 0.3312, 0.3441) == "0.337 [0.331, 0.344]"
    assert format_estimate(-2.265, -2.285, -2.245) == "−2.265 [−2.285, −2.245]"
    assert format_estimate(1234.5, 1100.0, 1300.0) == "1234 [1100, 1300]"
    assert format_estimate(1e-7, 0.9e-7, 1.1e-7) == "1e−07 [9e−08, 1.1e−07]"
    assert format_estimate(0.5, 0.5, 0.5) == "0.5"
    assert format_estimate(0.5, math.nan, math.nan) == "0.5"
    assert format_number(math.nan) == "–"
    assert format_range((-math.inf, 0.15)) == "≤ 0.15"
    assert format_range((0.8, math.inf)) == "≥ 0.8"
