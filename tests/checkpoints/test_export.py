"""Arrays go out and come back bit for bit."""

import json

import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import serialization
from safetensors.numpy import load_file

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


def test_any_name_goes_out_and_a_leftover_or_damage_leaves_no_trace(tmp_path):
    z = np.full(4096, 1 + 2j)
    tree = {"file": z, "self": np.arange(2), "text": "τ"}
    (tmp_path / "in.msgpack").write_bytes(serialization.msgpack_serialize(tree | {"none": None}))
    given = checkpoints.open(tmp_path / "in.msgpack")
    with pytest.raises(
        CheckpointError, match=r"no place for file of type complex128: choose \.npz"
    ):
        export(given, tmp_path / "out.safetensors")
    (tmp_path / ".out.npz.tmp").mkdir()
    assert export(given, tmp_path / "out.npz") == 2
    back = checkpoints.open(tmp_path / "out.npz")
    np.testing.assert_array_equal(back["file"].read(), z)
    leaves = json.loads(json.loads(back["__header__"].text)["leaves"])
    assert leaves == {"text": ["string", "τ"], "none": ["None", ""]}
    assert export(given.only("[tns]*"), tmp_path / "out.safetensors") == 1
    assert json.loads(checkpoints.open(tmp_path / "out.safetensors").notes["header"]["leaves"]) == (
        leaves
    )
    content = bytearray((tmp_path / "out.npz").read_bytes())
    content[content.index(z.tobytes())] ^= 1
    (tmp_path / "out.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match="file is damaged"):
        export(checkpoints.open(tmp_path / "out.npz"), tmp_path / "again.npz")
    assert {path.name for path in tmp_path.iterdir()} == {
        "in.msgpack", "out.npz", "out.safetensors", ".out.npz.tmp",
    }  # fmt: skip


def test_the_byte_order_of_a_file_is_that_of_its_format(tmp_path):
    np.savez(tmp_path / "in.npz", w=np.arange(3, dtype=">f4"))
    export(checkpoints.open(tmp_path / "in.npz"), tmp_path / "out.safetensors")
    np.testing.assert_array_equal(load_file(tmp_path / "out.safetensors")["w"], [0, 1, 2])
