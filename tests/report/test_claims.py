import dataclasses
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from jaxlab.report.claims import (
    KEYS,
    Claim,
    Verdict,
    claims_table,
    format_estimate,
    format_number,
    format_range,
    read_claims,
    write_claims,
)

numbers = st.floats(-1e6, 1e6)
expected_ranges = st.tuples(numbers | st.just(-math.inf), numbers | st.just(math.inf)).map(
    lambda ends: (min(ends), max(ends))
)


def make(expected=(0.3, 0.4), low=0.31, high=0.35, measured: Any = 0.33, **fields: Any) -> Claim:
    fields = {"id": "a", "claim": "loss ~ t^-1/3", "source": "paper, figure 1", **fields}
    fields = {"published": 0.337, "seeds": 5, **fields}
    return Claim(expected=expected, measured=measured, low=low, high=high, **fields)


@pytest.mark.parametrize(
    ("expected", "low", "high", "verdict"),
    [
        ((0.3, 0.4), 0.31, 0.35, Verdict.HOLDS),
        ((0.3, 0.4), 0.3, 0.4, Verdict.HOLDS),  # a range contains its own ends
        ((0.3, 0.4), 0.41, 0.5, Verdict.FAILS),
        ((0.3, 0.4), 0.1, 0.29, Verdict.FAILS),
        ((0.3, 0.4), 0.35, 0.41, Verdict.INCONCLUSIVE),
        ((0.3, 0.4), 0.1, 0.9, Verdict.INCONCLUSIVE),
        ((0.3, 0.4), 0.4, 0.5, Verdict.INCONCLUSIVE),  # touching is not outside
        ((0.8, math.inf), 0.81, 1e9, Verdict.HOLDS),
        ((0.8, math.inf), 0.1, 0.2, Verdict.FAILS),
        ((-math.inf, 0.15), 0.1, 0.2, Verdict.INCONCLUSIVE),
        ((0.3, 0.4), math.nan, math.nan, Verdict.NOT_MEASURED),
        ((0.3, 0.4), 0.31, math.inf, Verdict.NOT_MEASURED),
    ],
)
def test_verdict(expected, low, high, verdict):
    assert make(expected, low, high).verdict == verdict


def test_an_interval_without_an_estimate_is_not_measured():
    assert make(measured=math.nan).verdict == Verdict.NOT_MEASURED


@given(expected_ranges, numbers, numbers, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_verdict_says_where_the_points_of_the_interval_lie(expected, one, other, fractions):
    low, high = min(one, other), max(one, other)
    points = [low, high, *(min(low + f * (high - low), high) for f in fractions)]
    inside = [expected[0] <= point <= expected[1] for point in points]
    match make(expected, low, high).verdict:
        case Verdict.HOLDS:
            assert all(inside)
        case Verdict.FAILS:
            assert not any(inside)
        case verdict:
            assert verdict == Verdict.INCONCLUSIVE
            assert not (inside[0] and inside[1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "no id"),
        ({"expected": (0.4, 0.3)}, "expected must be"),
        ({"expected": (math.nan, 0.3)}, "expected must be"),
        ({"low": 0.5}, "reversed"),
        ({"seeds": -1}, "seeds"),
    ],
)
def test_bad_claims_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        make(**fields)


@settings(max_examples=40, deadline=None)  # files: as slow as the disk
@given(
    claims=st.lists(
        st.builds(
            Claim,
            id=st.text(min_size=1),
            claim=st.text(),
            source=st.text(),
            published=st.none() | numbers,
            expected=expected_ranges,
            measured=numbers | st.just(math.nan),
            low=st.floats(-9e6, -1e6) | st.just(math.nan),
            high=st.floats(1e6, 9e6) | st.just(math.nan),
            seeds=st.integers(0, 99),
            control=st.booleans(),
            detail=st.text(),
            provenance=st.dictionaries(st.text(), st.text() | numbers | st.lists(st.integers())),
        ),
        unique_by=lambda claim: claim.id,
        max_size=4,
    )
)
def test_claims_survive_the_file(tmp_path_factory, claims):
    path = tmp_path_factory.mktemp("claims") / "claims.json"
    write_claims(path, claims)
    # repr, because NaN differs from itself.
    assert repr(read_claims(path)) == repr(claims)
    records = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert [record["verdict"] for record in records] == [claim.verdict for claim in claims]


