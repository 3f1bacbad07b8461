"""More members for a study that has run: what is there stays, what is new is trained beside it."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from planted_line import FILE, line, losses, train  # noqa: F401

from jaxlab.analysis import study
from jaxlab.config import ConfigError
from jaxlab.disk import read_config, read_json
from jaxlab.sweeps import local, on_disk, plan, status
from jaxlab.training import loop, run

ONE_DEVICE_EACH = {"devices.mesh": (0, 1)}  # however many members there are, each trains alike


def files(folder):
    """Returns the content of every file of a run."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def seeds(folder):
    return [member["seed"] for member in json.loads((folder / "members.json").read_text())]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A finished study of two seeds."""
    workdir = tmp_path_factory.mktemp("extend") / "two"
    assert train(workdir, **ONE_DEVICE_EACH, seeds=2) == {"all": "done"}
    return workdir


@pytest.fixture
def copy(two, tmp_path):
    """A copy of it, to change."""
    shutil.copy(two.with_suffix(".py"), tmp_path)
    return Path(shutil.copytree(two, tmp_path / two.name))


def test_more_seeds_are_a_further_run_and_the_first_stays_byte_for_byte(copy, tmp_path):
    before = files(copy / "all")
    outcomes = train(copy, **ONE_DEVICE_EACH, seeds=4)
    assert outcomes == {"all": "skipped", "all,added=1": "done"}
    assert files(copy / "all") == before
    assert seeds(copy / "all,added=1") == [2, 3]

    at_once = tmp_path / "at_once"
    assert train(at_once, **ONE_DEVICE_EACH, seeds=4) == {"all": "done"}
    np.testing.assert_array_equal(losses(copy), losses(at_once))

    after = files(copy)
    assert set(train(copy, **ONE_DEVICE_EACH, seeds=4).values()) == {"skipped"}
    assert set(train(copy, **ONE_DEVICE_EACH, seeds=1).values()) == {"skipped"}
    assert files(copy) == after


def test_where_the_devices_are_shared_otherwise_the_numbers_agree_up_to_rounding(tmp_path):
    """Eight devices share the batches of two members by four, and those of four by two."""
    train(tmp_path / "more", seeds=2)
    train(tmp_path / "more", seeds=4)
    train(tmp_path / "at_once", seeds=4)
    np.testing.assert_allclose(losses(tmp_path / "more"), losses(tmp_path / "at_once"), rtol=1e-5)


def test_an_extended_study_is_read_as_one(copy):
    train(copy, **ONE_DEVICE_EACH, seeds=3)
    train(copy, **ONE_DEVICE_EACH, seeds=2, first_seed=6)
    assert seeds(copy) == [0, 1, 2, 6, 7]
    config, _ = read_config(copy)
    assert (config.first_seed, config.seeds) == (0, 8)  # the range that holds them
    (found,) = study.find_studies(copy).values()
    assert [own.folder.name for own in found.runs] == ["all", "all,added=1", "all,added=2"]
    assert found.data["seed"].values.tolist() == [0, 1, 2, 6, 7]
    assert not {"seeds", "first_seed"} & set(found.data.coords)
    assert found.file == found.runs[0].folder.parent.with_suffix(".py").as_posix()


def test_a_changed_value_is_refused_however_many_seeds_are_asked_for(copy):
    before = files(copy)
    with pytest.raises(ConfigError, match=r"these differ:\n  train\.steps: 6 -> 7\n") as error:
        train(copy, **ONE_DEVICE_EACH | {"train.steps": 7}, seeds=4)
    assert "seeds" not in str(error.value)
    assert files(copy) == before


def test_another_value_in_the_file_of_the_sweep_extends_the_study_too(copy):
    before = files(copy / "all")
    rates = "**({'optimizer.learning_rate': 0.5} if seed > 1 else {})"
    assert train(copy, rates, **ONE_DEVICE_EACH, seeds=4)["all,added=1"] == "done"
    sizes = "**({'train.batch_size': 32} if seed > 3 else {})"
    outcomes = train(copy, sizes, **ONE_DEVICE_EACH, seeds=5)
    assert outcomes == {"all": "skipped", "all,added=2": "done", "train.batch_size=32": "done"}
    assert seeds(copy / "all,added=2") == [2, 3]  # the ones before had another rate
    assert files(copy / "all") == before
    data = study.load(study.find_runs(copy))
    assert data["optimizer.learning_rate"].values.tolist() == [1e-3] * 2 + [0.5] * 2 + [1e-3] * 3
    assert len(seeds(copy)) == 7


def test_a_run_that_was_interrupted_goes_on_with_its_own_members_first(tmp_path):
    def interrupt(own, update):
        if update.loss is not None and update.step == 3:
            raise KeyboardInterrupt

    workdir = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        train(workdir, progress=interrupt, **ONE_DEVICE_EACH, seeds=3)
    updates = []
    outcomes = train(
        workdir, progress=lambda *update: updates.append(update), **ONE_DEVICE_EACH, seeds=4
    )
    assert outcomes == {"all": "done", "all,added=1": "done"}
    assert (seeds(workdir / "all"), seeds(workdir / "all,added=1")) == ([0, 1, 2], [3])
    assert [own.name for own, _ in updates] == sorted(own.name for own, _ in updates)
    assert read_config(workdir / "all")[0].seeds == 3


def test_what_is_added_may_come_in_parts(tmp_path):
    workdir, parts = tmp_path / "study", ONE_DEVICE_EACH | {"devices.max_members": 2}
    train(workdir, **parts, seeds=3)
    outcomes = train(workdir, **parts, seeds=6)
    assert outcomes == {
        "all,part=1of2": "skipped",
        "all,part=2of2": "skipped",
        "all,added=1,part=1of2": "done",
        "all,added=1,part=2of2": "done",
    }
    assert train(workdir, **parts, seeds=7)["all,added=2"] == "done"
    assert sorted(study.load(study.find_runs(workdir))["seed"].values) == list(range(7))


class Killed(BaseException):
    pass


def test_a_kill_at_any_write_of_the_plan_loses_and_doubles_no_member(copy, monkeypatch):
    """Every file is put in place by one of two calls: the kill comes before each of them."""
    monkeypatch.setattr(loop, "train", lambda *arguments: None)
    parts = ONE_DEVICE_EACH
    original = shutil.copytree(copy, copy.parent / "original")
    writes = {name: getattr(Path, name) for name in ("mkdir", "replace")}
    calls = []

    def kill_at(number):
        def patched(name):
            def write(*arguments, **keywords):
                calls.append(name)
                if len(calls) == number:
                    raise Killed
                return writes[name](*arguments, **keywords)

            return write

        calls.clear()
        for name in writes:
            monkeypatch.setattr(Path, name, patched(name))

    sweep = plan.load(str(copy.with_suffix(".py")), parts | {"seeds": 5})
    number = 0
    while number == len(calls) or number == 0:
        number += 1
        shutil.rmtree(copy)
        shutil.copytree(original, copy)
        kill_at(number)
        try:
            local.run_sweep(sweep, copy, lambda *update: None)
        except Killed:
            kill_at(0)
            local.run_sweep(sweep, copy, lambda *update: None)
            calls[:] = [None] * number
        members = [own.members for own in on_disk.stored_runs(copy)]
        assert sorted(member["seed"] for own in members for member in own) == [0, 1, 2, 3, 4]
        assert seeds(copy) == [0, 1, 2, 3, 4]
    assert number > 8


def test_a_sweep_does_not_write_into_the_folder_of_a_run(copy):
    before = files(copy / "all")
    with pytest.raises(ConfigError, match=r"all holds metrics\.jsonl .*the folder of a run"):
        train(copy / "all", **ONE_DEVICE_EACH)
    assert files(copy / "all") == before


def test_the_file_of_the_study_is_noted_relative_to_the_repository(copy):
    file = copy.with_suffix(".py")
    assert set(train(copy, **ONE_DEVICE_EACH, seeds=2).values()) == {"skipped"}
    assert read_json(copy / "study.json", "") == {"file": file.as_posix()}
    run.write_study_file(copy, run.REPOSITORY / "configs" / "serial" / "discs.py")
    assert read_json(copy / "study.json", "") == {"file": "configs/serial/discs.py"}


def test_an_outline_tells_what_would_train(copy):
    def outline(**overrides):
        sweep = plan.load(str(copy.with_suffix(".py")), ONE_DEVICE_EACH | overrides)
        return [(own.name, len(own.members)) for own in on_disk.outline(sweep, copy)]

    before = files(copy)
    assert outline(seeds=2) == [("all", 2)]
    assert outline(seeds=1) == [("all", 2)]
    assert outline(seeds=7) == [("all", 2), ("all,added=1", 5)]
    assert outline(seeds=1, first_seed=9) == [("all,added=1", 1)]
    assert files(copy) == before


def test_the_status_says_what_is_done_running_stopped_failed_or_not_begun(copy):
    more = "**({} if seed < 2 else {'task.features': 2 * seed})"
    (copy.with_suffix(".py")).write_text(FILE.replace("MORE", more))
    sweep = plan.load(str(copy.with_suffix(".py")), ONE_DEVICE_EACH | {"seeds": 5})
    for group in sweep.groups[1:3]:
        run.prepare_run(copy / group.name, group.config, group.members)
        record = {"step": 3, "loss": [0.25], "diverged_step": [-1]}
        (copy / group.name / "metrics.jsonl").write_text(json.dumps(record) + '\n{"step": 6, "lo')
    (copy / sweep.groups[2].name / "error.txt").write_text("a mistake")
    with run.exclusive(copy / sweep.groups[1].name):
        found = status.of_sweep(sweep, copy)
    assert [(own.state, own.step, own.steps) for own in found] == [
        ("done", 6, 6),
        ("running", 3, 6),
        ("failed", 3, 6),
        ("not started", 0, 6),
    ]
    assert [own.loss for own in found[1:3]] == [0.25, 0.25]
    assert status.of_sweep(sweep, copy)[1].state == "stopped"
    text = status.table(found, columns=100, lines=20)
    assert text.splitlines()[0].split() == ["run", "state", "members", "step", "loss", "diverged"]
    assert text.splitlines()[2].split() == ["task.features=4", "running", "1", "3/6", "0.25"]
    assert text.splitlines()[-1] == (
        "4 runs: 1 running, 1 failed, 1 not started, 1 done; 60 % of all steps"
    )
    short = status.table(found, columns=70, lines=5).splitlines()
    assert len(short) == 5
    assert "running" in short[1]
    assert short[3] == "and 1 not started, 1 done"
