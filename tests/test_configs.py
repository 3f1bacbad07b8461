"""Every study's file: its docstring, its sizes, its claims, and a tiny run of it to the report."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from jaxlab import config as configs
from jaxlab import study_file
from jaxlab.analysis.study import find_studies
from jaxlab.report.build import write_study_report
from jaxlab.sweeps import local, plan
from jaxlab.training import warm_start

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (REPOSITORY / "configs").rglob("*.py")
    if path.name != "__init__.py"
)
every_config = pytest.mark.parametrize("file", FILES)


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    """Runs in an empty folder, where text is prepared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("configs"))
        yield


@pytest.fixture(scope="module")
def first_stage(elsewhere):
    """Trains where second stages start, once each."""

    @cache
    def train(file):
        train_sweep(load(file, "tiny"), Path("runs") / Path(file).stem)

    return train


def train_sweep(sweep, folder):
    outcomes = local.run_sweep(sweep, folder, lambda group, member_steps: None)
    assert set(outcomes.values()) == {"done"}


def load(file, size=""):
    return plan.load(f"{REPOSITORY / file}{size and ':'}{size}", {})


def test_there_are_configs():
    assert "configs/one_third/headline.py" in FILES


@every_config
def test_the_docstring_asks_predicts_and_says_how_to_run_it_and_how_long_it_takes(file):
    study = study_file.read(REPOSITORY / file)
    workdir = f"runs/{Path(file).stem}"
    assert f"python scripts/sweep.py --config={file} --workdir={workdir}" in study.docstring
    assert "?" in study.question
    text = " ".join(study.docstring.split())
    assert re.search(r"\bPrediction( \(.*\))?: ", text)
    assert re.search(r"\d (s|seconds|minutes|hours) on ", text)


def test_claims_have_ids_of_their_own():
    ids = [claim.id for file in FILES for claim in study_file.read(REPOSITORY / file).claims]
    assert len(set(ids)) == len(ids) > 300


@every_config
def test_every_size_loads_and_its_members_differ(file, monkeypatch):
    for name in ("check_seed", "check_steps"):  # nothing ran yet
        monkeypatch.setattr(warm_start, name, lambda study, expected: None)
    large = ["large"] if '"large"' in (REPOSITORY / file).read_text() else []
    for size in ("", "default", "tiny", *large):
        sweep = load(file, size)
        groups = plan.group(sweep)
        full = [
            configs.fingerprint(configs.override(group.config, member))
            for group in groups
            for member in group.members
        ]
        assert len(set(full)) == len(full) == len(sweep.members)
        assert sweep.config.study == Path(file).stem
        names = [part.name for group in groups for part in plan.parts(group, 2)]
        assert all(len(name) < 200 for name in names)  # they become folders


@every_config
def test_the_tiny_size_trains_and_is_reported(file, tmp_path, first_stage):
    text = (REPOSITORY / file).read_text()
    if started := re.search(r'"runs/(\w+)"', text):
        first_stage(str(Path(file).with_name(f"{started.group(1)}.py")))
    sweep = load(file, "tiny")
    train_sweep(sweep, tmp_path)
    ((name, study),) = find_studies(tmp_path).items()
    assert name == Path(file).stem
    assert study.data.sizes["member"] == len(sweep.members)
    steps_M = study.data.coords.get("train.steps", sweep.config.train.steps)
    assert int(study.data["step"][-1]) == np.max(steps_M)
    logged = study.data["eval_loss"].where(study.data["step"] <= steps_M, 0.0)
    assert np.isfinite(logged).all()

    report = write_study_report({name: study}, tmp_path / "report", tmp_path)
    assert report.problems == []
    ids = {result.claim.id for section in report.sections for result in section.results}
    assert ids == {claim.id for claim in study_file.read(REPOSITORY / file).claims}
    html = report.page.read_text()
    assert all(f"{name}/{run.folder.name}" in html for run in study.runs)
    ((again, recorded),) = find_studies(tmp_path / "report").items()
    assert again == name
    assert recorded.data.drop_vars("run").identical(study.data.drop_vars("run"))
