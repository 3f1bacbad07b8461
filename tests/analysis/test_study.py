"""Runs on disk as labelled arrays, on folders written by hand."""

import json

import numpy as np
import pytest

from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.analysis import study
from jaxlab.config import ConfigError
from jaxlab.disk import write_config, write_json
from jaxlab.training import metrics

MEMBERS = [{"seed": seed, "optimizer.learning_rate": rate} for seed in (0, 1) for rate in (0.1, 1)]


def write_run(folder, steps=(0, 10, 20), members=MEMBERS, done=True, **overrides):
    """Writes a run; member m has loss m + step at each step."""
    folder.mkdir(parents=True)
    config = configs.override(teacher_config(), {"study": "planted"} | overrides)
    write_config(folder, config, members)
    (folder / "environment.json").write_text(json.dumps({"config_hash": "abc"}))
    for step in steps:
        numbers = np.arange(len(members), dtype=float)
        record = {"tau": 0.1 * step + 0 * numbers, "loss": numbers + step}
        examples = step * config.train.batch_size
        metrics.append(folder / "metrics.jsonl", {"step": step, "examples": examples} | record)
    if done:
        (folder / "DONE").write_text(json.dumps({"wall_seconds": 1.5, "diverged": {}}))
    return folder


def test_a_run_is_a_dataset_with_its_swept_and_traced_values_as_coordinates(tmp_path):
    folder = write_run(tmp_path / "all")
    (found,) = study.find_studies(tmp_path).values()
    assert found.name == found.config.study == "planted"
    assert [run.folder for run in found.runs] == [folder]
    assert found.runs[0].members == MEMBERS
    assert found.runs[0].done == {"wall_seconds": 1.5, "diverged": {}}
    data = found.data
    assert dict(data.sizes) == {"member": 4, "step": 3}
    assert data["step"].values.tolist() == [0, 10, 20]
    assert data["examples"].values.tolist() == [0, 10240, 20480]
    assert data["seed"].values.tolist() == [0, 0, 1, 1]
    assert data["optimizer.learning_rate"].values.tolist() == [0.1, 1, 0.1, 1]
    assert data["task.temperature"].values.tolist() == [1e-3] * 4  # traced, though not swept
    assert data["run"].values.tolist() == [str(folder)] * 4
    assert "task.classes" not in data.coords
    assert data["loss"].values.tolist() == [[m, m + 10, m + 20] for m in range(4)]
    assert data["tau"].sel(step=20).values.tolist() == [2.0] * 4


def test_runs_that_record_at_other_steps_are_joined_with_nan(tmp_path):
    write_run(tmp_path / "a", **{"task.classes": 16})
    write_run(tmp_path / "b", (0, 5, 20), MEMBERS[:1], **{"task.classes": 8, "task.examples": 1024})
    data = study.load(study.find_runs(tmp_path))
    assert dict(data.sizes) == {"member": 5, "step": 4}
    assert data["step"].values.tolist() == [0, 5, 10, 20]
    assert data["task.classes"].values.tolist() == [16] * 4 + [8]
    np.testing.assert_array_equal(data["loss"][0], [0, np.nan, 10, 20])
    np.testing.assert_array_equal(data["loss"][4], [0, 5, np.nan, 20])
    own = data.isel(member=4).dropna("step")
    assert (own["loss"].sizes["step"], own["run"].item()) == (3, str(tmp_path / "b"))


def test_examples_belong_to_their_own_run(tmp_path):
    write_run(tmp_path / "a", **{"train.batch_size": 16})
    write_run(tmp_path / "b", **{"train.batch_size": 32})
    examples = study.load(study.find_runs(tmp_path))["examples"]
    assert examples.sel(step=20).values.tolist() == [320] * 4 + [640] * 4


def test_null_is_nan_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (0, 3):
        loss = np.array([0.5, np.inf if step else 1.0, np.nan])
        metrics.append(path, {"step": step, "examples": 8 * step, "loss": loss})
    found = study.read_metrics(path)
    assert found["step"].tolist() == [0, 3]
    assert found["step"].dtype == found["examples"].dtype == int
    np.testing.assert_array_equal(found["loss"], [[0.5, 0.5], [1.0, np.nan], [np.nan, np.nan]])


def test_a_run_still_going_on_is_read_up_to_its_last_whole_record(tmp_path):
    folder = write_run(tmp_path / "run", done=False)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "examples": 307')
    found = study.find_studies(tmp_path)["planted"]
    assert found.data["step"].values.tolist() == [0, 10, 20]
    assert found.runs[0].done is None
    (folder / "metrics.jsonl").write_text('{"step": 0, "exam')
    with pytest.raises(ConfigError, match=r"metrics\.jsonl holds no record.*run it again"):
        study.find_studies(tmp_path)


