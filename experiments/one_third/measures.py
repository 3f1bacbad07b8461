"""What the studies of the one-third experiment measure: exponents, rates, and the theory."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import (
    ExponentInterval,
    exponent_interval,
)
from jaxlab.analysis.power_law import fit_power_law
from jaxlab.analysis.statics import (
    Statics,
    beta_grid,
    sampled_statics,
    teacher_logits,
)
from jaxlab.analysis.study import Study
from jaxlab.analysis.theory import aligned_flow, one_third_regime
from jaxlab.experiment import stream_key
from jaxlab.tasks import peaked

if TYPE_CHECKING:
    import xarray as xr

HEADLINE_RATE = 10 ** (-12 / 11)  # 0.0811, the eighth of the paper's twelve
LOSS, SCALE = "eval_loss", "eval_logit_std"
GRID_KEYS = {"task.temperature": "temperature", "optimizer.learning_rate": "learning_rate"}
GRID_START = 4.0 / 162.2  # of its last τ, where a cell's window starts: the headline's
ROUNDING = 1e-7  # nats; below, a float32 KL is noise


class Curves(NamedTuple):
    """Records after the start: τ and one metric, a row per seed."""

    tau_SxR: np.ndarray
    value_SxR: np.ndarray


def curves(data: xr.Dataset, name: str = LOSS) -> Curves:
    """Returns a metric of all members of a dataset, one row each."""
    later = data.isel(step=slice(1, None)).transpose("member", "step")
    return Curves(later["tau"].values, later[name].values)


@cache
def exponent(
    study: Study, window: Window, name: str = LOSS, floor: bool = False
) -> ExponentInterval:
    """Returns the exponent of a study's one cell in a window of τ, over seeds and windows.

    It is positive for what falls as τ grows, and for a logit scale, which rises.
    """
    tau_SxR, value_SxR = curves(study.data, name)
    sign = -1 if name == SCALE else 1
    return exponent_interval(tau_SxR, value_SxR**sign, window=window, floor=floor)


@cache
def grid(study: Study) -> xr.Dataset:
    """Returns the exponent of each cell (temperature, learning_rate) with its interval.

    A cell is fitted over the steps of the headline's window: the τ from 4/162.2 of its own last
    one. A cell without an exponent has NaN, and `note` says why: members diverged, or the loss fell
    below ROUNDING, where a float32 KL has no logarithm worth a fit.
    """
    import xarray as xr

    indexed = study.data.rename(GRID_KEYS).set_index(member=[*GRID_KEYS.values(), "seed"])
    cells = indexed[["tau", LOSS, SCALE, "diverged_step"]].unstack("member")

    def measure(cell: xr.Dataset) -> xr.Dataset:
        tau_SxR, loss_SxR = curves(cell.rename(seed="member"))
        diverged = int((cell["diverged_step"].isel(step=-1) >= 0).sum())
        found = dict.fromkeys(("exponent", "low", "high", "seed_low", "seed_high"), np.nan)
        note, end = "", tau_SxR[0, -1]
        if diverged:
            note = f"{diverged} of {len(tau_SxR)} diverged"
        elif loss_SxR[:, tau_SxR[0] >= GRID_START * end].min() <= ROUNDING:
            note = "fell to rounding"
        else:
            try:
                result = _cell_exponent(tau_SxR, loss_SxR)
            except NotMeasurable as error:  # too few records
                note = str(error)
            else:
                found = {name: getattr(result, name) for name in found if name != "exponent"}
                found["exponent"] = result.value
        places = {
            "start_beta": GRID_START,
            "middle_beta": float(np.sqrt(GRID_START)),
            "end_beta": 1.0,
        }
        scale, last = cell[SCALE].mean("seed"), float(cell["step"][-1])
        found |= {name: float(scale.interp(step=at * last)) for name, at in places.items()}
        found |= {"end_loss": float(loss_SxR[:, -1].mean())}
        return xr.Dataset(found | {"note": note})

    rows = [
        xr.concat(
            [measure(cells.sel(temperature=t, learning_rate=r)) for r in cells["learning_rate"]],
            dim=cells["learning_rate"],
        )
        for t in cells["temperature"]
    ]
    return xr.concat(rows, dim=cells["temperature"])


def slope(tau_R: np.ndarray, value_R: np.ndarray, window: tuple[float, float]) -> float:
    """Returns d ln value / d ln τ in a window, by least squares."""
    return -fit_power_law(tau_R, value_R, window=window).exponent


@cache
def aligned_theory(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Returns β_SxR and L_SxR of the aligned flow for each member's own teacher."""
    return aligned_flows(study.data, study.config.task.features, study.config.task.classes)


