"""The one-third experiment's pure functions: targets, text batches, measures of a student."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.one_third.build import build, validate
from experiments.one_third.teacher import config as teacher_config
from experiments.one_third.text import config as text_config
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.sweeps import plan
from jaxlab.tasks import files, peaked, python_source

TOY = {"task.features": 8, "task.classes": 16, "train.batch_size": 4096}
TEXT = {"train.batch_size": 64, "model.hidden": 8}
CONTEXT = 8


def experiment_of(config, **overrides):
    """Returns an experiment and its traced values."""
    static, values = configs.split(configs.override(config, overrides))
    return build(static), {key: jnp.asarray(value) for key, value in values.items()}


def drawn(experiment, values, split="train", step=0):
    """Returns a member's batch; no entry sees a value that it does not declare."""
    batch = jax.tree.map(jnp.asarray, experiment.data)
    fixed, own = BatchId("fixed", jnp.int32(0)), BatchId(split, jnp.int32(step))
    entries = [(entry, fixed) for entry in experiment.fixed]
    for entry, batch_id in [*entries, *((entry, own) for entry in experiment.batch)]:
        batch |= entry.make(batch, {key: values[key] for key in entry.depends}, batch_id)
    return batch


@pytest.fixture(scope="module")
def toy():
    """The toy's experiment, its values, an evaluation batch, and its evaluation, compiled."""
    experiment, values = experiment_of(teacher_config(), **TOY)
    batch = drawn(experiment, values, "eval")
    return experiment, batch, jax.jit(lambda params: experiment.evaluate(params, batch, values))


def test_soft_targets_become_the_hard_labels_as_the_temperature_falls():
    hard, values = experiment_of(teacher_config(), **TOY, **{"task.labels": "hard"})
    soft, _ = experiment_of(teacher_config(), **TOY)
    params = hard.init(stream_key(7, "init"), values | {"model.init_scale": jnp.float32(3.0)})
    labels = drawn(hard, values)
    loss, gradient = jax.value_and_grad(hard.loss)(params, labels, values)

    def at(temperature):
        own = values | {"task.temperature": jnp.float32(temperature)}
        targets = drawn(soft, own)
        np.testing.assert_array_equal(targets["x_BxM"], labels["x_BxM"])
        return jax.value_and_grad(soft.loss)(params, targets, own)

    distance = [abs(at(temperature)[0] - loss) for temperature in (0.1, 0.05, 0.025, 0.0125)]
    falls = np.divide(distance[:-1], distance[1:])
    assert ((falls > 1.8) & (falls < 2.5)).all()  # as T: the share of near ties
    coldest_loss, coldest_gradient = at(1e-7)
    np.testing.assert_allclose(coldest_loss, loss, rtol=1e-5)
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6)  # noqa: E731
    jax.tree.map(close, coldest_gradient, gradient)


def test_temperature_rate_scale_and_seed_are_traced():
    members = [
        *({"task.temperature": t} for t in (0.1, 1.0)),
        *({"optimizer.learning_rate": rate} for rate in (0.1, 1.0)),
        *({"model.init_scale": scale} for scale in (0.5, 2.0)),
        *({"seed": seed} for seed in (1, 2)),
    ]
    (group,) = plan.group(plan.Sweep(teacher_config(), members))
    assert group.members == members


def test_the_student_starts_as_a_scaled_draw_of_the_teacher_s_law():
    experiment, values = experiment_of(teacher_config(), **{"task.classes": 1000})

    def start(scale, seed=0):
        values_one = values | {"model.init_scale": jnp.float32(scale)}
        return np.asarray(experiment.init(stream_key(seed, "init"), values_one)["head"]["kernel"])

    assert not start(0.0).any()
    np.testing.assert_allclose(start(2.5), 2.5 * start(1.0), rtol=1e-6)
    assert np.abs(start(1.0)).max() <= 32**-0.5
    assert start(1.0).std() == pytest.approx((3 * 32) ** -0.5, rel=0.02)
    teacher = drawn(experiment, values)["teacher_MxN"]
    assert np.std(teacher) == pytest.approx((3 * 32) ** -0.5, rel=0.02)
    assert not np.isclose(start(1.0), teacher).any(axis=0).all()


