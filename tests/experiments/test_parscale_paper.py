"""The large sizes can be traced: no accelerator is needed to see that a step has no wrong shape."""

import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.parscale import model
from experiments.parscale.build import build
from jaxlab import config as configs
from jaxlab.experiment import BatchId
from jaxlab.sweeps import plan
from jaxlab.tasks import corpus
from jaxlab.training import warm_start

FILES = sorted((Path(__file__).parents[2] / "configs" / "parscale").glob("*.py"))


@pytest.fixture
def nothing_there(monkeypatch):
    """Takes the place of earlier runs, and of a text whose vocabulary takes minutes to learn."""
    for name in ("check_seed", "check_steps", "check_shapes"):
        monkeypatch.setattr(warm_start, name, lambda *args: None)
    monkeypatch.setattr(warm_start, "load", lambda study, part: (np.array([0]), {}))
    tokens_N = np.zeros(2_200_000, np.uint16)  # enough rows to hold out a batch

    def load(dataset, split, data_dir, vocabulary, tokenizer):
        return corpus.Corpus(tokens_N, np.array([0, 700], np.int32), "", {}, (b"a",) * vocabulary)

    monkeypatch.setattr(corpus, "load_tokens", load)


def test_a_step_and_an_evaluation_have_the_right_shapes(nothing_there):
    """Members under one vmap and streams under another, as on an accelerator."""
    heaviest = {}
    for file in FILES:
        if "large" in runpy.run_path(str(file))["SIZES"]:
            for group in plan.group(plan.load(f"{file}:large", {})):
                own = group.config
                kind = (own.task.name, own.model.attention, own.train.compute_dtype)
                size = (own.streams.count, own.model.width)
                if kind not in heaviest or size > heaviest[kind][0]:
                    heaviest[kind] = size, own
    assert {kind[0] for kind in heaviest} >= {"text", "recall", "composition"}
    for _, config in heaviest.values():
        trace(configs.override(config, {"eval.batches": 1}))


def trace(config):
    static, traced = configs.split(config)
    experiment, members = build(static), 2
    params = jax.eval_shape(model.streams(static).init, jax.random.key(0))

    def one(params, number):
        values = {key: jnp.asarray(value) for key, value in traced.items()} | {"seed": number}
        batch = jax.tree.map(jnp.asarray, dict(experiment.data))
        for split, entries in (("fixed", experiment.fixed), ("train", experiment.batch)):
            for entry in entries:
                batch |= entry.make(batch, values, BatchId(split, jnp.int32(0)))
        step = jax.value_and_grad(experiment.loss)(params, batch, values)
        return step, experiment.evaluate(params, batch, values)

    params_M = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((members, *leaf.shape), leaf.dtype), params
    )
    numbers_M = jax.ShapeDtypeStruct((members,), np.int32)
    (loss_M, grads_M), found = jax.eval_shape(jax.vmap(one), params_M, numbers_M)
    assert (loss_M.shape, loss_M.dtype) == ((members,), np.float32)
    assert jax.tree.map(lambda leaf: leaf.shape, grads_M) == jax.tree.map(
        lambda leaf: leaf.shape, params_M
    )
    assert {leaf.shape for leaf in found.values()} == {(members,)}
