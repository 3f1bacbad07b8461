"""The two parts of the loss, and the gradient on one-hot labels, on curves that are known."""

import dataclasses

import numpy as np
import pytest
from planted_studies import aligned, file, noise, planted, results, verdicts

from configs.one_third import channels
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
EXPONENTS = {"sgd": (0.34, 0.35, 0.33, 0.33), "adam": (0.40, 0.48, 0.08, 0.44)}


def powers(tau_MxR, *exponents, size=0.002):
    return [tau_MxR**-exponent * noise(tau_MxR.shape, size) for exponent in exponents]


def planted_channels(exponents=EXPONENTS):
    """Returns the study of both optimizers."""

    def curve(tau_MxR, data):
        found = powers(tau_MxR, *exponents[str(data["optimizer.name"].values[0])])
        found[-1] = 1 / found[-1]
        return dict(zip(channels.METRICS.values(), found, strict=True))

    return planted("channels", curve)


@pytest.fixture(scope="module")
def study():
    return planted_channels()


def test_what_is_published_is_supported_with_the_exponents_that_were_planted(study):
    found = results(study)
    assert {result.verdict for result in found.values()} == {SUPPORTED}
    for optimizer, exponents in EXPONENTS.items():
        for part, exponent in zip(channels.METRICS, exponents, strict=True):
            if part in channels.PUBLISHED[optimizer]:
                value = found[f"channels_{optimizer}_{part}"].estimate.value
                assert value == pytest.approx(exponent, abs=0.004)
    relation = found["channels_sgd_relation"].estimate.value
    assert relation == pytest.approx(2 * 0.35 + 0.33, abs=0.01)


def test_other_curves_are_not_supported():
    found = verdicts(planted_channels(EXPONENTS | {"adam": (1 / 3, 0.33, 0.33, 0.33)}))
    failing = {"channels_adam_radial", "channels_adam_tangential", "channels_adam_norm"}
    assert {name for name, verdict in found.items() if verdict == NOT_SUPPORTED} == failing
    assert {found[name] for name in found.keys() - failing} == {SUPPORTED}


def test_one_optimizer_answers_where_the_other_diverged_or_is_missing(study):
    data = study.data.copy(deep=True)
    lost = int((data["optimizer.name"] == "adam").values.argmax())
    for metric in channels.METRICS.values():
        data[metric][lost, -3:] = np.nan
    found = results(dataclasses.replace(study, data=data))
    adam = [result for name, result in found.items() if "adam" in name]
    assert {result.verdict for result in adam} == {Verdict.NOT_MEASURED}
    assert all("loss is nan" in result.reason for result in adam)
    assert {found[name].verdict for name in found if "sgd" in name} == {SUPPORTED}
    only = study.data.isel(member=(study.data["optimizer.name"] == "sgd").values)
    found = results(dataclasses.replace(study, data=only))
    assert "0 members with {'optimizer.name': 'adam'}" in found["channels_adam_norm"].reason


def test_the_figure_shows_every_part_with_its_slope(study):
    with house_style():
        (figure,) = [make(study) for make in file("channels").figures]
    labels = [text for ax in figure.figure.axes for text in ax.get_legend_handles_labels()[1]]
    assert len(labels) == 8
    assert "norm: slope 0.330" in labels
    assert "radial: slope −0.350" in labels


def test_the_gradient_of_the_runs_on_one_hot_labels():
    result = results(planted("hard_labels", aligned("hard_labels"), seeds=3))[
        "hard_labels_gradient"
    ]
    assert result.verdict == SUPPORTED
    assert "the aligned flow has 0.6" in result.estimate.detail

    def flat(tau_MxR, data):
        found = aligned("hard_labels")(tau_MxR, data)
        return found | {"eval_gradient_radial": powers(tau_MxR, 1 / 3)[0]}

    study = planted("hard_labels", flat, seeds=3)
    assert verdicts(study)["hard_labels_gradient"] == NOT_SUPPORTED
    study = dataclasses.replace(study, data=study.data.drop_vars("eval_gradient_radial"))
    assert "eval.channels" in results(study)["hard_labels_gradient"].reason
