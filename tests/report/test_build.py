"""Studies become a report: what fails in one place is said there, and costs nothing else."""

import json
import textwrap

import numpy as np
import pytest

from jaxlab import config as configs
from jaxlab import study_file
from jaxlab.analysis.study import find_studies
from jaxlab.disk import sealed_lines, write_config
from jaxlab.report.build import PACKAGES, write_study_report
from jaxlab.report.claims import Verdict
from jaxlab.report.generic import curves_figure
from jaxlab.report.measure import differing_keys, measure_claims
from jaxlab.training import metrics

STUDY = '''
"""Does the planted loss fall as τ^-1/3?"""

import numpy as np

from experiments.one_third import teacher
from jaxlab.analysis.estimate import NotMeasurable, exact
from jaxlab.analysis.estimators import exponent
from jaxlab.report.claims import Claim
from jaxlab.report.page import Table


def get_config(arg=None):
    config = teacher.config()
    config.study = "planted"
    config.train.steps = 1000
    return config


def bug(study):
    return np.zeros((2, 3)) + np.zeros(4)  # raises ValueError, as NumPy does


def cannot(study):
    raise NotMeasurable("no member has streams")


def figure_bug(study):
    return {}["absent"]


CLAIMS = (
    Claim("law", "the loss falls as τ^-1/3", (0.3, 0.36), exponent(), source="paper"),
    Claim("bug", "a bug", (0, 1), bug, source="paper"),
    Claim("cannot", "a question that the runs cannot answer", (0, 1), cannot, source="paper"),
    Claim("count", "a count", (7, 7), lambda study: exact(7.0), source="us", free=("train.*",)),
)
FIGURES = (figure_bug,)
TABLES = (lambda study: Table("planted table", ["a"], [[1.5]]),)
'''
RATE = 0.1


@pytest.fixture
def folder(tmp_path):
    """A study with three seeds whose loss is τ^-1/3; its file lies beside it."""
    (tmp_path / "planted.py").write_text(textwrap.dedent(STUDY).lstrip())
    return write_study(tmp_path)


def write_study(tmp_path, done=True, **overrides):
    file = study_file.read(tmp_path / "planted.py")
    config = configs.override(file.get_config(None), overrides)
    study = tmp_path / "runs" / "planted"
    run = study / "group-0"
    run.mkdir(parents=True)
    (study / "study.json").write_text(json.dumps({"file": str(tmp_path / "planted.py")}))
    members = [{"seed": seed} for seed in range(3)]
    write_config(study, config, members)
    write_config(run, config, members)
    environment = {"config_hash": "abc", "device": "1 x cpu"} | dict.fromkeys(PACKAGES, "1.0")
    (run / "environment.json").write_text(json.dumps(environment))
    for step in np.unique(np.geomspace(10, 1000, 40).astype(int)).tolist():
        tau_M = np.full(3, RATE * step)
        loss_M = (1 + 0.01 * np.arange(3)) * tau_M ** (-1 / 3)
        record = {"tau": tau_M, "eval_loss": loss_M, "diverged_step": np.full(3, -1.0)}
        metrics.append(run / "metrics.jsonl", {"step": step, "examples": step} | record)
    if done:
        (run / "DONE").write_text(json.dumps({"wall_seconds": 1.5, "diverged": {}}))
    return study


def measured(folder):
    (study,) = find_studies(folder).values()
    results = measure_claims(study, study_file.read(folder.parents[1] / "planted.py"))
    return {result.claim.id: result for result in results}


def test_a_bug_is_an_error_with_its_traceback_and_other_claims_stand(folder):
    results = measured(folder)
    assert {id: result.verdict for id, result in results.items()} == {
        "law": Verdict.SUPPORTED,
        "bug": Verdict.ERROR,
        "cannot": Verdict.NOT_MEASURED,
        "count": Verdict.SUPPORTED,
    }
    assert "np.zeros((2, 3)) + np.zeros(4)" in results["bug"].reason
    assert "could not be broadcast" in results["bug"].reason
    assert results["cannot"].reason == "no member has streams"
    assert results["law"].provenance["config_hashes"] == ["abc"]


