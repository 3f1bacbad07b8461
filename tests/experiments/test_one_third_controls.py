"""The studies of channels, margins, squared loss and separable sets, on curves that are known."""

import dataclasses

import numpy as np
import pytest
from planted_studies import aligned, noise, planted

from experiments.one_third.studies import PARTS, channels
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

EXPONENTS = {"sgd": (0.34, 0.35, 0.33, 0.33), "adam": (0.40, 0.48, 0.08, 0.44)}
METRICS = ("eval_loss", "eval_loss_radial", "eval_loss_tangential", "param_norm")


def own(study):
    """The claims of a study by id, without those that need no run."""
    found = PARTS.claims({study.name: study})
    return {claim.id: claim for claim in found if claim.provenance["study"] == study.name}


def verdicts(study):
    return {name: claim.verdict for name, claim in own(study).items()}


def powers(tau_MxR, *exponents, size=0.002):
    return [tau_MxR**-exponent * noise(tau_MxR.shape, size) for exponent in exponents]


def planted_channels(exponents=EXPONENTS) -> Study:
    """Returns the study of both optimisers."""

    def curve(tau_MxR, data):
        found = powers(tau_MxR, *exponents[str(data["optimizer.name"].values[0])])
        found[-1] = 1 / found[-1]
        return dict(zip(METRICS, found, strict=True))

    return planted("channels", curve)


def all_studies():
    return [
        planted_channels(),
    ]


@pytest.fixture(scope="module")
def studies():
    return {study.name: study for study in all_studies()}


@pytest.mark.parametrize("name", ["channels"])
def test_what_is_published_holds(studies, name):
    wrong = {claim: c for claim, c in own(studies[name]).items() if c.verdict != Verdict.HOLDS}
    assert wrong == {}


def test_the_exponents_are_those_that_were_planted(studies):
    found = {name: claim for study in studies.values() for name, claim in own(study).items()}
    for optimizer, exponents in EXPONENTS.items():
        for name, exponent in zip(("loss", "radial", "tangential", "norm"), exponents, strict=True):
            if name in channels.PUBLISHED[optimizer]:
                claim = found[f"channels_{optimizer}_{name}"]
                assert claim.measured == pytest.approx(exponent, abs=0.004)
    assert found["channels_sgd_relation"].measured == pytest.approx(2 * 0.35 + 0.33, abs=0.01)


@pytest.mark.parametrize(
    ("make", "failing"),
    [
        (
            lambda: planted_channels(EXPONENTS | {"adam": (1 / 3, 0.33, 0.33, 0.33)}),
            {"channels_adam_radial", "channels_adam_tangential", "channels_adam_norm"},
        ),
    ],
)
def test_other_curves_fail(make, failing):
    found = verdicts(make())
    assert {name for name, verdict in found.items() if verdict == Verdict.FAILS} == failing
    assert {found[name] for name in found.keys() - failing} <= {Verdict.HOLDS}


def test_one_optimiser_answers_where_the_other_diverged(studies):
    study = studies["channels"]
    data = study.data.copy(deep=True)
    lost = (data["optimizer.name"] == "adam").values.argmax()
    data["eval_loss_radial"][int(lost), -3:] = np.nan
    found = own(dataclasses.replace(study, data=data))
    assert found["channels_adam_norm"].verdict == Verdict.NOT_MEASURED
    assert "loss is nan" in found["channels_adam_norm"].detail
    assert found["channels_sgd_radial"].verdict == Verdict.HOLDS
    only = study.data.isel(member=(study.data["optimizer.name"] == "sgd").values)
    found = own(dataclasses.replace(study, data=only))
    assert "no runs of Adam" in found["channels_adam_norm"].detail


def test_the_gradient_of_the_runs_on_hard_labels():
    claim = own(planted("hard_labels", aligned("hard_labels"), seeds=3))["hard_labels_gradient"]
    assert claim.verdict == Verdict.HOLDS
    assert "the aligned flow has 0.6" in claim.detail

    def flat(tau_MxR, data):
        found = aligned("hard_labels")(tau_MxR, data)
        return found | {"eval_gradient_radial": powers(tau_MxR, 1 / 3)[0]}

    study = planted("hard_labels", flat, seeds=3)
    assert own(study)["hard_labels_gradient"].verdict == Verdict.FAILS
    study = dataclasses.replace(study, data=study.data.drop_vars("eval_gradient_radial"))
    assert "eval.channels" in own(study)["hard_labels_gradient"].detail


@pytest.mark.parametrize("name", ["channels"])
def test_figures_and_tables_are_drawn(studies, name):
    module = PARTS.part(name)
    with house_style():
        (figure,) = module.figures(studies[name])
    assert figure.name == name
    assert "no fit" not in figure.caption
    assert "Not every" not in figure.caption
    labels = [text for ax in figure.figure.axes for text in ax.get_legend_handles_labels()[1]]
    slopes = {"channels": 8}
    assert sum("slope" in label for label in labels) == slopes[name]
    rows = {"channels": [8]}
    assert [len(table.rows) for table in module.tables(studies[name])] == rows[name]