@settings(deadline=None, max_examples=50)
@given(
    scale=st.floats(0.01, 100.0),
    shift_M=arrays(np.float32, 8, elements=st.floats(-3, 3, width=32)),
)
def test_the_teacher_is_aligned_with_itself_at_any_scale_and_shift(toy, scale, shift_M):
    _, batch, evaluate = toy
    kernel_MxN = scale * (batch["teacher_MxN"] + shift_M[:, None])
    found = evaluate({"head": {"kernel": kernel_MxN}})
    assert found["alignment"] == pytest.approx(1.0, abs=1e-3)
    opposite = evaluate({"head": {"kernel": -kernel_MxN}})
    assert opposite["alignment"] == pytest.approx(-1.0, abs=1e-3)


def test_what_evaluation_says_of_the_teacher_and_of_a_student_of_zeros(toy):
    _, batch, evaluate = toy
    teacher = batch["teacher_MxN"]
    itself = evaluate({"head": {"kernel": teacher / 1e-3}})  # at the temperature of the targets
    assert itself["loss"] == pytest.approx(0.0, abs=1e-4)
    assert itself["error"] == 0
    logits_BxN = np.asarray(batch["x_BxM"], np.float64) @ np.asarray(teacher, np.float64) / 1e-3
    assert itself["logit_std"] == pytest.approx(logits_BxN.std(axis=-1).mean(), rel=1e-4)
    zeros = evaluate({"head": {"kernel": jnp.zeros_like(teacher)}})
    assert (zeros["alignment"], zeros["logit_std"]) == (0, 0)
    assert zeros["error"] == pytest.approx(np.mean(batch["best_B"] != 0))
    assert 0.9 * np.log(16) < zeros["loss"] < np.log(16)


LOGITS = arrays(np.float32, (4, 5), elements=st.floats(-30, 30, width=32))


@settings(deadline=None, max_examples=100)
@given(teacher=LOGITS, student=LOGITS, temperature=st.sampled_from([0.01, 0.3, 1.0, 10.0]))
def test_kl_is_zero_at_the_teacher_and_never_negative(teacher, student, temperature):
    scaled = teacher / np.float32(temperature)
    p, negative_entropy = peaked.soft_targets(jnp.asarray(teacher), jnp.float32(temperature))
    rounding = 1e-6 * (10 + np.abs(scaled).max() + np.abs(student).max())
    at_teacher = peaked.kl_divergence(jnp.asarray(scaled), p, negative_entropy)
    np.testing.assert_allclose(at_teacher, 0, atol=rounding)
    elsewhere = peaked.kl_divergence(jnp.asarray(student), p, negative_entropy)
    assert (elsewhere >= -rounding).all()
    logp, logq = (
        scipy.special.log_softmax(logits.astype(np.float64), axis=-1)
        for logits in (scaled, student)
    )
    exact = (np.exp(logp) * (logp - logq)).sum(axis=-1)
    np.testing.assert_allclose(elsewhere, exact, atol=2 * rounding)


@settings(deadline=None)
@given(arrays(np.float32, (3, 6), elements=st.sampled_from([-1.5, 0.0, 2.0])))
def test_best_class_is_argmax_ties_included(logits):
    assert peaked.best_class(jnp.asarray(logits)).tolist() == logits.argmax(axis=-1).tolist()


@pytest.fixture(scope="module")
def library():
    """Forty small files of bytes that occur nowhere else, some too short for a window."""
    random = np.random.default_rng(0)
    return {f"file_{n:02}.py": random.bytes(4 * n) for n in range(40)}


