"""What people have opens: every layout, every kind of leaf; what cannot be read says why."""

import json
import pickle
import shutil

import jax
import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import serialization
from safetensors.numpy import save_file

from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError, tensors
from jaxlab.checkpoints.checking import Problem, check
from jaxlab.checkpoints.opening import DIGESTS
from tests.checkpoints.conftest import planted_weights

LAYOUTS = {
    "standard": lambda: ocp.StandardCheckpointHandler(),
    "pytree": lambda: ocp.PyTreeCheckpointHandler(),
    "one folder each": lambda: ocp.PyTreeCheckpointHandler(use_ocdbt=False),
    "zarr3": lambda: ocp.PyTreeCheckpointHandler(use_zarr3=True),
}


@pytest.fixture(params=LAYOUTS)
def saved_tree(request, odd_tree, tmp_path):
    """The odd tree in each layout of orbax."""
    handler = LAYOUTS[request.param]()
    standard = request.param == "standard"
    args = ocp.args.StandardSave(odd_tree) if standard else ocp.args.PyTreeSave(odd_tree)
    with ocp.Checkpointer(handler) as saver:
        saver.save(tmp_path / "saved", args=args)
    return tmp_path / "saved"


def test_every_leaf_is_shown_and_read(saved_tree):
    checkpoint = checkpoints.open(saved_tree)
    described = {name: (t.kind.value, t.shape, t.dtype) for name, t in checkpoint.tensors.items()}
    assert described == {
        "layers/0": ("array", (4,), "int32"),
        "layers/1": ("None", (), "None"),
        "group/dotted.name": ("array", (3,), "bfloat16"),
        "group/w": ("array", (4, 3), "float32"),
        "key": ("array", (2,), "uint32"),
        "empty": ("empty", (), "empty"),
        "int4": ("array", (3,), "int4"),
        "float8": ("array", (3,), "float8_e4m3fn"),
        "scalar": ("array", (), "float64"),
        "numpy": ("array", (3,), "int64"),
    }
    assert checkpoint["scalar"].read() == 2.5
    assert checkpoint["float8"].read().astype(float).tolist() == [0.5] * 3
    np.testing.assert_array_equal(checkpoint["layers/0"].read(), np.arange(4))


@pytest.mark.parametrize("lost", ["_METADATA", "_sharding", "_CHECKPOINT_METADATA"])
def test_arrays_are_found_without_a_file_about_them(saved_tree, lost):
    (saved_tree / lost).unlink()
    found = checkpoints.open(saved_tree)
    assert found["group/w"].shape == (4, 3)
    np.testing.assert_array_equal(found["numpy"].read(), np.arange(3))


def test_a_path_may_be_a_run_its_folder_a_step_or_an_item(saved_run):
    folder = saved_run / "checkpoints"
    last = checkpoints.open(saved_run)
    assert (last.step, last.notes) == (100, {"meta": {"step": 100, "config_hash": "abc"}})
    for path in (folder, folder / "100", saved_run):
        assert list(checkpoints.open(path).tensors) == list(last.tensors)
    assert checkpoints.open(saved_run, step=0).notes["meta"]["step"] == 0
    item = checkpoints.open(folder / "100" / "params")
    assert list(item.tensors) == ["tower/b", "tower/w"]
    weights = last["params/tower/w"]
    assert weights.sharding == "(member, data) over member=4, data=2"
    np.testing.assert_array_equal(weights.read(), planted_weights() * 101)
    member = last.only("params/*").member(2)["params/tower/w"]
    np.testing.assert_array_equal(member.read(), planted_weights()[2] * 101)


