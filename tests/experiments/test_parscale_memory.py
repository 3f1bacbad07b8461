"""Memory against reasoning: both tasks as trained, and what the study says of planted losses."""

import dataclasses
from functools import cache

import jax
import numpy as np
import pytest
from planted_parscale import planted, results

from experiments.parscale import composition, model, multiplier, recall
from experiments.parscale import grid as grids
from experiments.parscale.build import build, validate
from experiments.parscale.studies import memory
from jaxlab import config as configs
from jaxlab.analysis.cells import select
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

TINY = {"model.width": 8, "model.heads": 2, "model.kv_heads": 1, "model.hidden": 8}
TINY |= {"model.layers": 1, "streams.prefix": 2, "train.batch_size": 32, "eval.batches": 4}
TABLE = TINY | {"task.pairs": 128, "task.base": 8}
VALUES = configs.split(configs.override(recall.config(), {"seed": 3}))[1]


def made(module, overrides, count=1):
    config = configs.override(module.config(), overrides | {"streams.count": count})
    validate(config)
    return build(configs.split(config)[0])


def drawn(experiment, split, step):
    batch = {}
    for entry in experiment.fixed:
        batch |= entry.make(batch, VALUES, BatchId("fixed", np.int32(0)))
    for entry in experiment.batch:
        batch |= entry.make(batch, VALUES, BatchId(split, np.int32(step)))
    return batch


def keys_and_values(batches):
    keys = [tuple(key) for batch in batches for key in np.asarray(batch["key_BxT"]).tolist()]
    values = [int(value) for batch in batches for value in batch["value_B"]]
    return keys, dict(zip(keys, values, strict=True))


def test_training_and_evaluation_go_over_the_same_table():
    experiment = made(recall, TABLE)
    trained, table = keys_and_values([drawn(experiment, "train", step) for step in range(8)])
    assert sorted(trained) == sorted(2 * list(table))  # two epochs: every pair twice
    for first in (0, 400):  # batches of any record
        evaluated, same = keys_and_values(
            [drawn(experiment, "eval", first + step) for step in range(4)]
        )
        assert len(set(evaluated)) == 128
        assert same == table
    again, _ = keys_and_values([drawn(made(recall, TABLE, count=2), "train", 1)])
    assert again == trained[32:64]  # the same order for every number of streams


def test_chains_are_new_at_every_step_and_the_same_for_every_number_of_streams():
    one, two = made(composition, TINY), made(composition, TINY, count=2)
    draws = [np.asarray(drawn(one, split, step)["tokens_BxT"]) for split, step in SPLIT_STEPS]
    assert all(np.any(a != b) for i, a in enumerate(draws) for b in draws[:i])
    np.testing.assert_array_equal(draws[1], drawn(two, "train", 1)["tokens_BxT"])


SPLIT_STEPS = (("train", 0), ("train", 1), ("eval", 0))


