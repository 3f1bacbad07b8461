"""Studies of the serial-depth experiment whose answers are known."""

from pathlib import Path

import numpy as np
import xarray as xr

from jaxlab import config as configs
from jaxlab import study_file
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.record import RunRecord
from jaxlab.analysis.study import Study
from jaxlab.report.claims import Result

CONFIGS = Path(__file__).parents[2] / "configs" / "serial"
SEEDS = 3


def study(config, cells, parameters=lambda config: 100, serial_depth=lambda config: 10, steps=6000):
    """Returns a study of a run per cell; `cells` are (swept values, metrics by name).

    A metric is one number, or one for each seed. It has no fewer than `steps` of training.
    """
    config.seeds, config.train.steps = SEEDS, max(config.train.steps, steps)
    swept = {"seed"} | {key for values, _ in cells for key in values}
    runs, parts = [], []
    for number, (values, metrics) in enumerate(cells):
        own = configs.override(config, values)
        known = dict(configs.leaves(own))
        cost = {"serial_depth": serial_depth(own), "flops": 1000, "parameters": parameters(own)}
        members = [{"seed": seed} for seed in range(SEEDS)]
        folder = Path(f"run{number}")
        environment = {"data": {"cost": cost}, "config_hash": "planted"}
        done = {"cpu_seconds": 3.0}
        runs.append(RunRecord(folder, own, members, environment, done, {}))
        numbers = {"eval_loss": 0.1, "diverged_step": -1.0} | metrics
        coords = {key: ("member", [known[key]] * SEEDS) for key in swept}
        coords |= {"seed": ("member", range(SEEDS)), "run": ("member", [str(folder)] * SEEDS)}
        arrays = {
            name: (("member", "step"), np.full((SEEDS, 1), np.reshape(value, (-1, 1))))
            for name, value in numbers.items()
        }
        parts.append(xr.Dataset(arrays, coords=coords | {"step": [config.train.steps]}))
    return Study("planted", config, runs, xr.concat(parts, dim="member"))


def file(name):
    """Returns the file of a study of this experiment."""
    return study_file.read(CONFIGS / f"{name}.py")


def results(file, planted):
    """Returns the results of all claims of a study's file on a planted study, by id."""
    return {claim.id: _result(claim, planted) for claim in file.claims}


def _result(claim, planted):
    try:
        return Result(claim, planted.name, claim.measure(planted))
    except NotMeasurable as error:
        return Result(claim, planted.name, None, str(error))
