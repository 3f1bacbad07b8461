"""An experiment that compiles quickly, for it draws no random number, and a study of it."""

import sys
from types import SimpleNamespace

import jax.numpy as jnp
import pytest

from jaxlab.analysis import study
from jaxlab.experiment import Experiment, ExperimentModule, Shared
from jaxlab.sweeps import local, plan

FILE = """
from jaxlab.config import base
from ml_collections import ConfigDict

def get_config(arg=None):
    config = base()
    config.experiment = "line"
    config.task = ConfigDict({"features": 4})
    config.optimizer.name = "sgd"
    config.train.steps = 6
    config.train.batch_size = 16
    config.records.every_steps = 3
    config.eval.batches = 1
    config.seeds = 4
    config.first_seed = 0
    return config

def sweep(add, config):
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        add(seed=seed, MORE)
"""

UNBUILDABLE, UNFORESEEN, MISTAKES = 6, 8, {7}  # numbers of features


def build_line(config):
    """Returns a regression onto cosines."""
    features = config.task.features
    if features == UNBUILDABLE:
        raise ValueError("there are no six features")
    if features == UNFORESEEN:
        raise KeyError("a mistake in this build")

    def draw(batch, values, batch_id):
        place_B = jnp.arange(config.train.batch_size) + 0.1 * batch_id.step + values["seed"]
        return {"x_BxM": jnp.cos(jnp.outer(place_B, jnp.arange(1, features + 1)))}

    def loss(params, batch, values):
        if features in MISTAKES:
            raise TypeError("a mistake in this loss")
        return jnp.mean((batch["x_BxM"] @ params["w_M"] - 1.0) ** 2)

    return Experiment(
        init=lambda key, values: {"w_M": jnp.full(features, 0.1)},
        loss=loss,
        evaluate=lambda *arguments: {"loss": loss(*arguments)},
        batch=(Shared(("seed",), draw),),
    )


@pytest.fixture(scope="module", autouse=True)
def line():
    """Makes `line` an experiment."""
    contract = ExperimentModule(lambda config: None, lambda config: set(), build_line)
    module = SimpleNamespace(EXPERIMENT=contract)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "experiments.line", SimpleNamespace(build=module))
        patch.setitem(sys.modules, "experiments.line.build", module)
        yield


def train(workdir, more="", progress=lambda run, update: None, **overrides):
    """Trains what a config file's sweep asks for; returns what became of each group."""
    file = workdir.with_suffix(".py")
    file.write_text(FILE.replace("MORE", more))
    return local.run_sweep(plan.load(str(file), overrides), workdir, progress)


def losses(workdir):
    """Returns the losses of all members of a study, by seed."""
    return study.load(study.find_runs(workdir)).sortby("seed")["eval_loss"].values