@pytest.fixture(scope="module")
def text(library, tmp_path_factory):
    """The experiment on text, and a batch drawer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(python_source, "read_library", lambda folder: library)
        data_dir = str(tmp_path_factory.mktemp("data"))
        experiment, values = experiment_of(text_config(), **TEXT, **{"task.data_dir": data_dir})
    draw = jax.jit(lambda step, split: drawn(experiment, values, split, step), static_argnums=1)
    return experiment, values, draw


def windows(library, split):
    """Returns every window of a split's files: CONTEXT bytes and the next one."""
    return {
        text[start : start + CONTEXT + 1]
        for path, text in library.items()
        if files.split_of(path) == split
        for start in range(len(text) - CONTEXT)
    }


@pytest.mark.parametrize(("split", "folder"), [("train", "train"), ("eval", "validation")])
def test_text_batches_are_the_windows_of_their_own_split_s_files(library, text, split, folder):
    expected = windows(library, folder)
    _, _, draw = text
    seen = []
    for step in range(-(-len(expected) // 64)):
        batch = draw(step, split)
        assert batch["context_BxC"].shape == (64, CONTEXT)
        rows = np.concatenate([batch["context_BxC"], batch["next_B"][:, None]], axis=1)
        seen += [bytes(row) for row in rows.astype(np.uint8)]
    assert set(seen) == expected  # all of them in one pass, and nothing that crosses two files
    assert len(set(seen[: len(expected)])) == len(expected)


def test_training_and_evaluation_share_no_text(library, text):
    experiment, _, _ = text
    assert windows(library, "train").isdisjoint(windows(library, "validation"))
    assert set(experiment.info) == {"train", "eval"}
    assert experiment.info["train"]["content_hash"] != experiment.info["eval"]["content_hash"]


def test_an_untrained_model_of_text_knows_nothing(text):
    experiment, values, draw = text
    params = experiment.init(stream_key(0, "init"), values)
    batch = draw(0, "eval")
    assert experiment.loss(params, batch, values) == pytest.approx(np.log(256), rel=1e-5)
    found = experiment.evaluate(params, batch, values)
    assert found["loss"] == pytest.approx(np.log(256), rel=1e-5)
    assert found["logit_std"] == 0
    assert found["error"] == pytest.approx(np.mean(batch["next_B"] != 0))


@pytest.mark.parametrize(
    ("make", "key", "value", "message"),
    [
        (teacher_config, "task.name", "student", "choose one of teacher, margin"),
        (teacher_config, "task.labels", "smooth", "choose one of soft, hard"),
        (teacher_config, "task.temperature", 0.0, "set task.labels = 'hard'"),
        (teacher_config, "task.temperature", -1.0, "set task.labels = 'hard'"),
        (teacher_config, "task.classes", 1, "at least 2"),
        (teacher_config, "task.features", 0, "at least 1"),
        (teacher_config, "model.name", "tower", "choose one of linear"),
        (teacher_config, "task.weights", "normal", "choose one of uniform, spectral"),
        (teacher_config, "task.spectrum", 0.5, "choose 'spectral'"),
        (teacher_config, "task.loss", "hinge", "choose one of cross_entropy"),
        (teacher_config, "task.loss", "focal", "for hard labels"),
        (teacher_config, "task.examples", 7, "train.batch_size"),
        (teacher_config, "model.logit_scale", "free", "choose one of fixed, learned"),
        (teacher_config, "eval.eigenvalues", 11, "between 0 and 10"),
        (text_config, "task.context", 0, "at least 1"),
        (text_config, "task.vocabulary", 255, "at least 256"),
        (text_config, "model.embedding", 0, "at least 1"),
        (text_config, "model.hidden", -1, "at least 1"),
        (text_config, "model.name", "linear", "choose one of next_token"),
    ],
)
def test_validate_names_the_key_and_what_to_do(make, key, value, message):
    config = make()
    validate(config)
    config.update_from_flattened_dict({key: value})
    with pytest.raises(ConfigError, match=message) as error:
        validate(config)
    assert str(error.value).startswith(key)