def test_the_report_shows_the_bug_names_it_as_a_problem_and_is_written(folder, tmp_path):
    report = write_study_report(find_studies(folder), tmp_path / "out", folder)
    claim, figure = sorted(report.problems, key=lambda problem: "figure_bug" in problem)
    assert claim.startswith("bug: Traceback")
    assert "figure_bug: KeyError: 'absent'" in figure
    page = report.page.read_text()
    assert "1 measurement failed" in page
    assert "could not be broadcast" in page
    assert "planted table" in page
    assert "no member has streams" in page
    verdicts = {
        c["id"]: c["verdict"] for c in json.loads((tmp_path / "out/claims.json").read_text())
    }
    assert verdicts["bug"] == "error"
    assert verdicts["law"] == "supported"
    (section,) = report.sections
    assert section.question == "Does the planted loss fall as τ^-1/3?"
    assert not any("no member has streams" in sentence for sentence in section.answer)


def test_a_report_can_be_measured_again_from_its_record(folder, tmp_path):
    write_study_report(find_studies(folder), tmp_path / "out", folder)
    first = (tmp_path / "out" / "claims.json").read_text()
    studies = find_studies(tmp_path / "out")
    write_study_report(studies, tmp_path / "out", tmp_path / "out")
    assert (tmp_path / "out" / "claims.json").read_text() == first
    assert not (tmp_path / "out" / "claims.1.json").exists()


def test_a_study_whose_file_is_gone_is_a_problem_and_still_drawn(folder, tmp_path):
    (tmp_path / "planted.py").unlink()
    report = write_study_report(find_studies(folder), tmp_path / "out", folder)
    (problem,) = report.problems
    assert "planted.py" in problem
    assert "no claim was measured" in problem
    (section,) = report.sections
    assert section.results == []
    assert [figure.name for figure in section.figures] == ["planted_curves"]
    assert "Nothing was measured that answers this." in report.page.read_text()


@pytest.mark.parametrize(("evaluations", "points"), [(1, 3), (38, 38)])
def test_the_losses_of_every_cell_are_visible(folder, evaluations, points):
    log = folder / "group-0" / "metrics.jsonl"
    at_the_start, *later = sealed_lines(log)
    log.unlink()
    for row in (at_the_start, *later[-evaluations:]):
        step, examples = row.pop("step"), row.pop("examples")
        arrays = {name: np.array(values, float) for name, values in row.items()}
        metrics.append(log, {"step": step, "examples": examples} | arrays)
    (study,) = find_studies(folder).values()
    (ax,) = curves_figure(study).figure.axes
    point_Px2 = ax.lines[0].get_xydata()
    assert len(point_Px2) == points
    assert point_Px2[-1, 1] == pytest.approx((RATE * 1000) ** (-1 / 3), rel=0.03)


@pytest.fixture
def other(tmp_path):
    (tmp_path / "planted.py").write_text(textwrap.dedent(STUDY).lstrip())
    return tmp_path


def test_an_unfinished_run_is_named_and_nothing_is_measured(other):
    results = measured(write_study(other, done=False))
    assert {result.verdict for result in results.values()} == {Verdict.NOT_MEASURED}
    assert {result.reason for result in results.values()} == {"group-0 is not finished"}
    study = find_studies(other / "runs")
    report = write_study_report(study, other / "out", other / "runs")
    assert "group-0 (not finished)" in report.page.read_text()
    assert not any("Traceback" in problem and "bug:" in problem for problem in report.problems)


def test_a_config_that_differs_is_named_where_the_claim_does_not_free_it(other):
    results = measured(write_study(other, **{"train.steps": 20}))
    assert results["law"].verdict is Verdict.NOT_MEASURED
    assert results["law"].reason == "train.steps is 20, the claim is of 1000"
    assert results["count"].verdict is Verdict.SUPPORTED  # its `free` has train.*


def test_seeds_and_evaluation_may_always_differ(other):
    folder = write_study(
        other, **{"seed": 50, "checkpoint.every_steps": 3, "records.every_steps": 7}
    )
    (study,) = find_studies(folder).values()
    assert differing_keys(study, study_file.read(other / "planted.py")) == {}
    assert measured(folder)["law"].verdict is Verdict.SUPPORTED
