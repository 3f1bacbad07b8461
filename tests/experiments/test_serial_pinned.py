"""What the sentences of the serial-depth report speak of, against the configs of its studies."""

import runpy
from pathlib import Path

import pytest
from planted_serial import study

from experiments.serial.report import SENTENCES
from experiments.serial.studies import PARTS
from jaxlab import config as configs
from jaxlab.report.expected import AtLeast, unfit

REPOSITORY = Path(__file__).parents[2]
EXPECTED = {
    name: known
    for part in (*PARTS.studies, *PARTS.without_runs)
    for name, known in PARTS.part(part).EXPECTED.items()
}


@pytest.mark.parametrize("size", ["paper", "quick"])
@pytest.mark.parametrize("name", PARTS.studies)
def test_every_size_is_what_the_claims_of_its_study_speak_of(name, size):
    file = runpy.run_path(str(REPOSITORY / f"configs/serial/{name}.py"))
    config, members = file["get_config"](size), []
    file["sweep"](lambda **member: members.append(member), config)
    base = dict(configs.leaves(config))
    for key, value in PARTS.part(name).PINNED.items():
        found = {(base | member)[key] for member in members}
        assert found == {value} if not isinstance(value, AtLeast) else min(found) >= value.value, (
            key
        )


@pytest.mark.parametrize("name", PARTS.studies)
def test_no_claim_is_measured_of_a_tiny_size(name):
    config = runpy.run_path(str(REPOSITORY / f"configs/serial/{name}.py"))["get_config"]("tiny")
    tiny = study(config, [({}, {})], steps=0)
    tiny.config.seeds = 3
    assert unfit(tiny, {key: PARTS.part(name).PINNED[key] for key in ("train.steps", "seeds")})


def test_perfect_accuracy_has_room_for_its_interval():
    ranges = {name: known.range for name, known in EXPECTED.items()}
    assert not {name for name, (low, high) in ranges.items() if 0.9 <= low < 1 == high}


def test_the_answer_speaks_of_claims():
    assert {name for name, _ in SENTENCES} <= set(EXPECTED)
