"""Programs lower for accelerators, and what would go wrong there is found."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.one_third import build as one_third
from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.benchmark import lowering
from jaxlab.sweeps import plan

ROOT = Path(__file__).parents[2]
TINY = {"train.batch_size": 64, "task.classes": 16, "task.features": 8, "eval.batches": 1}


@pytest.mark.parametrize(
    ("spec", "devices", "overrides"),
    [
        ("one_third/headline.py:tiny", 8, {}),
        ("parscale/memory.py:tiny", 8, lowering.BFLOAT16),
        ("serial/words.py:tiny", 1, {}),
    ],
)
def test_programs_suit_cuda_and_tpu(spec, devices, overrides):
    group = plan.load(str(ROOT / "configs" / spec), {}).groups[-1]
    assert lowering.problems(group, devices, overrides) == []


def planted(change):
    """Returns what is wrong with the toy where its loss is changed."""
    config = configs.override(teacher_config(), TINY)
    plain = one_third.build(configs.split(config)[0])

    def loss(params, batch, values):
        return change(plain.loss(params, batch, values), params)

    experiment = dataclasses.replace(plain, loss=loss)
    return lowering.problems_of(experiment, config, single=True, devices=1)


def test_calls_of_the_host_and_large_constants_are_found():
    def with_callback(loss, params):
        jax.debug.callback(lambda x: None, loss)
        return loss

    big = np.random.default_rng(0).random((600, 600), np.float32)
    assert planted(with_callback) == ["calls the host: debug_callback"]
    found = planted(lambda loss, params: loss + jnp.sum(jnp.asarray(big) * loss))
    assert found == ["holds a constant of 1440000 bytes"]


def test_members_that_train_one_after_another_are_found():
    group = plan.load(str(ROOT / "configs/one_third/headline.py:tiny"), {}).groups[0]
    overrides = {"devices.members_at_once": 1}
    assert lowering.problems(group, 1, overrides) == ["trains members one after another"]
