"""The record of a study: the same numbers as its runs, and one clear error where it is damaged."""

from pathlib import Path

import numpy as np
import pytest

from jaxlab.analysis.record import RunRecord, read_record, single_precision, write_record
from jaxlab.config import ConfigError, base


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    loss_MxR = rng.normal(size=(3, 5))
    loss_MxR[1, 3:] = np.nan
    return RunRecord(
        folder=Path("runs/planted/optimizer.name=sgd"),
        config=base(),
        members=[{"seed": seed, "optimizer.learning_rate": 0.1} for seed in range(3)],
        environment={"config_hash": "0123abcd", "data": {}},
        done={"wall_seconds": 1.5, "diverged": {"1": 40}},
        metrics=single_precision(
            {
                "step": np.arange(5),
                "examples": 1024 * np.arange(5),
                "tau": np.cumsum(np.full((3, 5), 1 / 3), axis=1),
                "eval_loss": loss_MxR,
            }
        ),
    )


def test_a_record_holds_what_the_runs_hold(run, tmp_path):
    path = tmp_path / "record" / "planted.npz"
    write_record(path, "configs/planted.py", [run])
    file, (found,) = read_record(path)
    assert file == "configs/planted.py"
    assert found.config == run.config
    assert (found.members, found.environment, found.done) == (
        run.members,
        run.environment,
        run.done,
    )
    assert found.folder.name == run.folder.name
    assert found.metrics.keys() == run.metrics.keys()
    for name, values in run.metrics.items():
        assert found.metrics[name].dtype == values.dtype
        np.testing.assert_array_equal(found.metrics[name], values)


def test_the_same_runs_give_the_same_bytes(run, tmp_path):
    for name in ("first", "second"):
        write_record(tmp_path / f"{name}.npz", "configs/planted.py", [run])
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_numpy_opens_a_record_without_the_project(run, tmp_path):
    write_record(tmp_path / "planted.npz", "configs/planted.py", [run])
    with np.load(tmp_path / "planted.npz") as archive:
        np.testing.assert_array_equal(archive[f"{run.folder.name}/tau"], run.metrics["tau"])


@pytest.mark.parametrize("damage", ["truncated", "text", "missing"])
def test_a_damaged_record_is_named(run, tmp_path, damage):
    path = tmp_path / "planted.npz"
    write_record(path, "configs/planted.py", [run])
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-30])
    elif damage == "text":
        path.write_text("not an archive")
    else:
        path.unlink()
    with pytest.raises(ConfigError, match=r"planted\.npz is not a whole record"):
        read_record(path)
