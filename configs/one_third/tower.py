"""Does a deeper residual tower learn a deep one to a lower loss? (App. D.7)

Prediction: yes, a deeper student ends at a lower loss (arXiv 2602.03685, App. D.7, at temperatures
from 0.01 to 1; its numbers are not known here). Nothing is expected of the exponent of time: the
paper's is not known, and a tower is not the linear student of the theory. The table of cells has
it. τ ends at 2.7, a tenth of the paper's, where exponents of time still change.
Time: teacher of 16 blocks, students of 1 to 8, 4 temperatures, batch 256, 3 seeds x 4500 steps, 5
minutes on two CPU cores. Size `large`, for an accelerator: teacher of 128 blocks, students of 6 to
48, 16 temperatures, batch 1024, 40 000 steps.

python scripts/sweep.py --config=configs/one_third/tower.py --workdir=runs/tower
"""

from functools import cache
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from experiments.one_third import measures, tower
from experiments.one_third.words import PAPER
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr

SIZES = {
    "default": {},
    "large": {"task.blocks": 128, "depths": (6, 12, 16, 24, 32, 48), "temperatures": 16}
    | {"train.steps": 40_000, "train.batch_size": 1024, "eval.batches": 10},
    "tiny": {"task.blocks": 2, "depths": (1, 2), "temperatures": 2, "seeds": 2}
    | {"train.steps": 20, "train.batch_size": 32, "task.classes": 16},
}
BLOCKS, TEMPERATURE = "model.blocks", "task.temperature"


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = tower.config()
    config.task.blocks = 16
    config.train.steps = 4500
    config.train.batch_size = 256
    config.records.every_steps = 4500
    config.records.per_decade = 40
    config.depths = (1, 2, 4, 8)  # blocks of the students
    config.temperatures = 4
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per depth, temperature and seed."""
    for blocks in config.depths:
        for temperature in np.logspace(-2, 0, config.temperatures).tolist():
            for seed in range(config.seeds):
                add(
                    **{
                        "model.blocks": blocks,
                        "task.temperature": temperature,
                        "seed": config.first_seed + seed,
                    }
                )


@cache
def by_cell(study: Study) -> "xr.Dataset":
    """Returns τ and loss with the dimensions (blocks, temperature, seed, step)."""
    data = study.data
    if BLOCKS not in data.coords:  # all members have one depth
        data = data.assign_coords(
            {BLOCKS: ("member", [study.config.model.blocks] * len(data.seed))}
        )
    indexed = data.set_index(member=[BLOCKS, TEMPERATURE, "seed"])
    return indexed[["tau", measures.LOSS]].unstack("member")


def depth_exponent(study: Study, temperature: int = 0) -> Estimate:
    """Measures -d ln(end loss) / d ln(blocks) of one temperature, counted from the coldest."""
    row = by_cell(study).isel({TEMPERATURE: temperature, "step": -1})
    depths_D = row[BLOCKS].values
    if len(depths_D) < 2:
        raise NotMeasurable(f"students of one depth only ({depths_D[0]} blocks)")
    loss_DxS = row[measures.LOSS].transpose(BLOCKS, "seed").values
    if not np.isfinite(loss_DxS).all():
        raise NotMeasurable("a member diverged")
    depths = " ".join(str(blocks) for blocks in depths_D)
    detail = f"students of {depths} blocks, at τ = {float(row['tau'].max()):.3g}"
    return over_seeds(-np.polyfit(np.log(depths_D), np.log(loss_DxS), 1)[0], detail)


def figure_of_towers(study: Study) -> Figure:
    """Returns the loss at the end against depth, at every temperature."""
    cells = by_cell(study)
    depths, temperatures = cells[BLOCKS].values, cells[TEMPERATURE].values
    end = cells[measures.LOSS].isel(step=-1).mean("seed", skipna=False)
    figure, (ax,) = panels()
    loss_TxD = end.transpose(TEMPERATURE, BLOCKS).values
    plots.loglog_curves(ax, depths, loss_TxD, values=temperatures, value_label="temperature")
    ax.set(xlabel="blocks of the student", ylabel="KL at the end on fresh batches, nats")
    ax.set_xticks(depths, [str(blocks) for blocks in depths])
    ax.set_xticks([], minor=True)
    caption = (
        f"Students of a teacher of {study.config.task.blocks} blocks, means of "
        f"{cells.sizes['seed']} seeds, each with its own teacher, at the end of the runs. The "
        "tables have the exponents of depth and of time."
    )
    return Figure("tower", "Residual towers of several depths", caption, figure)


def depth_table(study: Study) -> Table:
    """Returns the exponent of depth by temperature."""
    rows: list[list[float | str | None]] = []
    for place, temperature in enumerate(by_cell(study)[TEMPERATURE].values):
        try:
            found = depth_exponent(study, place)
            rows.append([float(temperature), found.value, found.low, found.high, ""])
        except NotMeasurable as error:
            rows.append([float(temperature), None, None, None, str(error)])
    caption = "tower: exponent of the end loss against the student's depth, over seeds"
    return Table(caption, ["temperature", "exponent", "low", "high", "note"], rows)


CLAIMS = (
    Claim(
        "tower_depth",
        "Residual towers, Adam at 6e-4, T = 0.01: the loss at the end falls with the depth of the "
        "student (exponent of the end loss against the number of blocks)",
        expected=(0.0, inf),
        measure=depth_exponent,
        source=f"{PAPER}, App. D.7, which trains several depths; its numbers are not known here",
        free=("task.blocks", "depths", "temperatures", "train.steps", "train.batch_size"),
    ),
)
FIGURES = (figure_of_towers,)
TABLES = (depth_table,)
