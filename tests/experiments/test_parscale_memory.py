"""Memory against reasoning: both tasks as trained, and what the study says of planted losses."""

import dataclasses
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from experiments.parscale import composition, model, recall, worth
from experiments.parscale import grid as grids
from experiments.parscale.build import build, validate
from experiments.parscale.studies import memory
from jaxlab import config as configs
from jaxlab.analysis.cells import pick
from jaxlab.analysis.study import RunRecord, Study
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.report.figures import house_style
from jaxlab.sweeps import plan

CONFIG = Path(__file__).parents[2] / "configs" / "parscale" / "memory.py"
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


WORTH = {"recall": {1: 1.0, 2: 1.0, 4: 0.95}, "composition": {1: 1.0, 2: 1.2, 4: 1.4}}


def loss_of(task, N, count, lone):
    """A power law of N times what the streams are worth; a lone prefix is worth nothing."""
    return 3.0 * (N * WORTH[task][count] / 1000) ** -0.5 + 0.0 * lone


@cache
def planted(task_loss=loss_of, shift=0.0):
    """A study with the members of the config and planted losses; `shift` is for one stream."""
    sweep, runs, parts = plan.load(str(CONFIG), {}), [], []
    random = np.random.default_rng(0)
    swept = {key for member in sweep.members for key in member}
    for number, group in enumerate(plan.group(sweep)):
        config, known = group.config, dict(configs.leaves(group.config))
        info, size = model.info(config), len(group.members)
        own = config.streams
        mean = task_loss(config.task.name, info["parameters"], own.count, own.lone)
        mean += shift * (own.count == 1)
        loss_M = mean * (1 + 1e-3 * random.normal(size=size))
        metrics = {"eval_loss": loss_M, "eval_accuracy": np.full(size, 0.5)}
        for k in range(1, 9):
            metrics |= {f"eval_loss_{k}": loss_M + 0.1 * k, f"eval_accuracy_{k}": np.ones(size)}
        metrics["diverged_step"] = np.full(size, -1.0)
        coords = {key: [known[key]] * size for key in swept} | {"run": [f"run{number}"] * size}
        coords["seed"] = [member["seed"] for member in group.members]
        parts.append(
            xr.Dataset(
                {key: (("member", "step"), value[:, None]) for key, value in metrics.items()},
                coords={"step": [config.train.steps]}
                | {key: ("member", value) for key, value in coords.items()},
            )
        )
        environment = {"config_hash": f"hash {number}", "data": info}
        runs.append(
            RunRecord(Path(f"run{number}"), config, list(group.members), environment, {"done": 1})
        )
    data = xr.concat(parts, "member", join="outer", coords="different", compat="equals")
    return Study("memory", sweep.config, runs, data)


def test_what_streams_are_worth_comes_back():
    found = memory.measure(planted())
    for task in memory.TASKS:
        for count in (2, 4):
            measured = found[f"memory_{task}_multiplier_{count}"].interval
            assert measured.value == pytest.approx(WORTH[task][count], rel=0.01)
            assert measured.low < measured.value < measured.high
    for count in (2, 4):
        expected = WORTH["composition"][count] / WORTH["recall"][count]
        assert found[f"memory_ratio_{count}"].interval.value == pytest.approx(expected, rel=0.01)
    assert "every resample within reach" in found["memory_recall_multiplier_4"].detail
    assert found["memory_composition_lone"].interval.low > 0
    assert found["memory_first"].interval.value == 1
    assert found["memory_last"].interval.value == pytest.approx(0.6, abs=0.01)
    assert set(found) == set(memory.EXPECTED)


def test_gains_are_paired_differences_in_nats():
    study = planted()
    own, found = grids.grid(study, "composition"), memory.measure(study)
    gain_S = (own.loss_SxWxP[..., 0] - own.loss_SxWxP[..., 2]).mean(axis=1)
    claim = found["memory_composition_gain_4"].interval
    assert claim.value == pytest.approx(gain_S.mean())
    assert claim.seeds == 6


def test_bits_count_what_the_table_holds():
    study = planted()
    plain = {"streams.count": 1, "streams.lone": False, "model.width": 8}
    narrow = pick(grids.members(study, "recall"), plain)
    N = 1608 + 64 * 8
    expected = 4096 * (np.log(64) - narrow["eval_loss"].values) / np.log(2) / N
    np.testing.assert_allclose(worth.bits_per_parameter(study, narrow), expected)


def test_a_loss_that_no_width_reaches_has_no_worth():
    study = planted(shift=5.0)  # streams are better than the widest decoder alone
    own = grids.grid(study, "composition")
    assert (worth.log_multipliers(own, 4) == np.inf).all()
    found = memory.measure(study)["memory_composition_multiplier_4"]
    assert found.reason.startswith("> 3.55 at width 12, > 2.06 at width 16: beyond the widest")
    with house_style():
        assert memory.figures(study)


def test_figures_and_tables_show_every_cell():
    study = planted()
    with house_style():
        (figure,) = memory.figures(study)
    assert figure.name == "memory"
    (table,) = memory.tables(study)
    assert len(table.rows) == 20
    by_cell = {tuple(row[:3]): row for row in table.rows}
    assert by_cell["composition", "16", "4"][10] == pytest.approx(1.4, rel=0.05)
    assert by_cell["recall", "24", "1"][7] is None


def test_cells_of_different_seeds_are_no_pairs():
    study = planted()
    data = study.data.assign_coords(seed=("member", [*study.data["seed"].values[:-1], 999]))
    with pytest.raises(ValueError, match="different seeds"):
        grids.grid(dataclasses.replace(study, data=data), "composition")


def test_a_prefix_has_no_share_of_nothing():
    study = planted(lambda task, N, count, lone: 3.0 * (N / 1000) ** -0.5 + 0.05 * (count > 1))
    found = memory.measure(study)["memory_recall_lone"]
    assert "not above nothing" in found.reason
