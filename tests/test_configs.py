"""Every config file: the command it names, its sizes, and a tiny run of it to the report."""

import re
from pathlib import Path

import numpy as np
import pytest

from jaxlab import config as configs
from jaxlab.analysis.study import find_studies
from jaxlab.report.build import write_study_report
from jaxlab.report.claims import read_claims
from jaxlab.sweeps import local, plan

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (REPOSITORY / "configs").rglob("*.py")
    if path.name != "__init__.py"
)
every_config = pytest.mark.parametrize("file", FILES)


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    """Runs in an empty folder: what a config prepares, such as text, comes to lie there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("configs"))
        yield


def load(file, size=""):
    return plan.load(f"{REPOSITORY / file}{size and ':'}{size}", {})


def test_there_are_configs():
    assert "configs/one_third/headline.py" in FILES


@every_config
def test_the_docstring_says_how_to_run_it_what_to_expect_and_how_long_it_takes(file):
    docstring = plan._import(REPOSITORY / file).__doc__ or ""
    workdir = f"runs/{Path(file).stem}"
    assert f"python scripts/sweep.py --config={file} --workdir={workdir}\n" in docstring
    assert "Claim: " in docstring
    assert re.search(r"arXiv \d{4}\.\d{5}", docstring)
    assert re.search(r"\d (s|seconds|minutes|hours) on ", docstring)


@every_config
def test_every_size_loads_and_its_members_differ(file):
    sizes = plan._import(REPOSITORY / file).SIZES
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of all tiny studies."""
    return tmp_path_factory.mktemp("runs")


@every_config
def test_the_tiny_size_trains(file, runs):
    sweep = load(file, "tiny")
    workdir = runs / Path(file).stem
    outcomes = local.run_sweep(sweep, workdir, lambda group, member_steps: None)
    assert set(outcomes.values()) == {"done"}
    (study,) = find_studies(workdir).values()
    assert study.data.sizes["member"] == len(sweep.members)
    assert int(study.data["step"][-1]) == sweep.config.train.steps
    assert np.isfinite(study.data["eval_loss"]).all()


def test_all_tiny_studies_make_one_report(runs):
    studies = find_studies(runs)
    assert {f"{name}.py" for name in studies} == {Path(file).name for file in FILES}
    claims, page = write_study_report(studies, runs / "report")
    assert {claim.provenance["study"] for claim in claims if claim.provenance} == set(studies)
    assert len(read_claims(runs / "report" / "claims.json")) == len(claims)
    html = page.read_text()
    assert all(f"{name}/all" in html for name in studies)  # the runs behind the page