def test_file_has_the_agreed_keys_and_no_numpy(tmp_path):
    claim = make(
        (0.8, math.inf),
        measured=np.float32(0.5),
        seeds=np.int64(3),
        provenance={"window": (4.0, np.inf), "config_hash": "9f2c"},
    )
    write_claims(tmp_path / "claims.json", [claim])
    (record,) = json.loads((tmp_path / "claims.json").read_text())
    assert tuple(record) == KEYS
    assert record["expected"] == [0.8, None]
    assert record["measured"] == 0.5
    assert record["seeds"] == 3
    assert record["provenance"] == {"window": [4.0, None], "config_hash": "9f2c"}


def test_different_claims_never_replace_saved_ones(tmp_path):
    path = tmp_path / "claims.json"
    saved = [[make(measured=value)] for value in (0.32, 0.33, 0.34)]
    assert write_claims(path, saved[0]) is None
    assert write_claims(path, saved[0]) is None  # nothing new, nothing to keep
    assert write_claims(path, saved[1]) == tmp_path / "claims.1.json"
    assert write_claims(path, saved[2]) == tmp_path / "claims.2.json"
    names = ("claims.1.json", "claims.2.json", "claims.json")
    assert [read_claims(tmp_path / name) for name in names] == saved
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)


def test_repeated_ids_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"claims\.json: claim ids must be unique.*twice"):
        write_claims(tmp_path / "claims.json", [make(id="twice"), make(id="b"), make(id="twice")])
    assert not list(tmp_path.iterdir())


def edited(**changes):
    return json.dumps(
        [{**dataclasses.asdict(make()), "verdict": "holds", "expected": [0.3, 0.4], **changes}]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "not valid JSON"),
        ("{}", "not a list"),
        ("[1]", "claim 0: missing or unknown keys: 1"),
        ('[{"id": "a"}]', "claim 0: missing or unknown keys: claim, control"),
        (edited(colour="red"), "unknown keys: colour"),
        (edited(verdict="fails"), r"says 'fails', but its numbers say 'holds'"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
    path = tmp_path / "claims.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_claims(path)
    assert str(path) in str(caught.value)


def test_table_fits_a_terminal_and_takes_nothing_for_markup():
    claims = [
        make(id="long", claim="a long sentence " * 12 + "in [red]brackets[/red]"),
        make(id="bad", low=0.41123, high=0.41456, measured=0.413, control=True),
        make((-math.inf, math.inf), math.nan, math.nan, math.nan, published=None, seeds=1),
    ]
    screen = io.StringIO()
    Console(width=100, file=screen).print(claims_table(claims))
    text = screen.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    for piece in (
        *("[red]brackets[/red]", "[0.310, 0.350]", "[0.4112, 0.4146]", "0.3 to 0.4", "any"),
        *("published 0.337", "published –", "5 seeds", "1 seed ", "control · paper"),
        *("holds", "fails", "not measured"),
    ):
        assert piece in text


def test_numbers_are_written_to_the_width_of_their_interval():
    assert format_estimate(0.33741, 0.3312, 0.3441) == "0.337 [0.331, 0.344]"
    assert format_estimate(-2.265, -2.285, -2.245) == "−2.265 [−2.285, −2.245]"
    assert format_estimate(1234.5, 1100.0, 1300.0) == "1234 [1100, 1300]"
    assert format_estimate(1e-7, 0.9e-7, 1.1e-7) == "1e−07 [9e−08, 1.1e−07]"
    assert format_estimate(0.5, 0.5, 0.5) == "0.5 [0.5, 0.5]"
    assert format_estimate(0.5, math.nan, math.nan) == "0.5"
    assert format_number(math.nan) == "–"
    assert format_range((-math.inf, 0.15)) == "≤ 0.15"
    assert format_range((0.8, math.inf)) == "≥ 0.8"
