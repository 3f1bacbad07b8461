"""A short run of the fuzzer: no traceback, no wrong number."""

import importlib.util
from pathlib import Path


def test_damage_stops_and_broken_files_give_the_right_numbers_or_a_clear_error():
    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).with_name("fuzz.py"))
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    tries = {"damage": 8, "stops": 2, "configs": 30, "tables": 30}
    for name, found in fuzz.fuzz(tries, seed=1):
        assert found["traceback"] == found["silently wrong"] == 0, name
        assert sum(found.values()) == tries[name]
        assert found["the right numbers"] > 0
