"""Averages of the weights over time: against NumPy, in the metrics, through an interruption."""

from functools import cache, partial
from importlib import metadata

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.one_third.build import build
from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.config import Overrides
from jaxlab.training import loop, program
from jaxlab.training import mesh as meshes

TINY = {"train.batch_size": 32, "task.classes": 16, "task.features": 8, "train.steps": 24}
TINY |= {"records.every_steps": 6, "checkpoint.every_steps": 6, "eval.batches": 2}
MEMBERS: list[Overrides] = [{"seed": seed, "optimizer.learning_rate": 0.1} for seed in range(2)]
STEPS = 12


def tiny(**overrides):
    return configs.override(teacher_config(), TINY | overrides)


@cache
def compiled(name):
    """Returns the program of an average: its numbers are arguments, so that all tests share it."""
    config = tiny(**{"average.name": name})
    static, _ = configs.split(config)
    mesh = meshes.make(config, len(MEMBERS), jax.devices()[:1])
    return program.build.__wrapped__(build(static), static, mesh)


def start(name, **overrides):
    """Returns a program's `run` and its first state."""
    config = tiny(**{"average.name": name} | overrides)
    arguments = compiled(name).place(loop.member_values(config, MEMBERS))
    run = lambda state, *steps: compiled(name).run(state, arguments, *steps)  # noqa: E731
    return run, compiled(name).init(arguments)


def kernel(params):
    return np.asarray(params["head"]["kernel"], np.float64)


def weights_by_hand(name, value):
    """The share of the weights after each of STEPS steps in their average, normalised."""
    if name == "ema":  # forgets at 1 - value, once it is past being a plain mean
        share_T = np.zeros(STEPS)
        for step in range(STEPS):
            newest = max(1 - value, 1 / (step + 1))
            share_T *= 1 - newest
            share_T[step] = newest
        return share_T
    # Shamir and Zhang: products of 1 - (power + 1) / (t + power + 1), with t from 1.
    share_T = np.ones(STEPS)
    for step in range(1, STEPS):
        newest = (value + 1) / (step + 1 + value)
        share_T[:step] *= 1 - newest
        share_T[step] = newest
    return share_T


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("polynomial", "average.power", 0.0),
        ("polynomial", "average.power", 3.0),
        ("ema", "average.decay", 0.7),
        ("ema", "average.decay", 0.999),
    ],
)
def test_the_average_is_that_of_the_weights_after_every_step(name, key, value):
    run, state = start(name, **{key: value})
    seen = []
    for step in range(STEPS):
        state, _ = run(state, step, step + 1)
        seen.append(kernel(state.params))
    share_T = weights_by_hand(name, value)
    assert share_T.sum() == pytest.approx(1)
    if value in (0.0, 0.999):
        np.testing.assert_allclose(share_T, 1 / STEPS)  # the plain mean
    expected = np.tensordot(share_T, np.stack(seen), axes=1)
    np.testing.assert_allclose(kernel(state.average), expected, rtol=1e-4, atol=1e-6)


def test_averaged_metrics_are_those_of_the_averaged_weights():
    run, state = start("polynomial")
    state, metrics = run(state, 0, STEPS)
    average = jax.tree.map(jnp.array, state.average)  # the state is donated
    _, swapped = run(state._replace(params=average), STEPS, STEPS)  # no step, the same batches
    names = {name for name in metrics if name.startswith("eval_average_")}
    assert {name.replace("average_", "") for name in names} == {
        name for name in metrics if name.startswith("eval_") and name not in names
    }
    for name in names:
        np.testing.assert_allclose(metrics[name], swapped[name.replace("average_", "")], rtol=1e-6)
    assert (metrics["eval_average_loss"] != metrics["eval_loss"]).all()


def test_an_average_changes_no_training_and_without_one_the_state_holds_none(monkeypatch):
    # Two programs round alike as XLA compiles them for users, not with the flags of the tests.
    if metadata.version("jaxlib").startswith("0.10."):  # later versions lack the flag
        for_users = {"xla_cpu_use_fusion_emitters": True}
        monkeypatch.setattr(jax, "jit", partial(jax.jit, compiler_options=for_users))
    compiled.cache_clear()
    run, state = start("none")
    plain, metrics = run(state, 0, STEPS)
    run, state = start("ema")
    averaged, with_average = run(state, 0, STEPS)
    np.testing.assert_array_equal(kernel(plain.params), kernel(averaged.params))
    np.testing.assert_array_equal(metrics["eval_loss"], with_average["eval_loss"])
    assert jax.tree.leaves(plain.average) == []
    assert not [name for name in metrics if "average" in name]


class Stop(Exception):  # noqa: N818
    pass


def test_an_interrupted_run_goes_on_with_its_average_bit_for_bit(tmp_path):
    config = tiny(**{"average.name": "polynomial"})
    experiment = build(configs.split(config)[0])

    def train(folder, progress=lambda update: None):
        loop.train(experiment, config, MEMBERS, folder, progress)
        return (folder / "metrics.jsonl").read_bytes()

    def interrupt(update):
        if update.step >= 12:
            raise Stop

    straight = train(tmp_path / "straight")
    with pytest.raises(Stop):
        train(tmp_path / "stopped", interrupt)
    assert b"eval_average_loss" in straight
    assert train(tmp_path / "stopped") == straight