def test_safetensors_open_as_a_file_an_index_and_a_folder(tmp_path):
    first = {"a.w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    second = {
        "a.b": np.ones(3, ml_dtypes.bfloat16),
        "c": np.ones(2, ml_dtypes.float8_e4m3fn),
        "none": np.zeros((0, 4), np.float32),
    }
    save_file(first, tmp_path / "m-1.safetensors", metadata={"made": "here"})
    save_file(second, tmp_path / "m-2.safetensors")
    one = checkpoints.open(tmp_path / "m-1.safetensors")
    assert one.notes == {"header": {"made": "here"}}
    weight_map = dict.fromkeys(first, "m-1.safetensors") | dict.fromkeys(second, "m-2.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    for path in (index, tmp_path):
        found = checkpoints.open(path)
        for name, values in (first | second).items():
            np.testing.assert_array_equal(found[name].read(), values)
            assert found[name].dtype == values.dtype.name
    (tmp_path / "m-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks m-2\.safetensors"):
        checkpoints.open(tmp_path)


def test_npz_and_msgpack(tmp_path):
    arrays = {"w": np.arange(6.0).reshape(2, 3), "n": np.arange(3)}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    tree = {"layer": {"w": arrays["w"], "none": None}, "half": np.ones(2, ml_dtypes.bfloat16)}
    (tmp_path / "tree.msgpack").write_bytes(serialization.msgpack_serialize(tree))
    for name in ("plain.npz", "packed.npz"):
        found = checkpoints.open(tmp_path / name)
        assert {n: t.shape for n, t in found.tensors.items()} == {"w": (2, 3), "n": (3,)}
        np.testing.assert_array_equal(found["w"].read(), arrays["w"])
    found = checkpoints.open(tmp_path / "tree.msgpack")
    assert set(found.tensors) == {"layer/w", "layer/none", "half"}
    np.testing.assert_array_equal(found["half"].read(), tree["half"])


def test_each_tensor_comes_from_the_shard_that_the_index_names(tmp_path):
    for shard, value in (("a", 1.0), ("b", 2.0)):
        save_file({"w": np.full(2, value)}, tmp_path / f"{shard}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    for shard, value in (("a", 1.0), ("b", 2.0)):
        index.write_text(json.dumps({"weight_map": {"w": f"{shard}.safetensors"}}))
        np.testing.assert_array_equal(checkpoints.open(index)["w"].read(), [value, value])


@pytest.mark.parametrize(
    "content",
    [{"weight_map": {"w": 3}}, {"weight_map": {"w": "../w"}}, {"weight_map": []}, [], "[" * 10**5],
)
def test_an_index_that_names_no_shards_is_refused(content, tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json"):
        checkpoints.open(index)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        [],
        "deep",
    ],
)
def test_a_safetensors_header_of_wrong_types_is_refused(entry, tmp_path):
    header = "[" * 10**5 if entry == "deep" else json.dumps({"w": entry})
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(4))
    with pytest.raises(CheckpointError, match=r"w\.safetensors"):
        checkpoints.open(path)


def test_names_that_would_be_equal_are_kept_apart(tmp_path):
    tree = {"a/b": np.arange(3), "a": {"b": np.ones(2)}, "c/d": np.zeros(1)}
    with ocp.StandardCheckpointer() as saver:
        saver.save(tmp_path / "saved", tree)
    found = checkpoints.open(tmp_path / "saved").tensors
    assert {n: t.shape for n, t in found.items()} == {"a~1b": (3,), "a/b": (2,), "c/d": (1,)}
    (tmp_path / "tree.msgpack").write_bytes(serialization.msgpack_serialize(tree))
    with pytest.raises(CheckpointError, match="two leaves with the name a/b"):
        checkpoints.open(tmp_path / "tree.msgpack")


def test_nested_and_foreign_items_of_a_step_with_a_prefix_are_shown(tmp_path):
    options = ocp.CheckpointManagerOptions(step_prefix="ckpt")
    key = jax.random.key(3)
    with ocp.CheckpointManager(tmp_path / "saved", options=options) as manager:
        for step in (1, 20):
            items = ocp.args.Composite(
                params=ocp.args.StandardSave({"w": np.full(2, step)}),
                rng=ocp.args.JaxRandomKeySave(key),
                meta=ocp.args.JsonSave({DIGESTS: None}),
            )
            manager.save(step, args=items)
    checkpoint = checkpoints.open(tmp_path / "saved")
    assert (checkpoint.step, checkpoint.notes["meta"]) == (20, {DIGESTS: None})
    np.testing.assert_array_equal(checkpoint["params/w"].read(), [20, 20])
    drawn = [t.read() for name, t in checkpoint.tensors.items() if name.startswith("rng/")]
    np.testing.assert_array_equal(drawn, [jax.random.key_data(key)])
    step = tmp_path / "saved" / "ckpt_1"
    shutil.rmtree(step / "rng")
    (step / "rng").mkdir()
    (step / "rng" / "state.bin").write_bytes(b"1")
    unread = checkpoints.open(tmp_path / "saved", step=1)["rng"]
    assert (unread.kind, unread.text) == ("unreadable", "JaxRandomKeyCheckpointHandler")
    (problem,) = check(checkpoints.open(tmp_path / "saved", step=1))
    assert problem == Problem("rng", "is not read here: JaxRandomKeyCheckpointHandler", False)


