"""A damaged checkpoint gives one clear error or the right numbers: never a wrong one."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import serialization
from safetensors.numpy import save_file

from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError
from jaxlab.checkpoints.checking import check
from jaxlab.checkpoints.export import export
from jaxlab.checkpoints.opening import DIGESTS
from jaxlab.training.checkpoint import digests

TRIES = 40


def tree():
    rng = np.random.default_rng(0)
    return {
        "w": rng.normal(size=(3, 40, 30)).astype(np.float32),
        "b": rng.normal(size=(3, 7)).astype(np.float32),
        "n": np.arange(3, dtype=np.int32),
    }


@pytest.fixture(scope="module")
def saved_step(tmp_path_factory):
    """A step as the lab saves it: items, and a note with the digests of their arrays."""
    folder = tmp_path_factory.mktemp("damage") / "checkpoints"
    items = {"params": tree(), "progress": {"step": np.arange(3)}}
    with ocp.CheckpointManager(folder) as manager:
        args = {name: ocp.args.StandardSave(item) for name, item in items.items()}
        meta = ocp.args.JsonSave({"step": 7, DIGESTS: digests(items)})
        manager.save(7, args=ocp.args.Composite(**args, meta=meta))
    return folder / "7"


def damage(path: Path, random: np.random.Generator) -> str:
    """Cuts, flips, empties or deletes a file; returns what was done."""
    kind = random.choice(["truncated", "flipped", "emptied", "deleted"])
    content = bytearray(path.read_bytes())
    if kind == "deleted" or not content:
        path.unlink()
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(content[: random.integers(len(content))])
    else:
        content[random.integers(len(content))] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
    return f"{path.name} {kind}"


def read_all(path):
    return {name: tensor.read() for name, tensor in checkpoints.open(path).tensors.items()}


def assert_right_or_refused(path, expected, done):
    """Reads all that can be read: every number is right, or reading it is refused."""
    try:
        checkpoint = checkpoints.open(path)
    except CheckpointError:
        return
    for name, tensor in checkpoint.tensors.items():
        try:
            values = tensor.read()
        except CheckpointError:
            continue
        assert name in expected, done
        np.testing.assert_array_equal(values, expected[name], done)
    if set(checkpoint.tensors) < set(expected):
        assert any(problem.is_error for problem in check(checkpoint)), done


@pytest.mark.parametrize("seed", range(TRIES))
def test_orbax(saved_step, tmp_path, seed):
    random = np.random.default_rng(seed)
    step = Path(shutil.copytree(saved_step, tmp_path / "run" / "7"))
    files = sorted(file for file in step.rglob("*") if file.is_file())
    # The note is the lab's own; without it there is nothing to compare with.
    files = [file for file in files if file.parent.name != "meta"]
    done = damage(files[random.integers(len(files))], random)
    expected = {f"params/{name}": values for name, values in tree().items()}
    expected |= {"progress/step": np.arange(3)}
    assert_right_or_refused(step, expected, done)


def test_a_flipped_bit_in_the_data_is_noticed_and_named(saved_step, tmp_path):
    step = Path(shutil.copytree(saved_step, tmp_path / "run" / "7"))
    largest = max(
        (f for f in (step / "params").rglob("*") if f.is_file()), key=lambda f: f.stat().st_size
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    checkpoint = checkpoints.open(step)
    with pytest.raises(CheckpointError, match=r"params/w is damaged"):
        checkpoint["params/w"].read()
    (problem,) = check(checkpoint)
    assert (problem.name, problem.is_error) == ("params/w", True)
    np.testing.assert_array_equal(checkpoint["params/b"].read(), tree()["b"])
    member = checkpoint.member(2)
    with pytest.raises(CheckpointError, match=r"params/w is damaged"):
        member["params/w"].read()
    assert [(p.name, p.is_error) for p in check(member)] == [("params/w", True)]
    with pytest.raises(CheckpointError, match=r"params/w is damaged"):
        export(member, tmp_path / "member.npz")
    np.testing.assert_array_equal(member["params/b"].read(), tree()["b"][2])


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("seed", range(TRIES))
def test_cut_files(suffix, tmp_path, seed):
    random = np.random.default_rng(seed)
    path = tmp_path / f"model{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, **tree())
    else:
        save_file(tree(), path)
    content = path.read_bytes()
    path.write_bytes(content[: random.integers(len(content))])
    with pytest.raises(CheckpointError, match="model"):
        read_all(path)


@pytest.mark.parametrize("seed", range(TRIES))
def test_a_header_with_a_flipped_bit_is_refused_or_harmless(tmp_path, seed):
    random = np.random.default_rng(seed)
    path = tmp_path / "model.safetensors"
    save_file(tree(), path)
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    content[random.integers(header)] ^= 1 << int(random.integers(8))
    path.write_bytes(content)
    try:
        found = checkpoints.open(path)
    except CheckpointError:
        return
    for name, tensor in found.tensors.items():
        expected = [tree()[name]] if name in tree() else tree().values()  # or the name was hit
        assert any(np.array_equal(tensor.read(), values) for values in expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_a_flipped_bit(save, tmp_path):
    path = tmp_path / "model.npz"
    save(path, **tree())
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(TRIES):
        content = bytearray(whole)
        # Half of them in the directory at the end, where flags, sizes and names lie.
        start = random.choice([0, len(content) - 250])
        content[random.integers(start, len(content))] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        assert_right_or_refused(path, tree(), "flipped")


@pytest.mark.parametrize("kind", ["msgpack", "index"])
def test_damaged_msgpack_and_indices_are_right_or_refused(kind, tmp_path):
    random = np.random.default_rng(0)
    if kind == "index":
        save_file(tree(), tmp_path / "a.safetensors")
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(json.dumps({"weight_map": dict.fromkeys(tree(), "a.safetensors")}))
    else:
        path = tmp_path / "model.msgpack"
        path.write_bytes(serialization.msgpack_serialize(tree()))
    whole = path.read_bytes()
    for _ in range(TRIES):
        content = bytearray(whole)
        start = content[: random.integers(1, 200)]
        content[random.integers(len(start)) % len(content)] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        try:
            found = read_all(path)
        except CheckpointError:
            continue
        if kind == "index":  # a msgpack has no check sum: it is only refused where it cannot be
            for name, values in tree().items():
                np.testing.assert_array_equal(found[name], values)


def test_a_shape_beyond_any_memory_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive, archive.open("w.npy", "w") as file:
        entry = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
        np.lib.format.write_array_header_1_0(file, entry)
    with pytest.raises(CheckpointError, match="w is damaged, 0 bytes with shape"):
        checkpoints.open(tmp_path / "huge.npz")
