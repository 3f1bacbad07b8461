"""What the serial-depth experiment draws, and the models that stand around others."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.serial import build, models, tasks
from experiments.serial.blocks import Blocks
from experiments.serial.growing import GrowingWords
from experiments.serial.parallel import Streams, Votes
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId
from jaxlab.models.circuits.local import Local
from jaxlab.tasks.serial import automata
from jaxlab.tasks.serial.groups import group
from jaxlab.tasks.serial.words import Words

KEY = jax.random.key(0)
TOKENS_BxN = jax.random.randint(KEY, (3, 8), 0, 2)
CIRCUIT = Local(vocabulary=2, classes=2, width=4, depth=1, tied=True, hard=False)


@pytest.mark.parametrize("rule", [110, 90, tasks.MAJORITY])
def test_a_table_is_the_whole_truth_table(rule):
    asked = tasks.Table(2).draw(32, {"task.rule": jnp.int32(rule)})
    answer_W = automata.majority_table(2) if rule == 256 else automata.truth_table(rule, 2)
    np.testing.assert_array_equal(asked.targets_BxN[:, 0], answer_W)
    np.testing.assert_array_equal(asked.tokens_BxN, automata.windows(2))


def test_random_tables_are_coins_and_one_for_each_number():
    one_B, same_B, other_B = (
        tasks.Table(4).draw(512, {"task.rule": jnp.int32(rule)}).targets_BxN[:, 0]
        for rule in (tasks.RANDOM, tasks.RANDOM, tasks.RANDOM + 1)
    )
    np.testing.assert_array_equal(one_B, same_B)
    assert abs(float(jnp.mean(one_B)) - 0.5) < 0.1
    assert 0.4 < float(jnp.mean(one_B == other_B)) < 0.6


def test_roots_are_asked_for_the_whole_word_and_levels_for_their_blocks():
    table_GxG = group("S3").table_GxG
    asked = Blocks("S3", 8, 2, 2).draw(KEY, 16)
    word_BxN, answer_BxM = np.array(asked.tokens_BxN), np.array(asked.targets_BxN)
    np.testing.assert_array_equal(answer_BxM[:, :4], table_GxG[word_BxN[:, ::2], word_BxN[:, 1::2]])
    whole_B = word_BxN[:, 0]
    for place in range(1, 8):
        whole_B = table_GxG[whole_B, word_BxN[:, place]]
    np.testing.assert_array_equal(answer_BxM[:, 4:], np.stack([whole_B, whole_B], axis=1))
    assert Blocks("S3", 8, 2, 2).parts == {"level_1": slice(0, 4), "root": slice(4, 6)}


def test_the_majority_is_of_the_letters_in_the_upper_half():
    asked = Blocks("majority", 4, 4, 1).draw(KEY, 64)
    high_B = np.sum(np.array(asked.tokens_BxN) >= 30, axis=1)
    np.testing.assert_array_equal(asked.targets_BxN[:, 0], high_B > 2)


def test_words_that_are_no_whole_number_of_blocks_are_refused():
    with pytest.raises(ValueError, match="no whole number of blocks"):
        Blocks("S3", 6, 2, 2)


def test_a_vote_is_the_mean_of_probabilities():
    apart = Votes(CIRCUIT, 3, counted=False)
    params = apart.init(KEY)
    each_PxBxNxC = jax.nn.softmax(apart.apply(params, TOKENS_BxN))
    alone = CIRCUIT.apply(jax.tree.map(lambda leaf: leaf[1], params), TOKENS_BxN)
    np.testing.assert_allclose(each_PxBxNxC[1], jax.nn.softmax(alone), rtol=1e-5)
    voted = Votes(CIRCUIT, 3, counted=True).apply(params, TOKENS_BxN)
    np.testing.assert_allclose(jax.nn.softmax(voted), each_PxBxNxC.mean(axis=0), rtol=1e-5)


def test_streams_without_shifts_are_the_circuit():
    streams = Streams(CIRCUIT, 3)
    params = streams.init(KEY)
    assert not np.allclose(
        streams.apply(params, TOKENS_BxN), CIRCUIT.apply(params["circuit"], TOKENS_BxN)
    )
    params["shift_PxW"] = jnp.zeros((3, 4))
    np.testing.assert_allclose(
        *(streams.apply(params, TOKENS_BxN), CIRCUIT.apply(params["circuit"], TOKENS_BxN)),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("task", "model", "values", "message"),
    [
        ("table", "window", {"train.batch_size": 100}, "the whole table is a batch"),
        ("table", "window", {"train.batch_size": 128, "task.rule": -1}, "choose one from 0 up"),
        ("automaton", "scratchpad", {}, "single steps of an automaton"),
        ("automaton", "local", {"model.width": 0}, "model: .*width"),
        ("blocks", "tree", {"task.length": 10}, "no whole number of blocks"),
    ],
)
def test_what_does_not_fit_is_refused(task, model, values, message):
    config = configs.override(build.config(task, model), values)
    with pytest.raises(ConfigError, match=message):
        build.validate(config)


def test_keys_of_other_models_are_not_read():
    config = build.config("automaton", "local")
    config.model.update(models.DEFAULTS["votes"])
    assert build.unused_keys(config) == {"model.count", "train.compute_dtype"}


@pytest.mark.parametrize(("task", "model"), [("words", "recurrent"), ("automaton", "votes")])
def test_losses_and_accuracies_are_finite(task, model):
    config = build.config(task, model)
    config.model.width, config.train.batch_size = 4, 4
    static, values = configs.split(config)
    values = {key: jnp.asarray(value) for key, value in values.items()}
    experiment = build.build(static)
    (entry,) = experiment.batch
    batch = entry.make({}, values, BatchId("train", jnp.int32(0)))
    params = experiment.init(KEY, values)
    found = experiment.evaluate(params, batch, values)
    assert all(np.isfinite(value) for value in found.values())
    if task == "words":
        mean = np.mean([found[f"accuracy_letter_{n}"] for n in range(1, 17)])
        np.testing.assert_allclose(mean, found["accuracy"], rtol=1e-5)


def test_growing_words_ask_for_twice_as_many_letters_a_stage_and_are_evaluated_whole():
    task = GrowingWords(group="S3", length=6, letters="elements", stage_steps=10)
    values = {"seed": jnp.int32(0)}

    def asked(split, step):
        drawn = tasks.draw(task, BatchId(split, jnp.int32(step)), 2, values)
        plain = tasks.draw(Words("S3", 6, "elements"), BatchId(split, jnp.int32(step)), 2, values)
        np.testing.assert_array_equal(drawn.tokens_BxN, plain.tokens_BxN)
        np.testing.assert_array_equal(drawn.targets_BxN, plain.targets_BxN)
        assert (drawn.counted_BxN[0] == drawn.counted_BxN[1]).all()
        return drawn.counted_BxN[0].astype(int).tolist()

    steps = (0, 9, 10, 19, 20, 10**6)
    assert [sum(asked("train", step)) for step in steps] == [2, 2, 4, 4, 6, 6]
    assert asked("train", 10) == [1, 1, 1, 1, 0, 0]
    assert sum(asked("eval", 0)) == 6
    with pytest.raises(ValueError, match="at least one step"):
        GrowingWords(group="S3", length=6, letters="elements", stage_steps=0)


def test_while_half_of_a_word_is_asked_for_half_of_the_loops_are_trained():
    config = build.config("growing_words", "looped")
    config.task.update(group="S3", length=8, stage_steps=10)
    config.model.update(width=8, hidden=8, loops=4, injected=True)
    config.train.batch_size, config.unrolled, config.staged_loops = 4, 4, True
    static, values = configs.split(config)
    values = {key: jnp.asarray(value) for key, value in values.items()}
    experiment = build.build(static)
    (entry,) = experiment.batch
    params = experiment.init(KEY, values)
    model = models.make(static, tasks.make(static))
    for step, letters in ((0, 2), (10, 4), (20, 8)):
        batch = entry.make({}, values, BatchId("train", jnp.int32(step)))
        nats_BxN = optax.softmax_cross_entropy_with_integer_labels(
            model.apply(params, batch["tokens_BxN"], loops=letters // 2), batch["targets_BxN"]
        )
        expected = nats_BxN[:, :letters].mean()
        np.testing.assert_allclose(experiment.loss(params, batch, values), expected, rtol=1e-5)
    found = experiment.evaluate(params, batch, values)
    for loop in (1, 3):
        answers_BxN = model.apply(params, batch["tokens_BxN"], loops=loop).argmax(axis=-1)
        right_N = (answers_BxN == batch["targets_BxN"]).mean(axis=0)
        read_N = [found[f"loop_{loop}_letter_{letter}"] for letter in range(1, 9)]
        np.testing.assert_allclose(read_N, right_N)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"task.name": "automaton"}, "loops read 'words' or 'growing_words'"),
        ({"staged_loops": True}, "take 'growing_words'"),
        ({"model.loops": 9}, "take no fewer"),
    ],
)
def test_loops_that_cannot_be_read_are_refused(values, message):
    config = build.config("words", "looped")
    config.unrolled, config.staged_loops = 8, False
    config.task.update(rule=110, time=1, cells=8, asks="every")
    with pytest.raises(ConfigError, match=message):
        build.validate(configs.override(config, values))
