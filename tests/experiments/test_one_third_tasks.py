"""The tasks without a paper's code: margins, squared loss, and what the teacher's toy can vary."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from experiments.one_third import margin, regression, teacher
from experiments.one_third.build import build, validate
from jaxlab import config as configs
from jaxlab.benchmark import lowering
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.tasks import peaked

RANDOM = np.random.default_rng(0)


def made(config, **overrides):
    """Returns an experiment and its traced values."""
    static, values = configs.split(configs.override(config, overrides))
    return build(static), {key: jnp.asarray(value) for key, value in values.items()}


def drawn(experiment, values, split="train", step=0):
    """Returns a member's batch; no entry sees a value that it does not declare."""
    fixed, own = BatchId("fixed", jnp.int32(0)), BatchId(split, jnp.int32(step))
    entries = [(entry, fixed) for entry in experiment.fixed]
    batch = {}
    for entry, batch_id in [*entries, *((entry, own) for entry in experiment.batch)]:
        batch |= entry.make(batch, {key: values[key] for key in entry.depends}, batch_id)
    return batch


def head(kernel_MxN):
    return {"head": {"kernel": jnp.float32(kernel_MxN)}}


@pytest.mark.parametrize(("density", "gap"), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.5)])
def test_margins_have_the_density_that_is_dialled(density, gap):
    own = {"task.density": density, "task.gap": gap, "train.batch_size": 1 << 14}
    batch = drawn(*made(margin.config(), **own))
    x_BxM, u_M = np.asarray(batch["x_BxM"]), np.asarray(batch["u_M"])
    margin_B = (2 * np.asarray(batch["class_B"]) - 1) * (x_BxM @ u_M)
    assert np.linalg.norm(u_M) == pytest.approx(1, rel=1e-5)
    # (d - gap)^(density + 1) is uniform.
    uniform_B = np.clip(margin_B - gap, 0, 1) ** (density + 1)
    assert stats.kstest(uniform_B, "uniform").pvalue > 1e-3
    assert np.mean(batch["class_B"]) == pytest.approx(0.5, abs=0.02)
    across_BxM = x_BxM - (x_BxM @ u_M)[:, None] * u_M
    covariance_MxM = across_BxM.T @ across_BxM / len(x_BxM)
    np.testing.assert_allclose(covariance_MxM, np.eye(8) - np.outer(u_M, u_M), atol=0.06)


def test_what_is_measured_of_a_student_of_margins():
    experiment, values = made(margin.config(), **{"train.batch_size": 4096})
    batch = drawn(experiment, values, "eval")
    u_M, x_BxM = np.asarray(batch["u_M"], float), np.asarray(batch["x_BxM"], float)
    zeros = experiment.evaluate(experiment.init(jax.random.key(0), values), batch, values)
    assert zeros["loss"] == pytest.approx(np.log(2), rel=1e-6)
    assert zeros["logit_scale"] == 0
    along = experiment.evaluate(head(np.stack([-2 * u_M, 3 * u_M], axis=1)), batch, values)
    assert along["logit_scale"] == pytest.approx(5, rel=1e-5)
    assert along["error"] <= 1e-3  # margins of rounding
    margin_B = np.abs(x_BxM @ u_M)
    assert along["loss"] == pytest.approx(np.log1p(np.exp(-5 * margin_B)).mean(), rel=1e-4)
    against = experiment.evaluate(head(np.stack([u_M, -u_M], axis=1)), batch, values)
    assert against["error"] >= 1 - 1e-3


@pytest.mark.parametrize("spectrum", [0.0, 2.0])
def test_inputs_of_the_regression_have_their_spectrum(spectrum):
    own = {"task.features": 8, "task.spectrum": spectrum, "train.batch_size": 1 << 15}
    x_BxM = np.asarray(drawn(*made(regression.config(), **own))["x_BxM"])
    covariance_MxM = x_BxM.T @ x_BxM / len(x_BxM)
    expected_M = np.arange(1, 9) ** -spectrum
    deviation_MxM = np.sqrt(np.outer(expected_M, expected_M))
    np.testing.assert_allclose(covariance_MxM / deviation_MxM, np.eye(8), atol=0.03)


