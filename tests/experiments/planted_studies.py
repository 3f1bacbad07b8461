"""Studies of the one-third experiment with the real configs' members, and curves that are known."""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.one_third import measures
from jaxlab import config as configs
from jaxlab import study_file
from jaxlab.analysis.record import RunRecord
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Result, Verdict
from jaxlab.report.measure import measure_claims
from jaxlab.study_file import StudyFile
from jaxlab.sweeps import plan
from jaxlab.training import loop, metrics, schedule

CONFIGS = Path(__file__).parents[2] / "configs" / "one_third"
THIRD = 1 / 3
RATES, TEMPERATURES = np.logspace(-3, 0, 12), np.logspace(-3, 0, 8)
HEADLINE_CELL = (0, 7)  # temperature, rate


@cache
def all_studies() -> dict[str, Study]:
    """Returns a study for every config file that claims speak of, as the paper would have them."""
    studies = [
        planted("headline", power_law(0.337)),
        planted("hard_labels", aligned("hard_labels"), seeds=3),
        planted("flat", exponential, seeds=3),
        planted("adam_grid", grid_curve, seeds=2),
        planted("text", floored),
        planted("sgd_grid", flows, seeds=2, grid=(4, 4)),
    ]
    return {study.name: study for study in studies}


@cache
def file(name: str) -> StudyFile:
    """Returns the file of a study of this experiment."""
    return study_file.read(CONFIGS / f"{name}.py")


def results(*studies: Study) -> dict[str, Result]:
    """Returns the results of all claims that the files of the studies make, by id."""
    found = [measure_claims(study, file(study.name)) for study in studies]
    return {result.claim.id: result for own in found for result in own}


def verdicts(*studies: Study) -> dict[str, Verdict]:
    """Returns their verdicts, by id."""
    return {name: result.verdict for name, result in results(*studies).items()}


def planted(name, curve, **overrides) -> Study:
    """Returns a study with the members and records of a real config file, and planted curves.

    `curve(tau_MxR, data)` returns metrics [M, R] by name; τ at the start is that of the first step.
    """
    sweep = plan.load(str(CONFIGS / f"{name}.py"), overrides)
    groups = plan.group(sweep)
    swept = {key for member in sweep.members for key in member}
    parts = [_planted_group(group, swept, curve) for group in groups]
    environment = {"config_hash": f"hash of {name}", "device": "1 x cpu"}
    environment |= dict.fromkeys(("jax", "jaxlib", "flax", "optax", "numpy", "python"), "1.0")
    environment |= {"orbax-checkpoint": "1.0", "data": {"train": {"windows": 10**7}}}
    done = {"wall_seconds": 1.0, "diverged": {}}
    runs = [
        RunRecord(
            Path(name if len(groups) == 1 else group.name),
            group.config,
            list(group.members),
            environment,
            done,
            {"step": part["step"].values, "examples": part["step"].values}
            | {str(name): part[name].values for name in part.data_vars},
        )
        for group, part in zip(groups, parts, strict=True)
    ]
    data = xr.concat(parts, "member", join="outer", coords="different", compat="equals")
    return Study(name, groups[0].config, runs, data, f"configs/one_third/{name}.py")


def _planted_group(group: plan.Group, swept: set[str], curve) -> xr.Dataset:
    config, steps = group.config, metrics.record_steps(group.config)
    values = loop.member_values(config, group.members)
    tau_MxR = schedule.tau(config.schedule.name, values, steps, config.train.steps)
    static = {key: value for key, value in configs.leaves(config) if key in swept - set(values)}
    coords = values | {key: np.array([value] * len(tau_MxR)) for key, value in static.items()}
    data = xr.Dataset(
        {"tau": (("member", "step"), tau_MxR)},
        coords={"step": steps} | {key: ("member", value) for key, value in coords.items()},
    )
    found = curve(np.maximum(tau_MxR, values["optimizer.learning_rate"][:, None]), data)
    found = {"diverged_step": np.full(tau_MxR.shape, -1.0)} | found
    return data.assign({key: (("member", "step"), value) for key, value in found.items()})


def noise(shape, size=0.005):
    """Returns factors about one: a part that a member has throughout, and one per record."""
    random = np.random.default_rng(0)
    own_M, own_MxR = random.normal(size=(shape[0], 1)), random.normal(size=shape)
    return np.exp(size * (own_M + own_MxR))


def power_law(exponent, spread=0.001, size=0.005):
    """Returns curves τ^-exponent; the exponents of the members lie `spread` apart."""

    def curve(tau_MxR, data):
        exponent_M = exponent + spread * (np.arange(len(tau_MxR)) - (len(tau_MxR) - 1) / 2)
        loss_MxR = tau_MxR ** -exponent_M[:, None] * noise(tau_MxR.shape, size)
        return {"eval_loss": loss_MxR, "loss": loss_MxR, "eval_logit_std": 1 / loss_MxR}

    return curve


