"""The command on planted runs: what the checkpoints hold is what the table says."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.parscale import series, text
from jaxlab.analysis.series import read_table
from jaxlab.disk import read_config, write_config, write_json
from jaxlab.sweeps.plan import experiment_module
from jaxlab.training import mesh
from jaxlab.training.checkpoint import Checkpoints
from jaxlab.training.program import state_shapes

SCRIPT = Path(__file__).parents[2] / "scripts" / "evaluate_series.py"
STEPS = (1, 2, 3, 5, 8, 10)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two decoders that know nothing: equal logits, at every step."""
    folder = tmp_path_factory.mktemp("series")
    words = np.random.default_rng(0).integers(97, 123, (40, 60)).astype(np.uint8)
    for number, line in enumerate(words):
        (folder / f"{number}.txt").write_bytes(line.tobytes())
    config = text.config()
    config.task.dataset, config.task.length = f"files:{folder}/*.txt", 8
    config.task.data_dir = str(folder)
    config.model.width, config.model.heads, config.model.kv_heads = 4, 1, 1
    config.model.layers, config.model.hidden, config.train.batch_size = 1, 4, 4
    config.train.steps, config.schedule.name, config.schedule.warmup = 10, "constant", 0.0
    config.optimizer.learning_rate = 0.5
    config.checkpoint.keep = len(STEPS)
    write_config(folder / "run", config, [{"seed": 0}, {"seed": 1}])
    write_json(folder / "run" / "environment.json", {"device": "cpu"})
    (folder / "run" / "metrics.jsonl").touch()
    static = config.copy_and_resolve_references()
    shapes = state_shapes(experiment_module("parscale").build(static), config)
    state = jax.tree.map(lambda leaf: np.zeros((2, *leaf.shape), leaf.dtype), shapes)
    where = folder / "run" / "checkpoints"
    on_devices = mesh.put(state, mesh.make(config, 2), mesh.MEMBER)
    saver = Checkpoints(where, config, 2, np.arange(11), {"config_hash": "abc"})
    for step in STEPS:
        saver.save(step, on_devices)
    saver.close()
    return folder / "run"


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Runs the command in this process and returns (exit code, stdout, stderr)."""
    spec = importlib.util.spec_from_file_location("evaluate_series", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, arguments)])
        return module.main(), *capsys.readouterr()

    return run_command


def test_models_that_know_nothing_are_measured_and_the_table_goes_on(run, tmp_path, evaluate):
    table, plot = tmp_path / "series.csv", tmp_path / "series.png"
    for point in list(series.points_of_runs(run, 1))[:3]:
        found = series.measure(point)
        assert found.loss == pytest.approx(np.log(256))
        assert found.entropy == pytest.approx(np.log(256), rel=1e-5)
        assert (found.logit_std, found.correct_margin, found.logit_range) == (0, 0, 0)
    code, fits, said = evaluate(run, f"--csv={table}", "--batches=1", f"--plot={plot}", "--json")
    assert code == 0, said
    rows = read_table(table)
    assert [(row.step, row.member) for row in rows] == [(s, m) for s in STEPS for m in (0, 1)]
    assert [row.tau for row in rows[::2]] == pytest.approx([0.5 * step for step in STEPS])
    assert "12 of 12 models" in said
    assert {fit["clock"] for fit in json.loads(fits)} == {"tau", "step"}
    assert plot.stat().st_size > 1000
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:-1]))
    assert "1 of 1 models" in evaluate(run, f"--csv={table}", "--batches=1")[2]
    assert table.read_text() == "".join(lines)
    code, _, said = evaluate(run, f"--csv={table}", "--batches=2")
    assert code == 2
    assert "choose another --csv" in said


def test_other_runs_are_refused_in_one_line(run, tmp_path, evaluate):
    own = tmp_path / "run"
    shutil.copytree(run, own, ignore=shutil.ignore_patterns("checkpoints"))
    config, members = read_config(own)
    config.task.name = "recall"
    write_config(own, config, members)
    code, printed, said = evaluate(own)
    assert (code, printed) == (2, "")
    (line,) = said.splitlines()
    assert line.startswith("error: ")
    assert "is a run of parscale/recall" in line
