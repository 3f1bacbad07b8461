"""The recipes of docs/extending.md, as they stand there."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import experiments
from jaxlab.analysis.study import find_studies
from jaxlab.report.build import write_study_report
from jaxlab.report.claims import Verdict
from jaxlab.sweeps import local, plan

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r"```python\n# file: (\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """Writes every file of the page, where Python finds them."""
    for name, code in BLOCK.findall(PAGE.read_text()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        experiments, "__path__", [*experiments.__path__, str(tmp_path / "experiments")]
    )
    importlib.invalidate_caches()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("lookup", "reversal", "experiments.parabola.build", "experiments.parabola"):
        sys.modules.pop(name, None)


def run(file):
    """Trains a study and reports it; returns it and its results by id."""
    sweep = plan.load(file, {})
    workdir = Path("runs") / Path(file).stem
    outcomes = local.run_sweep(sweep, workdir, lambda group, member_steps: None)
    assert set(outcomes.values()) == {"done"}
    studies = find_studies(workdir)
    report = write_study_report(studies, workdir, workdir)
    assert report.problems == []
    results = [result for section in report.sections for result in section.results]
    return studies[Path(file).stem], {result.claim.id: result for result in results}


def test_a_study(recipes):
    _, results = run("rates.py")
    assert results["rates_ratio"].is_measured


def test_a_task_and_a_model(recipes):
    study, results = run("mirror.py")
    assert study.config.task.name == "reversal:Reversal"
    assert results["mirror_accuracy"].verdict is Verdict.SUPPORTED


def test_a_hypothesis(recipes):
    study, _ = run("decay.py")
    loss_R = study.data["eval_loss"].values[0]
    np.testing.assert_allclose(loss_R, 1.5 * 0.81 ** np.arange(loss_R.size), rtol=1e-5)


def test_a_name_that_leads_nowhere_is_refused(recipes):
    text = (
        Path("mirror.py")
        .read_text()
        .replace("return override(", 'config.task.name = "reversal:Nothing"\n    return override(')
    )
    Path("wrong.py").write_text(text)
    with pytest.raises(plan.ConfigError, match="reversal has no dataclass 'Nothing'"):
        plan.load("wrong.py", {})