@pytest.mark.parametrize(
    ("module", "overrides", "chance"), [(recall, TABLE, 64), (composition, TINY, 15)]
)
def test_a_fresh_decoder_guesses_and_only_the_answers_are_judged(module, overrides, chance):
    experiment = made(module, overrides, count=2)
    whole = model.streams(configs.override(module.config(), overrides | {"streams.count": 2}))
    batch = drawn(experiment, "eval", 0)
    tokens = batch["key_BxT"] if module is recall else batch["tokens_BxT"]
    answer = np.asarray(batch["value_B"][:, None] if module is recall else batch["answer_BxK"])

    @jax.jit
    def run():
        params = experiment.init(stream_key(3, "init"), VALUES)
        logits_BxTxV = whole.apply(params, tokens, 0.1)
        return (
            experiment.loss(params, batch, VALUES),
            experiment.evaluate(params, batch, VALUES),
            logits_BxTxV,
        )

    loss, found, logits = jax.tree.map(np.asarray, run())
    assert found["loss"] == pytest.approx(np.log(chance), rel=0.02)
    assert found["loss"] == pytest.approx(loss, rel=1e-6)
    logits = logits[:, -answer.shape[1] :]
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -np.take_along_axis(log_p, answer[..., None], axis=-1).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    right = logits.argmax(axis=-1) == answer
    assert found["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    if module is composition:
        by_K = [found[f"accuracy_{k}"] for k in range(1, 9)]
        np.testing.assert_allclose(by_K, right.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("module", "overrides", "message"),
    [
        (recall, {"task.pairs": 8**3 + 1}, "digits of base 8 tell 512 keys apart"),
        (recall, {"eval.batches": 3}, "make it task.pairs = 128"),
        (recall, {"task.base": 65}, "2 to task.vocabulary = 64"),
        (recall, {"task.digits": 0}, "at least 1"),
        (composition, {"task.places": 6}, "need 21 tokens"),
        (composition, {"task.places": 1}, "at least 2"),
        (composition, {"task.swaps": 0}, "at least 1"),
    ],
)
def test_a_task_that_cannot_be_is_refused(module, overrides, message):
    own = TABLE if module is recall else TINY
    with pytest.raises(ConfigError, match=message):
        made(module, own | overrides)


MULTIPLIERS = {"recall": {1: 1.0, 2: 1.0, 4: 0.95}, "composition": {1: 1.0, 2: 1.2, 4: 1.4}}


def loss_of(config, N):
    """A power law of N times the multiplier of the streams; that of a prefix alone is 1."""
    return 3.0 * (N * MULTIPLIERS[config.task.name][config.streams.count] / 1000) ** -0.5


@cache
def study(shift=0.0):
    """A study with the members of the config and planted losses; `shift` is for one stream."""

    def shifted(config, N):
        return loss_of(config, N) + shift * (config.streams.count == 1)

    return planted("memory", shifted, noise=1e-3)


def estimate(found, name):
    result = found[f"memory_{name}"]
    assert result.estimate is not None, result.reason
    return result.estimate


def test_multipliers_come_back():
    found = results(study())
    for task in memory.TASKS:
        for count in (2, 4):
            measured = estimate(found, f"{task}_multiplier_{count}")
            assert measured.value == pytest.approx(MULTIPLIERS[task][count], rel=0.01)
            assert measured.low < measured.value < measured.high
    for count in (2, 4):
        expected = MULTIPLIERS["composition"][count] / MULTIPLIERS["recall"][count]
        assert estimate(found, f"ratio_{count}").value == pytest.approx(expected, rel=0.01)
        assert found[f"memory_ratio_{count}"].verdict == Verdict.SUPPORTED
    assert "every resample within reach" in estimate(found, "recall_multiplier_4").detail
    assert estimate(found, "composition_lone").low > 0
    assert estimate(found, "first").value == 1
    assert estimate(found, "last").value == pytest.approx(0.6, abs=0.01)


def test_gains_are_paired_differences_in_nats():
    own, found = grids.grid(study(), "composition"), results(study())
    gain_S = (own.loss_SxWxP[..., 0] - own.loss_SxWxP[..., 2]).mean(axis=1)
    claim = estimate(found, "composition_gain_4")
    assert claim.value == pytest.approx(gain_S.mean())
    assert claim.seeds == 6


def test_bits_count_what_the_table_holds():
    plain = {"streams.count": 1, "streams.lone": False, "model.width": 8}
    narrow = select(grids.members(study(), "recall"), plain)
    N = 1608 + 64 * 8
    expected = 4096 * (np.log(64) - narrow["eval_loss"].values) / np.log(2) / N
    np.testing.assert_allclose(memory.bits_per_parameter(study(), narrow), expected)
    measured = estimate(results(study()), "bits")
    assert measured.value == pytest.approx(expected.mean())
    assert measured.detail.endswith("after 100 exposures of each pair")


def test_a_loss_that_no_width_reaches_has_no_multiplier():
    better = study(shift=5.0)  # streams are better than the widest decoder alone
    own = grids.grid(better, "composition")
    assert (multiplier.log_multipliers(own, 4) == np.inf).all()
    reason = results(better)["memory_composition_multiplier_4"].reason
    assert reason.startswith("> 3.55 at width 12, > 2.06 at width 16: beyond the widest")
    with house_style():
        assert memory.overview(better).name == "memory"


def test_cells_of_different_seeds_are_no_pairs():
    data = study().data
    data = data.assign_coords(seed=("member", [*data["seed"].values[:-1], 999]))
    other = dataclasses.replace(study(), data=data)
    with pytest.raises(NotMeasurable, match="different seeds"):
        grids.grid(other, str(data["task.name"].values[-1]))


def test_a_prefix_has_no_share_of_nothing():
    found = results(
        planted(
            "memory", lambda config, N: 3 * (N / 1000) ** -0.5 + 0.05 * (config.streams.count > 1)
        )
    )
    assert "not above nothing" in found["memory_recall_lone"].reason
