"""The studies of channels, margins, squared loss and separable sets, on curves that are known."""

import dataclasses
from functools import cache

import jax
import numpy as np
import pytest
from planted_studies import aligned, noise, planted, spoiled

from experiments.one_third.studies import PARTS, channels, margins, regression
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import margin_flow
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


@cache
def exact_margins(density, gap, tau):
    """Scale and loss; `planted` gives the start the τ of the first step, which has no flow."""
    flow = margin_flow(np.array(tau[1:]), density, gap, c=2.0)
    return [np.append(1.0, own_R) for own_R in flow[:2]]


def margin_curves(shift=0.0):
    """Returns the exact flow of every member; the loss of density d falls by τ^-shift more."""

    def curve(tau_MxR, data):
        found = {"eval_loss": [], "eval_logit_scale": [], "eval_error": []}
        pairs = zip(data["task.density"].values, data["task.gap"].values, tau_MxR, strict=True)
        for density, gap, tau_R in pairs:
            beta_R, loss_R = exact_margins(density, gap, tuple(tau_R))
            found["eval_loss"].append(loss_R * tau_R ** -(shift if density == 1 else 0.0))
            found["eval_logit_scale"].append(beta_R)
            found["eval_error"].append(np.where(density == 0, tau_R**-0.3, 0.0))
        return {name: np.stack(rows) * noise(tau_MxR.shape, 0.002) for name, rows in found.items()}

    return curve


def separable_curves(loss=0.99, norm=0.09):
    def curve(tau_MxR, data):
        loss_MxR, norm_MxR = powers(tau_MxR, loss, -norm)
        return {"eval_loss": loss_MxR, "param_norm": norm_MxR}

    return curve


def regression_curves(shift=0.0):
    """Returns the flow of a teacher per seed, written out mode by mode in loops."""

    def curve(tau_MxR, data):
        rows = []
        members = zip(data["seed"].values, data["task.spectrum"].values, tau_MxR, strict=True)
        for seed, spectrum, tau_R in members:
            key = jax.random.fold_in(jax.random.key(int(seed)), 1)
            teacher = np.asarray(jax.random.rademacher(key, (512, 8)), np.float64)
            loss_R = np.zeros(len(tau_R))
            for mode in range(1, 513):
                rate = mode**-spectrum
                loss_R += rate * (teacher[mode - 1] ** 2).sum() / 2 * np.exp(-2 * rate * tau_R)
            rows.append(loss_R * (tau_R**-shift if spectrum else np.exp(-shift * tau_R)))
        return {"eval_loss": np.stack(rows) * noise(tau_MxR.shape, 0.002)}

    return curve


def all_studies():
    return [
        planted_channels(),
        planted("margins", margin_curves()),
        planted("separable", separable_curves()),
        planted("regression", regression_curves()),
    ]


@pytest.fixture(scope="module")
def studies():
    return {study.name: study for study in all_studies()}


@pytest.mark.parametrize("name", ["channels", "margins", "separable", "regression"])
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
    assert found["margins_2_loss"].measured == pytest.approx(3 / 5, abs=0.005)
    assert found["margins_flow"].measured == pytest.approx(1, abs=0.005)
    assert found["separable_norm"].measured == pytest.approx(0.09, abs=0.004)
    assert found["regression_rate"].measured == pytest.approx(2, abs=0.01)
    for name, exponent in (("regression_2", 0.511), ("regression_3", 0.666)):
        assert found[name].measured == pytest.approx(exponent, abs=0.004)
        assert found[name].high - found[name].low < 0.03


@pytest.mark.parametrize(
    ("make", "failing"),
    [
        (
            lambda: planted_channels(EXPONENTS | {"adam": (1 / 3, 0.33, 0.33, 0.33)}),
            {"channels_adam_radial", "channels_adam_tangential", "channels_adam_norm"},
        ),
        (lambda: planted("margins", margin_curves(0.1)), {"margins_1_loss", "margins_flow"}),
        (
            lambda: planted("separable", separable_curves(1 / 3, 1 / 3)),
            {"separable_loss", "separable_norm"},
        ),
        (
            lambda: planted("regression", regression_curves(0.1)),
            {"regression_rate", "regression_2", "regression_3", "regression_flow"},
        ),
    ],
)
def test_other_curves_fail(make, failing):
    found = verdicts(make())
    assert {name for name, verdict in found.items() if verdict == Verdict.FAILS} == failing
    assert {found[name] for name in found.keys() - failing} <= {Verdict.HOLDS}


def test_a_power_law_on_isotropic_inputs_is_not_exponential():
    def curve(tau_MxR, data):
        return {"eval_loss": powers(tau_MxR, 1 / 3)[0]}

    assert verdicts(planted("regression", curve))["regression_is_exponential"] == Verdict.FAILS


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


@pytest.mark.parametrize("name", ["channels", "margins", "separable", "regression"])
def test_figures_and_tables_are_drawn(studies, name):
    module = PARTS.part(name)
    with house_style():
        (figure,) = module.figures(studies[name])
    assert figure.name == name
    assert "no fit" not in figure.caption
    assert "Not every" not in figure.caption
    labels = [text for ax in figure.figure.axes for text in ax.get_legend_handles_labels()[1]]
    slopes = {"channels": 8, "margins": 8, "separable": 1, "regression": 2}
    assert sum("slope" in label for label in labels) == slopes[name]
    rows = {"channels": [8], "margins": [12], "separable": [], "regression": [2]}
    assert [len(table.rows) for table in module.tables(studies[name])] == rows[name]


def test_an_error_of_zero_has_a_note_and_no_exponent(studies):
    (table,) = margins.tables(studies["margins"])
    notes = {(row[0], row[1], row[2]): row[-1] for row in table.rows}
    assert "0" in str(notes[2.0, 0.0, "error"])
    assert notes[0.0, 0.0, "error"] == ""


@pytest.mark.parametrize("name", ["margins", "separable", "regression"])
def test_a_diverged_member_leaves_nothing_measured_and_a_figure(studies, name):
    study = studies[name]
    data = study.data.assign(diverged_step=(("member", "step"), np.full(study.data.tau.shape, -1)))
    study = spoiled(dataclasses.replace(study, data=data))
    found = set(verdicts(study).values())
    assert found == {Verdict.NOT_MEASURED}
    with house_style():
        (figure,) = PARTS.part(name).figures(study)
    assert figure.caption


def test_the_window_is_where_few_modes_are_not_felt():
    """512 modes stay within 0.02 of infinitely many there, and not much later."""
    tau_R = np.geomspace(5, 4000, 100)
    loss_R = regression._flow(planted("regression", regression_curves()), tau_R, 2.0)  # pyright: ignore[reportPrivateUsage]
    window = planted("regression", regression_curves()).config.window
    slopes = [
        np.polyfit(np.log(tau_R[part_R]), np.log(loss_R[part_R]), 1)[0]
        for low, high in (window, (20.0, 2000.0))
        for part_R in [(tau_R >= low) & (tau_R <= high)]
    ]
    assert slopes[0] == pytest.approx(-1 / 2, abs=0.02)
    assert slopes[1] < -0.52
