"""Sweeps on this machine: what is trained, what is skipped, what a failure costs."""

import json
import sys
from collections import Counter
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.one_third import teacher as one_third
from jaxlab import config as configs
from jaxlab.analysis import study
from jaxlab.config import ConfigError
from jaxlab.experiment import Experiment, Shared
from jaxlab.sweeps import local, plan
from jaxlab.training import memory

FILE = """
from jaxlab.config import base
from ml_collections import ConfigDict

def get_config(arg=None):
    config = base()
    config.experiment = "line"
    config.task = ConfigDict({"features": 4})
    config.optimizer.name = "sgd"
    config.train.steps = 6
    config.train.batch_size = 16
    config.records.every_steps = 3
    config.eval.batches = 1
    return config

def sweep(add, config):
    for seed in range(4):
        add(seed=seed, MORE)
"""

UNBUILDABLE, MISTAKES = 6, {7}  # numbers of features


def build_line(config):
    """An experiment that compiles quickly, for it draws no random number."""
    features = config.task.features
    if features == UNBUILDABLE:
        raise ValueError("there are no six features")

    def draw(batch, values, batch_id):
        place_B = jnp.arange(config.train.batch_size) + 0.1 * batch_id.step + values["seed"]
        return {"x_BxM": jnp.cos(jnp.outer(place_B, jnp.arange(1, features + 1)))}

    def loss(params, batch, values):
        if features in MISTAKES:
            raise TypeError("a mistake in this loss")
        return jnp.mean((batch["x_BxM"] @ params["w_M"] - 1.0) ** 2)

    return Experiment(
        init=lambda key, values: {"w_M": jnp.full(features, 0.1)},
        loss=loss,
        evaluate=lambda *arguments: {"loss": loss(*arguments)},
        batch=(Shared(("seed",), draw),),
    )


@pytest.fixture(scope="module", autouse=True)
def line():
    """Makes `line` an experiment."""
    module = SimpleNamespace(build=build_line, validate=lambda config: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "experiments.line", SimpleNamespace(build=module))
        patch.setitem(sys.modules, "experiments.line.build", module)
        yield


def train(workdir, more="", progress=lambda group, member_steps: None, **overrides):
    """Trains what a config file's sweep asks for; returns what became of each group."""
    file = workdir.with_suffix(".py")
    file.write_text(FILE.replace("MORE", more))
    return local.run_sweep(plan.load(str(file), overrides), workdir, progress)


def losses(workdir):
    """Returns the losses of all members of a study, by seed."""
    return study.load(study.find_runs(workdir)).sortby("seed")["eval_loss"].values


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of one group, four seeds."""
    workdir = tmp_path_factory.mktemp("local") / "whole"
    steps_done = Counter()
    assert train(workdir, progress=steps_done.__setitem__) == {"all": "done"}
    assert steps_done == {"all": 4 * 6}
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

    monkeypatch.setattr(sys.modules[__name__], "MISTAKES", set())
    outcomes = train(workdir, more)
    assert outcomes["task.features=7"] == "done"
    assert outcomes["task.features=4"] == "skipped"
    assert not error.exists()


def test_a_group_that_does_not_fit_the_devices_says_what_would(tmp_path):
    outcomes = train(tmp_path / "study", **{"devices.data": 5})
    assert "make train.batch_size a multiple of 5" in outcomes["all"]


def test_a_changed_sweep_on_an_old_folder_is_refused_with_the_keys(whole):
    with pytest.raises(ConfigError, match=r"train.steps: 6 -> 7\n.*another --workdir"):
        train(whole, **{"train.steps": 7})
    with pytest.raises(ConfigError, match=r"members: 4 over \(seed\) -> 4 .*clip_norm, seed"):
        train(whole, "**{'optimizer.clip_norm': 0.8}")
    assert train(whole) == {"all": "skipped"}


def test_a_group_in_parts_has_the_numbers_of_the_whole(whole, tmp_path):
    outcomes = train(tmp_path / "parts", **{"devices.max_members": 3})
    assert outcomes == {"all,part=1of2": "done", "all,part=2of2": "done"}
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(whole), rtol=1e-4)


def test_a_study_goes_on_in_the_parts_that_it_began_in(whole, tmp_path, monkeypatch):
    def interrupt(group, member_steps):
        if "2of2" in group:
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
    static, values = configs.split(configs.override(one_third.config(), overrides))
    return memory.members_that_fit(one_third.build(static), static, tuple(values))


def test_members_that_fit_are_half_the_memory_over_what_a_member_holds_twice(monkeypatch):
    monkeypatch.setattr(memory, "_memory", lambda: 10**9)
    for optimizer, copies in (("sgd", 2), ("adam", 4)):  # parameters, gradients, Adam's moments
        expected = 0.5e9 / (2 * copies * 4 * 32 * 1000)
        assert members_that_fit(1000, optimizer) == pytest.approx(expected, rel=0.01)


def test_members_that_fit_shrink_with_the_model_down_to_one():
    found = [members_that_fit(classes) for classes in (10, 1000, 100_000, 10**12)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4
    assert found[-1] == 1
