"""The check of devices: its reference is complete, and a wrong number is found."""

import copy
import json

import pytest

from jaxlab.benchmark import device_check
from jaxlab.sweeps import plan


def test_a_device_is_right_only_near_the_numbers_of_the_cpu():
    reference = json.loads(device_check.REFERENCE.read_text())
    assert reference["kinds"].keys() == device_check.KINDS.keys()
    assert all(len(own["losses"]) == 4 * own["members"] for own in reference["kinds"].values())
    text, right = device_check.compare(reference, reference)
    assert right
    assert all(name in text for name in device_check.KINDS)
    wrong = copy.deepcopy(reference)
    wrong["kinds"]["decoder"]["losses"][0] *= 1.01
    text, right = device_check.compare(wrong, reference)
    assert not right
    assert "DIFFERS" in next(line for line in text.splitlines() if line.startswith("decoder "))


@pytest.mark.parametrize("name", device_check.KINDS)
def test_every_kind_is_a_group_of_a_study(name):
    kind = device_check.KINDS[name]
    file = device_check.REFERENCE.parents[1] / "configs" / kind.config
    assert kind.group < len(plan.load(str(file), dict(kind.overrides)).groups)
