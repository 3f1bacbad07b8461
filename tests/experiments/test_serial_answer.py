"""What the report of serial depth says of all studies, and which sizes its claims are of."""

import dataclasses

import pytest
from planted_serial import CONFIGS, file, study

from experiments.serial.report import HYPOTHESIS
from jaxlab.analysis.estimate import Estimate
from jaxlab.report.claims import Result
from jaxlab.report.measure import measure_claims

NAMES = sorted(path.stem for path in CONFIGS.glob("[!_]*.py"))
CLAIMS = {claim.id: claim for name in NAMES for claim in file(name).claims}
VALUES = {
    "sudoku_depth": 83.4,
    "sudoku_over": 82.1,
    "sudoku_width": -0.04,
    "sudoku_votes": 1.3,
    "sudoku_streams": 0.3,
    "light_cone_slope": 1.0,
    "light_cone_90_ceiling": 0.001,
    "window_growth_110": 1.72,
    "scratchpad_rows": 0.9996,
    "diffusion_center_steps": 0.004,
}


def measured(values):
    return {
        name: Result(CLAIMS[name], "planted", Estimate(value, value, value, 3))
        for name, value in values.items()
    }


def test_the_answer_is_in_plain_sentences_of_measured_numbers():
    layers, neighbours, written = HYPOTHESIS.answer(measured(VALUES))
    assert layers == (
        "Yes, where each layer sees the whole task: eight layers solve 83.4 percentage points more "
        "hard Sudoku puzzles than one layer; the same compute adds 0.0 as width, 1.3 as votes and "
        "0.3 as parallel streams."
    )
    assert "needs 1.00 layers for each step" in neighbours
    assert "an easy rule needs them too" in neighbours
    assert "a factor of 1.72 for each step (supported)" in neighbours
    assert "100 % of rows" in written
    assert "at most 0.4 percentage points" in written


@pytest.mark.parametrize(
    ("interval", "begin"), [((-1, 1), "No, not even"), ((5, 15), "Undecided where")]
)
def test_the_answer_follows_the_verdict(interval, begin):
    lead = Result(CLAIMS["sudoku_over"], "planted", Estimate(sum(interval) / 2, *interval, 3))
    layers, *_ = HYPOTHESIS.answer(measured(VALUES) | {"sudoku_over": lead})
    assert layers.startswith(begin)


def test_what_was_not_measured_is_not_said():
    assert HYPOTHESIS.answer({}) == []
    (only,) = HYPOTHESIS.answer(measured({"light_cone_slope": 1.0}))
    assert "hidden layer" not in only
    assert "easy rule" not in only


def test_the_report_speaks_of_claims_that_exist():
    assert set(HYPOTHESIS.highlights) <= set(CLAIMS)
    assert len(HYPOTHESIS.highlights) <= 5
    headings = {claim.heading for claim in CLAIMS.values() if claim.heading}
    assert headings == set(HYPOTHESIS.headings)
    assert set(VALUES) <= set(CLAIMS)


def test_perfect_accuracy_has_room_for_its_interval():
    ends = {name: claim.expected for name, claim in CLAIMS.items()}
    assert not {name for name, (low, high) in ends.items() if 0.9 <= low < 1 == high}


@pytest.mark.parametrize("name", NAMES)
def test_claims_are_of_the_large_size_too_but_for_those_of_3000_steps(name):
    known = file(name)
    any_value = [
        dataclasses.replace(claim, measure=lambda _: Estimate(0.0, 0.0, 0.0, 3))
        for claim in known.claims
    ]
    large = study(known.get_config("large"), [({}, {})], steps=0)
    found = measure_claims(large, dataclasses.replace(known, claims=tuple(any_value)))
    of_default = {result.claim.id for result in found if not result.is_measured}
    replaced = {"discs_width", "discs_over_width", "discs_grows", "discs_met"}
    assert of_default == (replaced if name == "discs" else set())


@pytest.mark.parametrize("name", NAMES)
def test_no_claim_is_measured_of_a_tiny_size(name):
    known = file(name)
    claims = tuple(claim for claim in known.claims if claim.needs_runs)
    tiny = study(known.get_config("tiny"), [({}, {})], steps=0)
    for result in measure_claims(tiny, dataclasses.replace(known, claims=claims)):
        assert result.estimate is None
        assert not result.failed, result.reason
