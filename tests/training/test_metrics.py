import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from jaxlab.training import metrics


def config(steps, every_steps, per_decade):
    return ConfigDict(
        {
            "train": {"steps": steps},
            "records": {"every_steps": every_steps, "per_decade": per_decade},
        }
    )


@given(steps=st.integers(1, 5000), every=st.integers(1, 6000), per_decade=st.integers(0, 40))
def test_records_rise_from_the_start_to_the_end_and_are_close_enough(steps, every, per_decade):
    found = metrics.record_steps(config(steps, every, per_decade))
    assert found[0] == 0
    assert found[-1] == steps
    gaps = np.diff(found)
    assert (gaps >= 1).all()
    assert gaps.max() <= every
    if per_decade:
        allowed = np.maximum(1, found[:-1] * (10 ** (1 / per_decade) - 1) + 1)
        assert (gaps <= allowed).all()


def test_regular_and_log_spaced_records():
    assert metrics.record_steps(config(10, 4, 0)).tolist() == [0, 4, 8, 10]
    assert metrics.record_steps(config(100, 1000, 1)).tolist() == [0, 1, 10, 100]
    assert metrics.record_steps(config(50, 20, 1)).tolist() == [0, 1, 10, 30, 50]


def test_records_are_valid_json_with_null_for_what_is_not_finite(tmp_path):
    path = tmp_path / "metrics.jsonl"
    values = np.float32([1 / 3, np.nan, np.inf])
    metrics.append(path, {"step": 3, "loss": values})
    record = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert record["loss"][1:] == [None, None]
    assert np.float32(record["loss"][0]) == values[0]


@pytest.mark.parametrize("tail", ["", '{"step": 9, "lo', '{"step": 9}'])
def test_truncate_keeps_what_a_checkpoint_vouches_for(tmp_path, tail):
    path = tmp_path / "metrics.jsonl"
    for step in (0, 2, 4, 6):
        metrics.append(path, {"step": step})
    kept = path.read_text().splitlines(keepends=True)[:3]
    with path.open("a") as file:
        file.write(tail)
    metrics.truncate(path, 4)
    assert path.read_text() == "".join(kept)