def drifting(tau_MxR, data):
    """The headline's exponent in its window, but no straight line: steeper at the end."""
    tau_R = tau_MxR[0]
    inside_R = (tau_R >= 4.0) & (tau_R <= 162.0)
    bend = np.polynomial.Polynomial.fit(np.log(tau_R[inside_R]), np.log(tau_R[inside_R]) ** 2, 1)
    x_R = np.log(tau_R)
    loss_MxR = np.exp(-0.337 * x_R - 0.05 * (x_R**2 - bend(x_R))) * noise(tau_MxR.shape)
    return {"eval_loss": loss_MxR}


def exponential(tau_MxR, data):
    return {"eval_loss": np.exp(-2 / 128 * tau_MxR) * noise(tau_MxR.shape)}


def floored(tau_MxR, data):
    loss_MxR = (1.2 + tau_MxR**-THIRD) * noise(tau_MxR.shape, size=1e-4)
    return {"loss": loss_MxR, "eval_loss": loss_MxR}


def aligned(name, scale=1.0):
    """Returns curves of the theory for a config's teachers, the loss `scale` times as high."""

    def curve(tau_MxR, data):
        config = plan.load(str(CONFIGS / f"{name}.py"), {}).config
        study = Study(name, config, [], data.assign(eval_loss=data["tau"]))
        beta_MxR, loss_MxR = measures.aligned_theory(study)
        start_Mx1 = np.ones((len(beta_MxR), 1))  # `aligned_theory` leaves the first record out
        pairs = zip(beta_MxR, tau_MxR[:, 1:], strict=True)
        force_MxR = np.stack([np.gradient(*pair) for pair in pairs])
        return {
            "eval_gradient_radial": np.hstack([start_Mx1, force_MxR]),
            "eval_loss": np.hstack([start_Mx1, scale * loss_MxR]) * noise(tau_MxR.shape, 0.001),
            "eval_logit_std": np.hstack([start_Mx1, beta_MxR]) * noise(tau_MxR.shape, 0.001),
        }

    return curve


def flows(tau_MxR, data):
    """The aligned flow of every member of a grid."""
    found = measures.aligned_flows(data, 32, 128)
    start_Mx1, factor_MxR = np.ones((len(tau_MxR), 1)), noise(tau_MxR.shape, 0.001)
    beta_MxR, loss_MxR = (np.hstack([start_Mx1, found_MxR]) * factor_MxR for found_MxR in found)
    loss_MxR = np.maximum(loss_MxR, 3e-9)  # as float32 does
    return {"eval_loss": loss_MxR, "eval_logit_std": beta_MxR}


def grid_exponents():
    """Returns an exponent for each cell, all different, 0.337 at the headline's."""
    row_T, column_R = np.arange(8) - HEADLINE_CELL[0], np.arange(12) - HEADLINE_CELL[1]
    return 0.337 + 0.3 * row_T[:, None] + 0.02 * column_R


def grid_curve(tau_MxR, data):
    """Power laws, but one cell has a member that diverged, and one falls to rounding."""
    row_M = np.searchsorted(TEMPERATURES, data["task.temperature"].values * 0.999)
    column_M = np.searchsorted(RATES, data["optimizer.learning_rate"].values * 0.999)
    clock_MxR = tau_MxR / tau_MxR[:, -1:]
    exponent_M = grid_exponents()[row_M, column_M]
    loss_MxR = clock_MxR ** -exponent_M[:, None] * noise(tau_MxR.shape)
    rounding_M = (row_M == 7) & (column_M == 5)
    loss_MxR[rounding_M] = np.maximum(np.exp(-200 * clock_MxR[rounding_M]), 3e-9)
    diverged_MxR = np.full(tau_MxR.shape, -1.0)
    lost_M = (row_M == 5) & (column_M == 7) & (data["seed"].values == data["seed"].values.max())
    loss_MxR[lost_M, 40:], diverged_MxR[lost_M, 40:] = np.nan, 790
    return {
        "eval_loss": loss_MxR,
        "eval_logit_std": 10 * clock_MxR**0.3,
        "diverged_step": diverged_MxR,
    }


def grid_with(exponent_at):
    """Returns a planted grid whose cells have `exponent_at(temperature_M, rate_M)`."""

    def curve(tau_MxR, data):
        exponent_M = exponent_at(data["task.temperature"], data["optimizer.learning_rate"]).values
        loss_MxR = (tau_MxR / tau_MxR[:, -1:]) ** -exponent_M[:, None] * noise(tau_MxR.shape)
        return {"eval_loss": loss_MxR, "eval_logit_std": 1 / loss_MxR}

    return planted("adam_grid", curve, seeds=2)


def spoiled(study: Study) -> Study:
    """Returns the study with a member that diverged, as the loop records it."""
    data = study.data.copy(deep=True)
    for metric in set(data) - {"tau"}:
        data[metric][1, -3:] = np.nan
    data["diverged_step"][1, -3:] = 900
    return dataclasses.replace(study, data=data)