def test_squared_loss_is_half_the_squared_distance_of_the_outputs():
    own = {"task.features": 6, "task.outputs": 3, "train.batch_size": 64}
    experiment, values = made(regression.config(), **own)
    batch = drawn(experiment, values)
    teacher_MxN = np.asarray(batch["teacher_MxN"], float)
    assert set(teacher_MxN.flat) == {-1.0, 1.0}  # every mode weighs the same
    w_MxN = RANDOM.normal(size=(6, 3))
    apart_BxN = np.asarray(batch["x_BxM"], float) @ (w_MxN - teacher_MxN)
    expected = 0.5 * (apart_BxN**2).sum() / 64
    assert experiment.loss(head(w_MxN), batch, values) == pytest.approx(expected, rel=1e-5)
    assert experiment.loss(head(teacher_MxN), batch, values) == 0
    assert not np.any(experiment.init(jax.random.key(0), values)["head"]["kernel"])


TOY = {"task.features": 6, "task.classes": 5, "train.batch_size": 512}
HARD = TOY | {"task.labels": "hard", "task.temperature": 0.0}


def cross_entropy(logits_BxN, class_B):
    own_B = logits_BxN[np.arange(len(class_B)), class_B]
    return (np.log(np.exp(logits_BxN).sum(axis=1)) - own_B).mean()


def test_the_channels_split_the_loss_and_its_slope():
    experiment, values = made(teacher.config(), **HARD, **{"eval.channels": True})
    batch = drawn(experiment, values, "eval")
    w_MxN = RANDOM.normal(size=(6, 5))
    found = experiment.evaluate(head(w_MxN), batch, values)
    x_BxM, class_B = np.asarray(batch["x_BxM"], float), np.asarray(batch["best_B"])
    direction_MxN = np.asarray(batch["teacher_MxN"], float)
    direction_MxN = direction_MxN - direction_MxN.mean(axis=1, keepdims=True)
    direction_MxN /= np.linalg.norm(direction_MxN)
    radius = (w_MxN * direction_MxN).sum()  # the direction is centred, so w need not be
    radial = cross_entropy(x_BxM @ (radius * direction_MxN), class_B)
    whole = cross_entropy(x_BxM @ w_MxN, class_B)
    assert found["loss"] == pytest.approx(whole, rel=1e-5)
    assert found["loss_radial"] == pytest.approx(radial, rel=1e-5)
    assert found["loss_tangential"] == pytest.approx(whole - radial, abs=1e-5)
    step = 1e-5
    ahead, behind = (
        cross_entropy(x_BxM @ (w_MxN + sign * step * direction_MxN), class_B) for sign in (1, -1)
    )
    assert found["gradient_radial"] == pytest.approx(-(ahead - behind) / 2 / step, rel=1e-3)


def test_a_learned_scale_multiplies_the_logits():
    learned, values = made(teacher.config(), **HARD, **{"model.logit_scale": "learned"})
    fixed, _ = made(teacher.config(), **HARD)
    assert learned.init(stream_key(0, "init"), values)["log_scale"] == 0
    assert "log_scale" not in fixed.init(stream_key(0, "init"), values)
    batch = drawn(learned, values, "eval")
    w_MxN = RANDOM.normal(size=(6, 5))
    own = learned.evaluate(head(w_MxN) | {"log_scale": jnp.log(3.0)}, batch, values)
    other = fixed.evaluate(head(3 * w_MxN), batch, values)
    for name in own:
        assert float(own[name]) == pytest.approx(float(other[name]), rel=1e-5)


def test_a_finite_set_is_the_whole_of_every_batch():
    experiment, values = made(teacher.config(), **HARD, **{"task.examples": 512})
    first = drawn(experiment, values)
    for split, step in (("train", 7), ("eval", 3)):
        batch = drawn(experiment, values, split, step)
        np.testing.assert_array_equal(batch["x_BxM"], first["x_BxM"])
        np.testing.assert_array_equal(batch["best_B"], first["best_B"])
    fresh, _ = made(teacher.config(), **HARD)
    assert not np.array_equal(drawn(fresh, values)["x_BxM"], drawn(fresh, values, step=1)["x_BxM"])


def test_a_spectral_teacher_has_its_singular_values_and_the_usual_norm():
    own = {"task.weights": "spectral", "task.spectrum": 1.5}
    weights_MxN = np.asarray(drawn(*made(teacher.config(), **own))["teacher_MxN"])
    singular_K = np.linalg.svd(weights_MxN, compute_uv=False)
    np.testing.assert_allclose(singular_K / singular_K[0], np.arange(1, 33) ** -1.5, rtol=1e-3)
    plain_MxN = np.asarray(drawn(*made(teacher.config()))["teacher_MxN"])
    assert np.linalg.norm(weights_MxN) == pytest.approx(np.linalg.norm(plain_MxN), rel=0.02)


