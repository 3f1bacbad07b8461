"""With SGD in place of Adam, does the loss on the paper's grid depend on τ alone, as τ^(-1/3)?

Prediction: where SGD is stable the curves of one temperature collapse on τ, and follow the theory's
flow (arXiv 2602.03685, App. D.2: no numbers published). Every cell is reported. Each cell is fitted
over the steps of the headline's window, that is τ/τ_end in [0.025, 1].
Time: 96 cells x 5 seeds x 2000 steps, one program; 6 minutes on two CPU cores. The paper ran one
seed: --config.seeds=1.

python scripts/sweep.py --config=configs/one_third/sgd_grid.py --workdir=runs/sgd_grid
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from experiments.one_third import cells, figures, measures, teacher
from experiments.one_third.words import PAPER, THIRD
from jaxlab.analysis.estimate import SEEDS_AND_WINDOWS, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure

if TYPE_CHECKING:
    import xarray as xr

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "grid": (2, 2), "train.steps": 20, "train.batch_size": 32}
    | {"records.every_steps": 1},
}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.optimizer.name = "sgd"
    config.train.steps = 2000
    config.records.every_steps = 20
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.grid = (8, 12)  # temperatures, learning rates
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds temperatures 10^-3 to 1 by learning rates 10^-2 to 10, each with all seeds."""
    temperatures, learning_rates = config.grid
    for temperature in np.logspace(-3, 0, temperatures):
        for learning_rate in np.logspace(-2, 1, learning_rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "task.temperature": float(temperature),
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )


def collapse(study: Study) -> Estimate:
    """Measures the largest ratio between two rates below the best at the same τ, per seed.

    A rate counts at a τ that lies in the window of its cell.
    """
    coldest = measures.grid(study).isel(temperature=0)
    rates = coldest["learning_rate"].values
    best = rates[int(np.nanargmin(coldest["end_loss"].values))]
    below = rates[rates < best]
    data = study.data.isel(
        member=(study.data["task.temperature"] == coldest["temperature"]).values
        & np.isin(study.data["optimizer.learning_rate"], below)
    )
    if below.size < 2 or not np.isfinite(measures.curves(data).value_SxR).all():
        raise NotMeasurable(f"no two rates below the best, {best:.4g}, stay finite")
    worst_S = []
    for _, own in data.groupby("seed"):
        tau_CxR, loss_CxR = measures.curves(own)
        start_Cx1, end_Cx1 = measures.GRID_START * tau_CxR[:, -1:], tau_CxR[:, -1:]
        tau_P = np.geomspace(start_Cx1.min(), end_Cx1.max(), 200)
        inside_CxP = (tau_P >= start_Cx1) & (tau_P <= end_Cx1)
        pairs = zip(tau_CxR, loss_CxR, strict=True)
        log_CxP = [np.interp(np.log(tau_P), np.log(tau_R), np.log(y_R)) for tau_R, y_R in pairs]
        highest_P = np.where(inside_CxP, log_CxP, -np.inf).max(axis=0)
        lowest_P = np.where(inside_CxP, log_CxP, np.inf).min(axis=0)
        if inside_CxP.sum(axis=0).max() < 2:
            raise NotMeasurable("no two rates share a τ at which both are in their windows")
        worst_S.append(np.exp((highest_P - lowest_P).max()))
    return over_seeds(np.array(worst_S), f"{below.size} rates below the best, {best:.4g}")


def highest_stable(study: Study) -> xr.Dataset:
    """Returns the cell of the lowest temperature with the highest rate that no seed diverged at."""
    coldest = measures.grid(study).isel(temperature=0)
    stable = np.flatnonzero(np.isfinite(coldest["exponent"].values))
    if not stable.size:
        raise NotMeasurable("no cell of the lowest temperature has an exponent")
    return coldest.isel(learning_rate=stable[-1])


def exponent_at_highest_rate(study: Study) -> Estimate:
    """Measures the exponent of that cell, over seeds."""
    cell = highest_stable(study)
    found = measures.cell_exponent(study, cell)
    flow = measures.flow_exponent(study, cell)
    seeds = Interval(found.value, found.seed_low, found.seed_high, found.seeds, found.level)
    detail = f"rate {float(cell['learning_rate']):.4g}; the aligned flow has {flow.value:.3f} there"
    return of_interval(seeds, detail=detail)


def exponent_over_flow(study: Study) -> Estimate:
    """Measures the exponent of that cell over that of the aligned flow in the same windows."""
    cell = highest_stable(study)
    pair = measures.cell_exponent(study, cell), measures.flow_exponent(study, cell)
    return of_interval(cells.by_window(np.divide, *pair), covers=SEEDS_AND_WINDOWS)


def scans(study: Study) -> Figure:
    """Returns the scans of the grid, at the highest stable rate."""
    return figures.grid_scans(study, float(highest_stable(study)["learning_rate"]))


CLAIMS = (
    Claim(
        "sgd_collapse",
        "SGD at T = 1e-3: at learning rates below the best the loss depends on τ alone (the "
        "largest ratio between the losses of two rates at equal τ is at most 1.2)",
        expected=(-inf, 1.2),
        measure=collapse,
        source=f"{PAPER}, Fig. 1 and 4; measure by this lab",
        free=("grid",),
    ),
    Claim(
        "sgd_exponent",
        "SGD at T = 1e-3 and the grid's highest stable rate: the loss falls about as τ^-1/3 over "
        "the last 97.5 % of τ",
        expected=(THIRD - 0.06, THIRD + 0.06),
        published=THIRD,
        measure=exponent_at_highest_rate,
        source=f"{PAPER}, Fig. 4; the range allows for a flow that has not settled",
        free=("grid",),
        heading="The law",
        label="SGD, T = 1e-3, rate 10",
    ),
    Claim(
        "sgd_theory_exponent",
        "SGD at T = 1e-3 and the grid's highest stable rate: the exponent is that of the aligned "
        "flow (gradient flow of a student that has the teacher's directions) over the last 97.5 % "
        "of τ (ratio of exponents)",
        expected=(0.9, 1.1),
        published=1.0,
        measure=exponent_over_flow,
        source=f"{PAPER}, aligned-student ansatz; quadrature by this lab",
        free=("grid",),
    ),
)
FIGURES = (scans, figures.grid_map)
TABLES = (figures.grid_table,)