class Teacher(NamedTuple):
    """What a seed's teacher depends on; its singular values are i^-decay, None: as drawn."""

    seed: int
    features: int
    classes: int
    decay: float | None


def aligned_flows(
    data: xr.Dataset, features: int, classes: int, spectral: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Returns β_MxR and L_MxR of the aligned flow for the teachers of a dataset's members.

    No constant is fitted: a flow starts at β = 0, runs on the member's τ, and ends at the
    teacher's own β* (infinite for hard labels, which are temperature 0).

    Args:
      data: of members with a seed, a temperature and, if spectral, a spectrum.
      features: M of the teachers.
      classes: N of the teachers.
      spectral: whether `task.weights` is "spectral".
    """
    tau_MxR = curves(data, "tau").tau_SxR
    coldest = float(data["task.temperature"].min())
    seeds, temperatures = (data[key].values.tolist() for key in ("seed", "task.temperature"))
    decays = data["task.spectrum"].values.tolist() if spectral else [None] * len(seeds)
    flows = []
    for seed, temperature, decay, tau_R in zip(seeds, temperatures, decays, tau_MxR, strict=True):
        teacher = Teacher(seed, features, classes, decay)
        statics, scale = teacher_statics(teacher, coldest)
        flows.append(aligned_flow(tau_R, statics, scale / temperature if temperature else np.inf))
    return np.stack([beta for beta, _ in flows]), np.stack([loss for _, loss in flows])


@cache
def teacher_statics(teacher: Teacher, coldest: float) -> tuple[Statics, float]:
    """The statics of a teacher, and its β* at temperature 1.

    The table reaches as far as the flows: to the β* of the lowest temperature, or to what hard
    labels grow to.
    """
    weights_NxM = teacher_weights(teacher)
    scale = float(np.linalg.norm(weights_NxM) / np.sqrt(teacher.classes))
    random = np.random.default_rng(teacher.seed)
    logits_SxN = teacher_logits(random, weights_NxM, inputs=1 << 15)
    return sampled_statics(logits_SxN, beta_grid(scale / coldest if coldest else 80.0, 49)), scale


def teacher_weights(teacher: Teacher) -> np.ndarray:
    """The weights [N, M] of a teacher, without the shift that no softmax sees."""
    key, shape = stream_key(np.int32(teacher.seed), "fixed"), (teacher.features, teacher.classes)
    if teacher.decay is None:
        weights_MxN = peaked.teacher_weights(key, *shape)
    else:
        weights_MxN = peaked.spectral_weights(key, *shape, jax.numpy.float32(teacher.decay))
    weights_NxM = np.asarray(jax.device_get(weights_MxN), np.float64).T
    return weights_NxM - weights_NxM.mean(axis=0)


def beta_star(temperature: np.ndarray) -> np.ndarray:
    """Returns the β* that the paper gives its teachers: 1/(√3 temperature)."""
    return 1 / (np.sqrt(3) * temperature)


def inside_regime(grid: xr.Dataset, classes: int) -> np.ndarray:
    """Whether β stays where the theory expects 1/3, in all of a cell's window: [T, rates]."""
    edges = [one_third_regime(classes, float(top)) for top in beta_star(grid["temperature"].values)]
    low_Tx1, high_Tx1 = np.array(edges).T[..., None]
    beta_start, beta_end = grid["start_beta"].values, grid["end_beta"].values
    measured = np.isfinite(grid["exponent"].values)
    return measured & (beta_start >= low_Tx1) & (beta_end <= high_Tx1)


def cell_exponent(study: Study, cell: xr.Dataset) -> ExponentInterval:
    """Returns the exponent of a cell of a grid, over seeds and the windows of `grid`.

    Raises:
      NotMeasurable: it has none, as a member diverged.
    """
    return _cell_exponent(*curves(_members(study, cell)))


def flow_exponent(study: Study, cell: xr.Dataset) -> ExponentInterval:
    """Returns the same for the aligned flow of the cell's members.

    Raises:
      NotMeasurable: the flow has none, as its loss falls to rounding.
    """
    data, task = _members(study, cell), study.config.task
    _, loss_SxR = aligned_flows(data, task.features, task.classes)
    return _cell_exponent(curves(data).tau_SxR, loss_SxR)


def _members(study: Study, cell: xr.Dataset) -> xr.Dataset:
    same_M = [(study.data[key] == cell[name]).values for key, name in GRID_KEYS.items()]
    return study.data.isel(member=np.logical_and(*same_M))


def _cell_exponent(tau_SxR: np.ndarray, loss_SxR: np.ndarray) -> ExponentInterval:
    end = float(tau_SxR[0, -1])
    return exponent_interval(tau_SxR, loss_SxR, window=(GRID_START * end, end))
