"""ParScale's experiment: paired starts, a second stage, and a backbone that stays frozen."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.parscale import text
from experiments.parscale.build import build, unused_keys, validate
from jaxlab import config as configs
from jaxlab.analysis import study
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.sweeps import local, plan
from jaxlab.sweeps.plan import Sweep
from jaxlab.training import loop, warm_start

SEEDS = (3, 5)
TINY = {
    "model.width": 16,
    "model.heads": 2,
    "model.kv_heads": 1,
    "model.hidden": 24,
    "streams.prefix": 3,
    "task.length": 12,
    "train.batch_size": 4,
    "train.steps": 4,
    "records.every_steps": 4,
    "eval.batches": 1,
}


def tiny(**overrides):
    return configs.override(text.config(), TINY | overrides)


def train(folder, config):
    sweep = Sweep(config, [{"seed": seed} for seed in SEEDS])
    assert set(local.run_sweep(sweep, folder, lambda group, steps: None).values()) == {"done"}
    return warm_start.load(str(folder), "decoder")


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("parscale"))
        yield


@pytest.fixture(scope="module")
def stage_one(elsewhere, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage_one")
    return folder, *train(folder, tiny(study="stage_one"))


def static_build(config):
    return build(configs.split(config)[0])


def values(seed):
    floats = {"streams.smoothing": np.float32(0.1), "model.deviation": np.float32(0.02)}
    return {"seed": np.int32(seed)} | floats


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_every_number_of_streams_sees_the_same_rows_and_starts_from_the_same_decoder():
    made = []
    for count in (1, 2, 4):
        experiment = static_build(tiny(**{"streams.count": count}))
        (rows,) = experiment.batch
        batch = rows.make(experiment.data, values(3), BatchId("train", np.int32(2)))
        params = experiment.init(stream_key(3, "init"), values(3))
        made.append((batch, params["decoder"]))
    assert_same(made[0], made[1])
    assert_same(made[0], made[2])


def test_packed_rows_have_the_loss_of_their_documents_alone(tmp_path):
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"{number} is {number**2}")
    files = {"task.dataset": f"files:{tmp_path}", "task.packed": True, "task.length": 20}
    experiment = static_build(tiny(**{"streams.count": 2}, **files))
    (rows,) = experiment.batch
    params = experiment.init(stream_key(3, "init"), values(3))
    batch = rows.make(experiment.data, values(3), BatchId("train", np.int32(0)))
    documents_BxT = np.asarray(batch["documents_BxT"])
    row = int(np.argmax([len(np.unique(row_T)) for row_T in documents_BxT]))
    pieces = [number for number in np.unique(documents_BxT[row]) if number >= 0]
    assert len(pieces) > 1  # or there is nothing to mix up

    nats, count = 0.0, 0
    for number in pieces:
        own_T = documents_BxT[row] == number
        alone = {name: leaf[row : row + 1, own_T] for name, leaf in batch.items()}
        there = int(alone["counted_BxT"].sum())
        nats += float(experiment.loss(params, alone, values(3))) * there
        count += there
    together = {name: leaf[row : row + 1] for name, leaf in batch.items()}
    whole = float(experiment.loss(params, together, values(3)))
    np.testing.assert_allclose(whole, nats / count, rtol=1e-5)
    evaluated = experiment.evaluate(params, together, values(3))
    np.testing.assert_allclose(evaluated["loss"], whole, rtol=1e-5)


def test_a_second_stage_starts_from_the_decoder_of_its_seed(stage_one):
    folder, seeds_S, decoders_S = stage_one
    config = tiny(**{"streams.count": 2, "start.study": str(folder)})
    experiment = static_build(config)
    for seed in SEEDS:
        params = jax.jit(experiment.init)(stream_key(seed, "init"), values(seed))
        number = seeds_S.tolist().index(seed)
        assert_same(params["decoder"], jax.tree.map(lambda leaf, n=number: leaf[n], decoders_S))
    fresh = static_build(tiny(**{"streams.count": 2})).init(stream_key(3, "init"), values(3))
    started = experiment.init(stream_key(3, "init"), values(3))
    assert_same(fresh["streams"], started["streams"])
    assert not np.array_equal(fresh["decoder"]["norm_M"], started["decoder"]["norm_M"])


def test_a_second_stage_goes_on_with_the_data(stage_one):
    def tokens(step, **overrides):
        experiment = static_build(tiny(**overrides))
        (rows,) = experiment.batch
        batch = rows.make(experiment.data, values(3), BatchId("train", np.int32(step)))
        return batch["tokens_BxT"]

    assert_same(tokens(7), tokens(3, **{"task.first_step": 4}))


def test_a_frozen_decoder_stays_bit_for_bit_and_has_no_optimizer_state(stage_one, tmp_path):
    folder, seeds_S, decoders_S = stage_one
    frozen = {"streams.count": 2, "start.study": str(folder), "start.frozen": True}
    seeds, after = train(tmp_path / "frozen", tiny(study="frozen", **frozen))
    assert seeds.tolist() == seeds_S.tolist()
    assert_same(after, decoders_S)

    _, streams = warm_start.load(str(tmp_path / "frozen"), "streams")
    start = static_build(tiny(**frozen)).init(stream_key(3, "init"), values(3))["streams"]
    moved = jax.tree.map(lambda old, new_S: not np.array_equal(old, new_S[0]), start, streams)
    assert all(jax.tree.leaves(moved))

    (checkpoint,) = (tmp_path / "frozen").glob("*/checkpoints/4/opt_state")
    names = (checkpoint / "_METADATA").read_text()
    assert "mixer_PxMxM" in names
    assert "embedding_VxM" not in names


def test_without_a_frozen_part_everything_learns_twice_the_same(stage_one, tmp_path):
    folder, _, decoders_S = stage_one
    config = tiny(study="both", **{"streams.count": 2, "start.study": str(folder)})
    experiment = local.build(config)
    members: list[configs.Overrides] = [{"seed": seed} for seed in SEEDS]
    for name in ("once", "again"):
        loop.train(experiment, config, members, tmp_path / name)
    records = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("once", "again")]
    assert records[0] == records[1]
    _, after = warm_start.load(str(tmp_path / "once"), "decoder")
    moved = jax.tree.map(lambda old, new: not np.array_equal(old, new), decoders_S, after)
    assert all(jax.tree.leaves(moved))

    start = {f"seed_{SEEDS[0]}_hash": "other"}
    retrained = dataclasses.replace(experiment, info=experiment.info | {"start": start})
    with pytest.raises(ConfigError, match=r"other data; these differ:\n  start\.seed_.* -> other"):
        loop.train(retrained, config, members, tmp_path / "once")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"start.study": "nowhere"}, "begin and when they go on, and there is no run in nowhere"),
        ({"model.attention": "cudnn"}, "'cudnn' needs a GPU, and this is a cpu"),
        ({"start.frozen": True}, "set start.study"),
        ({"model.heads": 3}, "multiple of 6"),
        ({"streams.smoothing": 1.5}, r"must lie in \[0, 1\]"),
        ({"streams.count": 0}, "at least 1 stream"),
        ({"task.vocabulary": 100}, "at least 256"),
    ],
)
def test_a_config_that_cannot_run_is_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        validate(tiny(**overrides))


def test_a_start_of_another_seed_or_shape_is_refused(stage_one):
    start = {"start.study": str(stage_one[0])}
    validate(tiny(seed=SEEDS[0], **start))
    with pytest.raises(ConfigError, match="0 members of seed 4"):
        validate(tiny(seed=4, **start))
    with pytest.raises(ConfigError, match=r"embedding_VxM.*is .*256, 16.* and not .*256, 32"):
        static_build(tiny(**{"model.width": 32}, **start))


def test_a_start_is_read_once_for_all_members(stage_one, monkeypatch):
    calls = []
    find = study.find_runs
    counted = lambda path, **read: calls.append(path) or find(path, **read)  # noqa: E731
    monkeypatch.setattr(study, "find_runs", counted)
    for seed in SEEDS:
        validate(tiny(seed=seed, **{"start.study": f"{stage_one[0]}/."}))
    assert len(calls) == 1


def test_a_second_stage_begins_where_the_first_stopped(stage_one):
    start = {"start.study": str(stage_one[0]), "seed": SEEDS[0]}
    validate(tiny(**{"task.first_step": 4}, **start))
    with pytest.raises(ConfigError, match=r"task\.first_step is 5, but .* took 4: set it"):
        validate(tiny(**{"task.first_step": 5}, **start))


def test_the_hashes_of_a_start_are_those_of_every_number_of_a_seed(stage_one, monkeypatch):
    seeds_S, decoders_S = stage_one[1:]
    other_S = jax.tree.map(np.copy, decoders_S)
    other_S["norm_M"][-1, -1] += 1e-6

    def hashes(found):
        monkeypatch.setattr(warm_start, "load", lambda study, part: found)
        return warm_start.content_hashes("", "decoder")

    before, after = hashes((seeds_S, decoders_S)), hashes((seeds_S, other_S))
    assert list(before) == [f"seed_{seed}_hash" for seed in seeds_S]
    assert [before[key] == after[key] for key in before] == [True] * (len(seeds_S) - 1) + [False]
    fewer = hashes((seeds_S[1:], jax.tree.map(lambda leaf_S: leaf_S[1:], decoders_S)))
    assert fewer.items() <= before.items()  # more seeds leave those of the others alone


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, "transform prefix code code_hidden rank tied aggregation smoothing"),
        ({"lone": True}, "code_hidden rank tied aggregation smoothing"),
        ({"count": 2}, "code_hidden rank lone"),
        ({"count": 2, "code": 4}, "rank lone"),
        ({"count": 2, "transform": "lora"}, "prefix code code_hidden lone"),
        ({"count": 2, "transform": "bias", "code": 4}, "prefix code code_hidden rank lone"),
        ({"count": 2, "aggregation": "mean"}, "code_hidden rank lone smoothing"),
    ],
)
def test_what_streams_do_not_read_is_known(overrides, expected):
    config = tiny(**{f"streams.{key}": value for key, value in overrides.items()})
    assert unused_keys(config) == {f"streams.{key}" for key in expected.split()}
    config.task.swaps = 4  # of another task
    assert "task.swaps" in unused_keys(config)


def test_a_key_that_no_member_reads_is_refused():
    widths = Path(__file__).parents[2] / "configs" / "parscale" / "widths.py"
    plan.load(f"{widths}:tiny", {"streams.prefix": 3})  # which one of the members does not read
    with pytest.raises(ConfigError, match=r"streams\.rank is set, but nothing here reads it"):
        plan.load(f"{widths}:tiny", {"streams.rank": 3})