def test_the_objective_is_trained_and_cross_entropy_is_reported():
    own = {"task.loss": "squared", "task.loss_strength": 2.0}
    experiment, values = made(teacher.config(), **HARD, **own)
    batch = drawn(experiment, values)
    w_MxN = RANDOM.normal(size=(6, 5))
    logits_BxN = np.asarray(batch["x_BxM"], float) @ w_MxN
    class_B = np.asarray(batch["best_B"])
    wanted = ((logits_BxN - 2 * np.eye(5)[class_B]) ** 2).mean()
    assert experiment.loss(head(w_MxN), batch, values) == pytest.approx(wanted, rel=1e-5)
    found = experiment.evaluate(head(w_MxN), batch, values)
    assert found["loss"] == pytest.approx(cross_entropy(logits_BxN, class_B), rel=1e-5)


def test_the_curvature_that_is_measured_is_that_of_the_loss():
    own = {"task.features": 2, "task.classes": 3, "eval.eigenvalues": 1}
    experiment, values = made(teacher.config(), **HARD | own)
    batch = drawn(experiment, values, "eval")
    w_MxN = jnp.float32(RANDOM.normal(size=(2, 3)))
    found = experiment.evaluate(head(w_MxN), batch, values)
    hessian = jax.hessian(lambda w: experiment.loss(head(w), batch, values))(w_MxN)
    eigenvalues = np.linalg.eigvalsh(np.asarray(hessian).reshape(6, 6))
    assert found["hessian_1"] == pytest.approx(eigenvalues[-1], rel=1e-2)
    assert found["hessian_trace"] == pytest.approx(eigenvalues.sum(), rel=0.5)  # 16 probes


@pytest.mark.parametrize(
    ("task", "key", "value", "message"),
    [
        (margin, "model.name", "tower", "choose one of linear"),
        (margin, "task.features", 0, "at least 1"),
        (margin, "task.density", -1.0, "no integral"),
        (margin, "task.gap", -0.1, "not be negative"),
        (regression, "model.name", "tower", "choose one of linear"),
        (regression, "task.spectrum", -1.0, "0 or more"),
        (regression, "task.features", 0, "at least 1"),
        (regression, "task.outputs", 0, "at least 1"),
        (teacher, "task.weights", "gaussian", "choose one of uniform, spectral"),
        (teacher, "task.spectrum", 1.0, "choose 'spectral'"),
        (teacher, "task.loss", "brier", "is for hard labels"),
        (teacher, "task.loss", "hinge", "choose one of cross_entropy"),
        (teacher, "task.examples", 7, "must be 0 .fresh ones. or train.batch_size"),
        (teacher, "model.logit_scale", "free", "choose one of fixed, learned"),
        (teacher, "eval.eigenvalues", 11, "between 0 and 10"),
    ],
)
def test_validate_names_the_key_and_what_to_do(task, key, value, message):
    config = task.config()
    validate(config)
    config.update_from_flattened_dict({key: value})
    with pytest.raises(ConfigError, match=message) as error:
        validate(config)
    assert str(error.value).startswith(key)


def test_hard_labels_have_no_temperature():
    config = configs.override(teacher.config(), {"task.labels": "hard"})
    with pytest.raises(ConfigError, match="limit of temperature 0"):
        validate(config)


def test_singular_vectors_of_members_are_drawn_one_after_another():
    # A batch of them makes two devices of a CPU wait for each other for ever.
    keys_M = jax.random.split(jax.random.key(0), 3)
    draw = partial(peaked.spectral_weights, features=6, classes=4, decay=jnp.float32(0.5))
    jaxpr = jax.make_jaxpr(jax.vmap(draw))(keys_M)
    drawn = [e for e in lowering.equations(jaxpr.jaxpr) if e.primitive.name in ("geqrf", "qr")]
    assert drawn
    assert all(e.invars[0].aval.ndim == 2 for e in drawn)
    for key, found_MxN in zip(keys_M, jax.vmap(draw)(keys_M), strict=True):
        np.testing.assert_allclose(found_MxN, draw(key), rtol=1e-4, atol=1e-5)
