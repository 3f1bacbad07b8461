"""Arrays go out and come back bit for bit."""

import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError
from jaxlab.checkpoints.differences import compare
from jaxlab.checkpoints.export import export, import_arrays, read_exported


@pytest.fixture
def saved(tmp_path):
    rng = np.random.default_rng(0)
    tree = {
        "a": {
            "w": rng.normal(size=(2, 5, 3)).astype(np.float32),
            "n": np.arange(2, dtype=np.int32),
        },
        "half": rng.normal(size=(2, 4)).astype(ml_dtypes.bfloat16),
    }
    tree["a"]["w"][0, 0, 0] = np.nan
    with ocp.StandardCheckpointer() as saver:
        saver.save(tmp_path / "saved", tree)
    return checkpoints.open(tmp_path / "saved")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("member", [None, 1])
def test_a_round_trip_changes_no_bit(saved, suffix, member, tmp_path):
    given = saved if member is None else saved.member(member)
    path = tmp_path / f"out{suffix}"
    assert export(given, path) == 3
    for name, values in read_exported(checkpoints.open(path)).items():
        before = given[name].read()
        assert before.dtype == values.dtype
        assert before.tobytes() == values.tobytes()
    import_arrays(checkpoints.open(path), tmp_path / "back")
    back = checkpoints.open(tmp_path / "back")
    assert {d.change for d in compare(given, back)} == {"equal"}


def test_plain_numpy_reads_an_export(saved, tmp_path):
    export(saved, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:
        np.testing.assert_array_equal(arrays["a/w"], saved["a/w"].read())


def test_nothing_is_overwritten_silently(saved, tmp_path):
    path = tmp_path / "out.npz"
    export(saved, path)
    with pytest.raises(CheckpointError, match="exists: choose another name, or add --overwrite"):
        export(saved, path)
    assert export(saved, path, overwrite=True) == 3
    with pytest.raises(CheckpointError, match=r"ends in \.safetensors or \.npz"):
        export(saved, tmp_path / "out.txt")
    with pytest.raises(CheckpointError, match="exists"):
        import_arrays(checkpoints.open(path), tmp_path)
