"""Every config file: the command it names, its sizes, and a tiny run of it to the report."""

import re
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from experiments.one_third.studies import static
from jaxlab import config as configs
from jaxlab.analysis.study import find_studies
from jaxlab.report.build import write_study_report
from jaxlab.report.claims import read_claims
from jaxlab.sweeps import local, plan
from jaxlab.training import starting

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (REPOSITORY / "configs").rglob("*.py")
    if path.name != "__init__.py"
)
every_config = pytest.mark.parametrize("file", FILES)


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    """Runs in an empty folder, where text is prepared, and samples the static theory once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("configs"))
        patch.setattr(static, "measure", cache(static.measure))
        yield


@pytest.fixture(scope="module")
def stage_one(elsewhere):
    """Trains where second stages start, once."""

    @cache
    def train():
        train_sweep(load("configs/parscale/stage_one.py", "tiny"), Path("runs/stage_one"))

    return train


def train_sweep(sweep, folder):
    outcomes = local.run_sweep(sweep, folder, lambda group, member_steps: None)
    assert set(outcomes.values()) == {"done"}


def load(file, size=""):
    return plan.load(f"{REPOSITORY / file}{size and ':'}{size}", {})


def test_there_are_configs():
    assert "configs/one_third/headline.py" in FILES


@every_config
def test_the_docstring_says_how_to_run_it_what_to_expect_and_how_long_it_takes(file):
    docstring = runpy.run_path(str(REPOSITORY / file))["__doc__"]
    workdir = f"runs/{Path(file).stem}"
    assert f"python scripts/sweep.py --config={file} --workdir={workdir}\n" in docstring
    assert "Claim: " in docstring
    assert re.search(r"arXiv \d{4}\.\d{5}", docstring)
    assert re.search(r"\d (s|seconds|minutes|hours) on ", docstring)


@every_config
def test_every_size_loads_and_its_members_differ(file, monkeypatch):
    for name in ("check_seed", "check_steps"):  # nothing ran yet
        monkeypatch.setattr(starting, name, lambda study, expected: None)
    sizes = runpy.run_path(str(REPOSITORY / file))["SIZES"]
    for size in ("", *sizes):
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
def test_the_tiny_size_trains_and_is_reported(file, tmp_path, stage_one):
    if "runs/stage_one" in (REPOSITORY / file).read_text():
        stage_one()
    sweep = load(file, "tiny")
    train_sweep(sweep, tmp_path)
    ((name, study),) = find_studies(tmp_path).items()
    assert study.data.sizes["member"] == len(sweep.members)
    steps_M = study.data.coords.get("train.steps", sweep.config.train.steps)
    assert int(study.data["step"][-1]) == np.max(steps_M)
    recorded = study.data["eval_loss"].where(study.data["step"] <= steps_M, 0.0)
    assert np.isfinite(recorded).all()

    claims, page = write_study_report({name: study}, tmp_path / "report")
    assert name in {claim.provenance.get("study") for claim in claims}
    assert [claim.id for claim in read_claims(tmp_path / "report" / "claims.json")] == [
        claim.id for claim in claims
    ]
    html = page.read_text()
    assert all(f"{name}/{run.folder.name}" in html for run in study.runs)
