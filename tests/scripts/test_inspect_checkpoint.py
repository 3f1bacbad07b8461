"""The checkpoint inspector: records from the library, words and exit codes from the script."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxlab.training import inspection

SCRIPT = Path(__file__).parents[2] / "scripts" / "inspect_checkpoint.py"
N_MEMBERS = 4


def planted_weights():
    """Large enough that orbax keeps it in a data file of its own."""
    w_MxIxO = np.random.default_rng(0).normal(size=(N_MEMBERS, 64, 50)).astype(np.float32)
    w_MxIxO[1, 0, :5] = np.nan
    w_MxIxO[2, 1, :3] = -np.inf
    w_MxIxO[3, :, 0] = 0.0
    return w_MxIxO


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory):
    """A run of four members at steps 0 and 100, its weights spread over eight devices."""
    run = tmp_path_factory.mktemp("inspect") / "run"
    mesh = jax.make_mesh((4, 2), ("member", "data"), axis_types=(AxisType.Auto,) * 2)
    spread = NamedSharding(mesh, PartitionSpec("member", "data"))
    weights = jax.device_put(planted_weights(), spread)
    params = {"tower": {"w": weights, "b": jnp.full((N_MEMBERS, 3), 0.5, jnp.bfloat16)}}
    opt_state = jax.vmap(optax.adam(0.1).init)(params)
    with ocp.CheckpointManager(run / "checkpoints") as manager:
        for step in (0, 100):
            items = ocp.args.Composite(
                params=ocp.args.StandardSave(params),
                opt_state=ocp.args.StandardSave(opt_state),
                progress=ocp.args.StandardSave({"step": jnp.full(N_MEMBERS, step)}),
                meta=ocp.args.JsonSave({"step": step, "config_hash": "abc"}),
            )
            manager.save(step, args=items)
    return run


@pytest.fixture
def copied_step(saved_run, tmp_path):
    """The last step, for a test to damage."""
    return Path(shutil.copytree(saved_run / "checkpoints" / "100", tmp_path / "100"))


def inspect(*arguments):
    """Runs the script where there is only one device."""
    environment = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_leaves_name_shape_type_and_place(saved_run):
    found = inspection.leaves(inspection.find_checkpoint(saved_run))
    assert [leaf.name for leaf in found] == [
        "opt_state/0/count",
        "opt_state/0/mu/tower/b",
        "opt_state/0/mu/tower/w",
        "opt_state/0/nu/tower/b",
        "opt_state/0/nu/tower/w",
        "params/tower/b",
        "params/tower/w",
        "progress/step",
    ]
    bias, weights = found[5:7]
    assert (bias.shape, bias.dtype, bias.bytes) == ((4, 3), "bfloat16", 24)
    assert (weights.shape, weights.dtype, weights.bytes) == ((4, 64, 50), "float32", 51200)
    assert weights.sharding == "P('member', 'data') over member=4, data=2"


def test_a_path_may_be_a_run_its_folder_a_step_or_an_item(saved_run):
    folder = saved_run / "checkpoints"
    last = inspection.find_checkpoint(saved_run)
    assert (last.step, last.notes) == (100, {"meta": {"step": 100, "config_hash": "abc"}})
    assert inspection.find_checkpoint(folder) == last
    assert inspection.find_checkpoint(folder / "100") == last
    assert inspection.find_checkpoint(folder / "100", step=100) == last
    assert inspection.find_checkpoint(saved_run, step=0).notes["meta"]["step"] == 0
    item = inspection.find_checkpoint(folder / "100" / "params")
    assert [leaf.name for leaf in inspection.leaves(item)] == ["tower/b", "tower/w"]


@pytest.mark.parametrize("member", [None, 1, 2, 3])
def test_statistics_equal_those_of_the_array_that_was_saved(saved_run, member):
    checkpoint = inspection.find_checkpoint(saved_run)
    found = {record.name: record for record in inspection.statistics(checkpoint, member)}
    values = planted_weights() if member is None else planted_weights()[member]
    finite = values[np.isfinite(values)].astype(np.float64)
    record = found["params/tower/w"]
    assert record.shape == values.shape
    assert record.mean == pytest.approx(finite.mean())
    assert record.std == pytest.approx(finite.std())
    assert record.rms == pytest.approx(np.sqrt(np.mean(finite**2)))
    assert (record.min, record.max) == (finite.min(), finite.max())
    assert record.zeros == pytest.approx(np.mean(values == 0))
    assert (record.nan, record.inf) == (np.isnan(values).sum(), np.isinf(values).sum())
    assert found["params/tower/b"].mean == 0.5


def test_an_array_without_a_finite_value_has_counts_but_no_moments(tmp_path):
    with ocp.StandardCheckpointer() as saver:
        saver.save(tmp_path / "all_nan", {"w": jnp.full(3, jnp.nan)})
    (record,) = inspection.statistics(inspection.find_checkpoint(tmp_path / "all_nan"))
    assert (record.nan, record.mean, record.rms, record.max) == (3, None, None, None)


def test_any_orbax_checkpoint_opens(tmp_path):
    tree = {"layers": [jnp.ones((2, 3)), jnp.arange(4)], "scale": 2.5, "label": "a name"}
    with ocp.PyTreeCheckpointer() as saver:
        saver.save(tmp_path / "foreign", tree)
    checkpoint = inspection.find_checkpoint(tmp_path / "foreign")
    assert checkpoint.step is None
    shapes = {leaf.name: leaf.shape for leaf in inspection.leaves(checkpoint)}
    assert shapes == {"layers/0": (2, 3), "layers/1": (4,), "scale": ()}
    means = {record.name: record.mean for record in inspection.statistics(checkpoint)}
    assert means == {"layers/0": 1.0, "layers/1": 1.5, "scale": 2.5}


def test_the_tree_reads_no_array_and_statistics_name_the_lost_one(copied_step):
    whole = inspection.leaves(inspection.find_checkpoint(copied_step))
    data_files = [file for file in copied_step.rglob("d/*") if file.stat().st_size > 10_000]
    assert data_files
    for file in data_files:
        file.unlink()
    checkpoint = inspection.find_checkpoint(copied_step)
    assert inspection.leaves(checkpoint) == whole
    with pytest.raises(ValueError, match=r"params is damaged at params/tower/w .*Use another step"):
        list(inspection.statistics(checkpoint))


def test_damaged_files_are_named(copied_step):
    tree_file = copied_step / "params" / "_METADATA"
    tree_file.write_text(tree_file.read_text()[:20])
    with pytest.raises(ValueError, match=r"100/params is damaged \(JSONDecodeError"):
        inspection.leaves(inspection.find_checkpoint(copied_step))
    tree_file.unlink()
    with pytest.raises(ValueError, match=r"damaged: .*params/_METADATA is missing"):
        inspection.find_checkpoint(copied_step)
    (copied_step / "meta" / "metadata").write_text('{"st')
    with pytest.raises(ValueError, match=r"meta/metadata is damaged"):
        inspection.find_checkpoint(copied_step)


def test_half_written_saves_are_told_from_whole_ones(saved_run, tmp_path):
    run = tmp_path / "run"
    half = run / "checkpoints" / "200.orbax-checkpoint-tmp"
    half.mkdir(parents=True)
    with pytest.raises(ValueError, match="no finished step, only the half-written 200"):
        inspection.find_checkpoint(run)
    with pytest.raises(ValueError, match="a save that never finished"):
        inspection.find_checkpoint(half)
    shutil.copytree(saved_run / "checkpoints" / "100", run / "checkpoints" / "100")
    assert inspection.find_checkpoint(run).step == 100
    with pytest.raises(ValueError, match=r"no step 200. It has 100; 200\S* never finished"):
        inspection.find_checkpoint(run, step=200)


def test_other_wrong_paths_and_choices(saved_run, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        inspection.find_checkpoint(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="is a file"):
        inspection.find_checkpoint(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match=r"no orbax checkpoint \(it holds notes.txt\)"):
        inspection.find_checkpoint(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ValueError, match="has no step yet"):
        inspection.find_checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r"is a study. Give one of its runs: run\."):
        inspection.find_checkpoint(saved_run.parent)
    with pytest.raises(ValueError, match="without numbered steps to choose 7 from"):
        inspection.find_checkpoint(saved_run / "checkpoints" / "0", step=7)
    with pytest.raises(ValueError, match=r"has shape \(4,\): its first axis has no member 4"):
        next(inspection.statistics(inspection.find_checkpoint(saved_run), member=4))


def test_script_opens_on_one_device_what_eight_saved(saved_run):
    result = inspect("stats", saved_run, "--member=0", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    content = json.loads(result.stdout)
    means = {leaf["name"]: leaf["mean"] for leaf in content["leaves"]}
    assert content["step"] == 100
    assert means["params/tower/w"] == pytest.approx(planted_weights()[0].mean(dtype=np.float64))


def test_script_prints_a_table_with_totals(saved_run):
    result = inspect("tree", saved_run, "--step=0")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[1] == 'meta: {"step": 0, "config_hash": "abc"}'
    assert any(
        line.split()[:4] == ["params/tower/w", "4x64x50", "float32", "51,200"] for line in lines
    )
    assert lines[-1] == "8 arrays, 153,704 bytes"


@pytest.mark.parametrize("place", ["damaged", "foreign"])
def test_script_answers_bad_input_in_one_line(place, copied_step, tmp_path):
    (tmp_path / "foreign").mkdir()
    for file in (copied_step / "params" / "d").iterdir():
        file.write_bytes(file.read_bytes()[:40])
    path = copied_step if place == "damaged" else tmp_path / "foreign"
    result = inspect("stats", path)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"inspect_checkpoint: {path}")


def test_help_is_shown_without_loading_jax():
    command = [sys.executable, "-X", "importtime", str(SCRIPT), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert "examples:" in result.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {"jax", "orbax", "rich"}
