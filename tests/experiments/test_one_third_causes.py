"""The checks of causes for disagreements with the paper, on planted studies."""

import dataclasses
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from planted_studies import THIRD, file, noise, planted, results

from experiments.one_third import build, measures, teacher
from jaxlab import config as configs
from jaxlab.experiment import BatchId
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

START, DECAY = "model.init_scale", "optimizer.weight_decay"


def curve(start=THIRD, growth=0.0, stopped=0.0, average=1.0, share=1.0, flow=1.0, bend=0.0):
    """Returns curves in which every cause is the cause, but for what is given."""

    def planted_curve(tau_MxR, data):
        decay_Mx1, start_Mx1 = (data[key].values[:, None] for key in (DECAY, START))
        optimizer, weights, temperature = (
            data[key].values[0] for key in ("optimizer.name", "task.weights", "task.temperature")
        )
        clock_MxR = tau_MxR / tau_MxR[:, -1:]
        exponent_Mx1 = np.where(start_Mx1 > 0, start, THIRD)
        beta_MxR = 8 * clock_MxR**THIRD
        noise_MxR, averaged = 0.3 * clock_MxR**0.5, 1.0  # of a constant rate
        if optimizer == "adamw":
            decayed_Mx1 = decay_Mx1 > 0
            exponent_Mx1 = np.where(decayed_Mx1, stopped, THIRD)
            beta_MxR = 8 * clock_MxR ** np.where(decayed_Mx1, growth, THIRD)
        loss_MxR = clock_MxR**-exponent_Mx1
        if temperature == 6e-3:
            loss_MxR = (tau_MxR / 400) ** -THIRD
            if data["schedule.name"].values[0] == "cosine":
                noise_MxR, averaged = np.zeros_like(loss_MxR), average
        else:
            noise_MxR = np.zeros_like(loss_MxR)
        if weights == "spectral":
            _, later_MxR = measures.aligned_flows(data, 32, 128, spectral=True)
            loss_MxR = flow * np.hstack([later_MxR[:, :1], later_MxR])
            loss_MxR = loss_MxR * clock_MxR ** (-bend * data["task.spectrum"].values[:, None])
        factor_MxR = noise(tau_MxR.shape, 1e-3)
        return {
            "eval_loss": (loss_MxR + noise_MxR) * factor_MxR,
            "eval_loss_tangential": 0.01 * loss_MxR + share * noise_MxR,
            "eval_average_loss": averaged * loss_MxR * factor_MxR,
            "eval_logit_std": beta_MxR * noise(tau_MxR.shape, 1e-3),
            "eval_alignment": np.ones_like(tau_MxR),
        }

    return planted_curve


@cache
def study(**broken):
    return planted("causes", curve(**broken))


def test_causes_that_are_the_cause_are_confirmed():
    found = results(study())
    wrong = {r.claim.id: r.number for r in found.values() if r.verdict != Verdict.SUPPORTED}
    assert wrong == {}
    share = found["cause_schedule_tangential"].estimate
    assert share is not None
    assert share.value == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("broken", "ids"),
    [
        ({"start": 0.6}, {"cause_start_exponent", "cause_start_as_zero"}),
        ({"growth": 0.14}, {"cause_decay_scale"}),
        ({"stopped": THIRD}, {"cause_decay_loss"}),
        ({"average": 0.65}, {"cause_schedule_average"}),
        ({"share": 0.5}, {"cause_schedule_tangential"}),
        ({"flow": 1.2}, {"cause_spectrum_flow"}),
        ({"bend": 0.2}, {"cause_spectrum_exponent"}),
    ],
)
def test_a_cause_that_is_not_the_cause_is_not_confirmed(broken, ids):
    found = results(study(**broken))
    refuted = {name for name, r in found.items() if r.verdict == Verdict.NOT_SUPPORTED}
    assert refuted == ids
    if "bend" in broken:  # the ratio to the flow drifts away from 1
        assert found["cause_spectrum_flow"].verdict == Verdict.UNDECIDED


def test_fewer_steps_leave_the_claims_unmeasured():
    found = results(planted("causes", curve(), most_steps=4000))
    assert {r.reason for r in found.values()} == {"most_steps is 4000, the claim is of 20000"}


def test_a_study_without_a_condition_does_not_measure_its_claims():
    whole = study()
    other = whole.data["optimizer.name"].values != "adamw"
    found = results(dataclasses.replace(whole, data=whole.data.isel(member=other)))
    missing = {name for name, r in found.items() if r.verdict == Verdict.NOT_MEASURED}
    assert missing == {"cause_decay_scale", "cause_decay_loss"}
    assert not any(r.failed for r in found.values())


def test_the_figure_is_drawn():
    with house_style():
        (figure,) = (make(study()) for make in file("causes").figures)
    assert len(figure.png) > 20_000


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_a_spectral_flow_ends_at_the_scale_of_the_teacher_that_the_runs_have(decay):
    config = teacher.config()
    config.task.weights = "spectral"
    static, _ = configs.split(config)
    (fixed,) = build.build(static).fixed
    values = {"seed": jnp.int32(100), "task.spectrum": jnp.float32(decay)}
    weights_MxN = np.asarray(fixed.make({}, values, BatchId("fixed", jnp.int32(0)))["teacher_MxN"])
    centred_MxN = weights_MxN - weights_MxN.mean(axis=1, keepdims=True)

    data = xr.Dataset(
        {"tau": (("member", "step"), [[0.0, 1e2, 1e5]])},
        coords={"seed": ("member", [100]), "task.temperature": ("member", [1.0])}
        | {"task.spectrum": ("member", [decay])},
    )
    beta_MxR, _ = measures.aligned_flows(data, 32, 128, spectral=True)
    assert beta_MxR[0, -1] == pytest.approx(np.linalg.norm(centred_MxN) / 128**0.5, rel=1e-4)