def test_a_folder_without_runs_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match=f"no run in {folder}: train one first"):
            study.find_studies(folder)


@pytest.mark.parametrize("name", ["config.json", "members.json", "environment.json"])
def test_a_run_that_is_not_whole_is_named(tmp_path, name):
    file = write_run(tmp_path / "all") / name
    expected = f"{file.parent} is not a whole run.*train"
    file.write_text(file.read_text()[:-3])
    with pytest.raises(ConfigError, match=expected):
        study.find_runs(tmp_path)
    file.unlink()
    with pytest.raises(ConfigError, match=expected):
        study.find_runs(tmp_path)


def test_what_was_changed_after_the_run_is_named(tmp_path):
    folder = write_run(tmp_path / "all")
    whole = {path: path.read_text() for path in folder.iterdir()}
    lines = whole[folder / "metrics.jsonl"].splitlines(keepends=True)
    changes = {
        "metrics.jsonl": [
            lines[0] + lines[1].replace("11.0", "12.0") + lines[2],  # a digit
            lines[0] + lines[2],  # a line lost
            lines[0] + lines[2] + lines[1],
            lines[0] + lines[1].partition(', "crc32"')[0] + "}\n" + lines[2],
        ],
        "members.json": [whole[folder / "members.json"].replace('"seed": 1', '"seed": 2', 1)],
        "config.json": [whole[folder / "config.json"].replace("1024", "1025", 1)],
    }
    for name, texts in changes.items():
        for text in texts:
            assert text != whole[folder / name]
            (folder / name).write_text(text)
            with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
                study.find_studies(tmp_path)
        (folder / name).write_text(whole[folder / name])
    study.find_studies(tmp_path)
    write_json(folder / "DONE", {"records": 4, "diverged": {}})
    with pytest.raises(ConfigError, match="3 of the 4 records of the finished run"):
        study.find_studies(tmp_path)


def test_records_of_the_version_before_have_no_check_sums(tmp_path):
    folder = write_run(tmp_path / "all")
    old = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in old:
        del row["crc32"]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in old))
    metrics.append(folder / "metrics.jsonl", old[-1] | {"step": 30})  # gone on with by this version
    assert study.read_metrics(folder / "metrics.jsonl")["step"].tolist() == [0, 10, 20, 30]


@pytest.mark.parametrize("line", ["{\n", '{"step": 15, "examples": 1}\n', "[1, 2]\n"])
def test_a_damaged_record_is_named(tmp_path, line):
    folder = write_run(tmp_path / "all")
    text = (folder / "metrics.jsonl").read_text()
    (folder / "metrics.jsonl").write_text(line + text)
    with pytest.raises(ConfigError, match=r"metrics\.jsonl is damaged"):
        study.find_studies(tmp_path)


def test_groups_of_a_sweep_are_one_study(tmp_path):
    write_run(tmp_path / "sweep" / "a")
    write_run(tmp_path / "sweep" / "b")
    write_config(tmp_path / "sweep", teacher_config(), [])
    write_run(tmp_path / "other" / "all", study="flat")
    found = study.find_studies(tmp_path)
    assert sorted(found) == ["flat", "planted"]
    assert found["planted"].data.sizes["member"] == 8
    assert study.find_studies(tmp_path / "other" / "all")["flat"].data.sizes["member"] == 4


def test_two_folders_with_one_study_s_name_are_refused(tmp_path):
    write_run(tmp_path / "monday")
    write_run(tmp_path / "tuesday")
    both = f"{tmp_path / 'monday'} and in {tmp_path / 'tuesday'}: report one at a time"
    with pytest.raises(ConfigError, match=f"the study 'planted' lies in {both}"):
        study.find_studies(tmp_path)
    assert list(study.find_studies(tmp_path / "monday")) == ["planted"]


def test_a_run_that_has_logged_nothing_leaves_its_study_unfinished(tmp_path):
    for name in ("a", "b", "c"):
        write_run(tmp_path / name, done=name != "b")
    write_config(tmp_path, teacher_config(), [])
    (found,) = study.find_studies(tmp_path).values()
    assert found.unfinished == ["b"]
    (tmp_path / "c" / "metrics.jsonl").unlink()
    (found,) = study.find_studies(tmp_path).values()
    assert found.unfinished == ["b", "c"]
