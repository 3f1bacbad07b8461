"""Sweeps on this machine: what is trained, what is skipped, what a failure costs."""

import json
import tempfile

import numpy as np
import planted_line
import pytest
from planted_line import line, losses, train  # noqa: F401

from experiments.one_third import teacher as one_third
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.sweeps import local, plan
from jaxlab.training import memory


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of one group, four seeds."""
    workdir = tmp_path_factory.mktemp("local") / "whole"
    steps = []
    outcomes = train(workdir, progress=lambda run, update: steps.append((run.name, update.step)))
    assert outcomes == {"all": "done"}
    assert steps[-1] == ("all", 6)
    return workdir


def test_a_study_is_a_folder_of_runs_and_is_not_trained_twice(whole):
    assert (whole / "config.json").exists()
    assert sorted(path.name for path in (whole / "all").iterdir()) == [
        *("DONE", "checkpoints", "config.json", "environment.json"),
        *("lock", "members.json", "metrics.jsonl"),
    ]
    before = (whole / "all" / "metrics.jsonl").read_bytes()
    assert train(whole) == {"all": "skipped"}
    assert (whole / "all" / "metrics.jsonl").read_bytes() == before


def test_a_group_that_fails_costs_the_others_nothing_and_is_run_again(whole, tmp_path, monkeypatch):
    workdir, more = tmp_path / "study", "**{'task.features': (6, 7, 4, 4)[seed]}"
    error = workdir / "task.features=7" / "error.txt"
    outcomes = train(workdir, more)
    assert outcomes["task.features=6"] == "there are no six features"
    assert outcomes["task.features=7"] == f"TypeError: a mistake in this loss (see {error})"
    assert outcomes["task.features=4"] == "done"
    assert "in loss" in error.read_text()
    assert not (workdir / "task.features=7" / "DONE").exists()
    assert not (workdir / "task.features=6").exists()
    np.testing.assert_allclose(losses(workdir), losses(whole)[2:], rtol=1e-4)

    monkeypatch.setattr(planted_line, "MISTAKES", set())
    outcomes = train(workdir, more)
    assert outcomes["task.features=7"] == "done"
    assert outcomes["task.features=4"] == "skipped"
    assert not error.exists()


def test_an_unforeseen_error_of_a_build_costs_the_other_groups_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where its traceback goes
    outcomes = train(tmp_path / "study", "**{'task.features': (8, 6, 6, 6)[seed]}")
    assert outcomes["task.features=8"].startswith("KeyError: 'a mistake in this build', at ")
    assert outcomes["task.features=6"] == "there are no six features"

    sweep = plan.load(str(tmp_path / "study.py"), {})
    own = next(group for group in sweep.groups if group.name == "task.features=8")
    error = tmp_path / own.name / "error.txt"
    error.parent.mkdir()
    outcome = local.build_and_train(own, tmp_path, lambda *update: None, save_minutes=0.0)
    assert outcome == f"KeyError: 'a mistake in this build' (see {error})"
    assert "in build_line" in error.read_text()


def test_fail_fast_starts_no_group_after_one_that_failed(tmp_path):
    file = tmp_path / "study.py"
    file.write_text(planted_line.FILE.replace("MORE", "**{'task.features': (7, 6, 4, 4)[seed]}"))
    sweep = plan.load(str(file), {})
    outcomes = local.run_sweep(sweep, tmp_path / "runs", lambda *update: None, fail_fast=True)
    assert list(outcomes) == ["task.features=7"]


def test_a_group_that_does_not_fit_the_devices_says_what_would(tmp_path):
    outcomes = train(tmp_path / "study", **{"devices.mesh": (0, 5)})
    assert "data must divide the micro-batch" in outcomes["all"]


def test_a_changed_sweep_on_an_old_folder_is_refused_with_the_keys(whole):
    with pytest.raises(ConfigError, match=r"train.steps: 6 -> 7\n.*another --workdir"):
        train(whole, **{"train.steps": 7})
    assert train(whole) == {"all": "skipped"}


def test_a_group_in_parts_has_the_numbers_of_the_whole(whole, tmp_path):
    outcomes = train(tmp_path / "parts", **{"devices.max_members": 3})
    assert outcomes == {"all,part=1of2": "done", "all,part=2of2": "done"}
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(whole), rtol=1e-4)


def test_a_study_goes_on_in_the_parts_that_it_began_in(whole, tmp_path, monkeypatch):
    def interrupt(run, update):
        if "2of2" in run.name:
            raise KeyboardInterrupt

    def memory_for(members):
        monkeypatch.setattr(local, "members_that_fit", lambda *arguments: members)

    workdir = tmp_path / "study"
    memory_for(2)
    with pytest.raises(KeyboardInterrupt):
        train(workdir, progress=interrupt)
    for members in (100, 1):
        memory_for(members)
        again = "done" if members == 100 else "skipped"
        assert train(workdir) == {"all,part=1of2": "skipped", "all,part=2of2": again}
        assert train(whole) == {"all": "skipped"}
    assert json.loads((workdir / "all,part=2of2" / "members.json").read_text()) == [
        {"seed": 2},
        {"seed": 3},
    ]
    np.testing.assert_allclose(losses(workdir), losses(whole), rtol=1e-4)


def members_that_fit(classes, optimizer="adam"):
    overrides = {"task.classes": classes, "optimizer.name": optimizer}
    config = configs.override(one_third.config(), overrides)
    experiment = one_third.build(configs.split(config)[0])
    return memory.members_that_fit(experiment, config, members=8)  # one device each


def test_members_that_fit_are_half_the_memory_over_what_a_member_holds_twice(monkeypatch):
    monkeypatch.setattr(memory, "device_bytes", lambda: 10**9)
    for optimizer, copies in (("sgd", 2), ("adam", 4)):  # parameters, gradients, Adam's moments
        expected = 8 * 0.5e9 / (2 * copies * 4 * 32 * 1000)
        assert members_that_fit(1000, optimizer) == pytest.approx(expected, rel=0.01)


def test_members_that_fit_shrink_with_the_model_until_none_fits():
    found = [members_that_fit(classes) for classes in (10, 1000, 100_000)]
    assert found == sorted(set(found), reverse=True)
    with pytest.raises(ConfigError, match=r"let more devices share a member"):
        members_that_fit(10**12)