def test_raw_bytes_and_foreign_leaves_leave_the_others_readable(tmp_path):
    half = np.array([1.5, -2], ml_dtypes.bfloat16)
    np.savez(tmp_path / "half.npz", half=half, w=np.arange(3), pair=np.zeros(2, "i4,f8"))
    found = checkpoints.open(tmp_path / "half.npz")
    np.testing.assert_array_equal(found["w"].read(), np.arange(3))
    assert (found["half"].shape, found["half"].dtype) == ((2, 2), "uint8")
    assert found["half"].read().tobytes() == half.tobytes()
    assert found["pair"].shape == (2, 12)
    tree = {"ragged": [[1], [2, 3.5]], "raw": b"12", "none": None}
    (tmp_path / "tree.msgpack").write_bytes(serialization.msgpack_serialize(tree))
    found = checkpoints.open(tmp_path / "tree.msgpack")
    assert found["ragged/1/1"].read() == 3.5
    assert (found["raw"].kind, found["raw"].text) == ("unreadable", "bytes")


def test_an_npz_array_is_unpacked_once_for_all_its_pieces(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "w.npz", w=np.arange(64).reshape(8, 8))
    monkeypatch.setattr(tensors, "BLOCK_BYTES", 64)
    assert len(list(checkpoints.open(tmp_path / "w.npz")["w"].blocks())) == 1


class Bomb:
    """Unpickling this leaves a trace."""

    def __reduce__(self):
        return (exec, ("raise AssertionError('unpickled')",))


def test_nothing_is_unpickled(tmp_path):
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "renamed.safetensors").write_bytes(pickle.dumps(Bomb()))
    np.savez(tmp_path / "objects.npz", w=np.array([Bomb(), Bomb()], dtype=object))
    for name in ("model.pt", "renamed.safetensors"):
        with pytest.raises(CheckpointError, match="is a pickle, which can run any code"):
            checkpoints.open(tmp_path / name)
    with pytest.raises(CheckpointError, match="holds Python objects"):
        checkpoints.open(tmp_path / "objects.npz")


def test_half_written_saves_are_told_from_whole_ones(saved_run, tmp_path):
    run = tmp_path / "run"
    half = run / "checkpoints" / "200.orbax-checkpoint-tmp"
    half.mkdir(parents=True)
    with pytest.raises(CheckpointError, match="no finished step, only the half-written 200"):
        checkpoints.open(run)
    with pytest.raises(CheckpointError, match="a save that never finished"):
        checkpoints.open(half)
    shutil.copytree(saved_run / "checkpoints" / "100", run / "checkpoints" / "100")
    assert checkpoints.open(run).step == 100
    with pytest.raises(CheckpointError, match=r"no step 200: it has 100; 200\S* never finished"):
        checkpoints.open(run, step=200)


def test_other_wrong_paths_and_choices(saved_run, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        checkpoints.open(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CheckpointError, match="no checkpoint that is known here"):
        checkpoints.open(tmp_path / "notes.txt")
    with pytest.raises(CheckpointError, match=r"holds no checkpoint \(it holds notes.txt\)"):
        checkpoints.open(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="has no step yet"):
        checkpoints.open(tmp_path)
    with pytest.raises(CheckpointError, match=r"is a study: give one of its runs: run$"):
        checkpoints.open(saved_run.parent)
    with pytest.raises(CheckpointError, match="without numbered steps to choose 7 from"):
        checkpoints.open(saved_run / "checkpoints" / "0", step=7)
    with pytest.raises(CheckpointError, match=r"has shape \(4,\): its first axis has no member 4"):
        checkpoints.open(saved_run).member(4)
    with pytest.raises(CheckpointError, match="did you mean params/tower/w"):
        checkpoints.open(saved_run)["params/tower/v"]


def test_safetensors_whose_header_has_the_length_that_begins_a_pickle(tmp_path):
    path = tmp_path / "w.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).ljust(0x80)
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + np.float32(3).tobytes())
    assert path.read_bytes()[0] == 0x80
    np.testing.assert_array_equal(checkpoints.open(path)["w"].read(), [3.0])
