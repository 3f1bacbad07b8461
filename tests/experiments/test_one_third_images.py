"""The image classifier's pure functions: which images a batch holds, and what is evaluated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from planted_studies import file

from experiments.one_third.images import build, config, validate
from jaxlab import config as configs
from jaxlab.analysis.study import Study
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key
from jaxlab.tasks import images

SIZES = {"train": 10, "test": 4}
BATCH = 4


@pytest.fixture
def few_images(monkeypatch):
    """Every image has one gray level, its own: training ones from 0, test ones from 100."""

    def load(name, split, data_dir):
        level_N = (100 * (split == "test") + np.arange(SIZES[split])).astype(np.uint8)
        labels_N = np.arange(SIZES[split], dtype=np.int32) % 3
        return images.Images(np.repeat(level_N[:, None], 6, axis=1), labels_N, 3, {"split": split})

    monkeypatch.setattr(images, "load", load)


def made(**overrides):
    own = configs.override(config(), {"train.batch_size": BATCH, **overrides})
    validate(own)
    static, values = configs.split(own)
    return build(static), {key: jnp.asarray(value) for key, value in values.items()}


def drawn(experiment, values, split, steps=1):
    data = jax.tree.map(jnp.asarray, experiment.data)
    (entry,) = experiment.batch
    own = {key: values[key] for key in entry.depends}
    make = jax.jit(lambda step: entry.make(data, own, BatchId(split, step)))
    return [make(jnp.int32(step)) for step in range(steps)]


def test_an_epoch_visits_every_training_image_once_with_its_label(few_images):
    experiment, values = made()
    batches = drawn(experiment, values, "train", steps=5)  # two epochs
    level = np.concatenate([batch["train_BxP"][:, 0] for batch in batches])
    np.testing.assert_array_equal(np.sort(level[:10]), np.arange(10))
    np.testing.assert_array_equal(np.sort(level[10:]), np.arange(10))
    assert (level[:10] != level[10:]).any()  # shuffled anew
    labels = np.concatenate([batch["train_label_B"] for batch in batches])
    np.testing.assert_array_equal(labels, level % 3)
    assert all(set(batch) == {"train_BxP", "train_label_B"} for batch in batches)


def test_evaluation_is_of_both_splits_each_under_its_own_name(few_images):
    experiment, values = made()
    (batch,) = drawn(experiment, values, "eval")
    assert (batch["train_BxP"] < 100).all()
    np.testing.assert_array_equal(np.sort(batch["test_BxP"][:, 0]), [100, 101, 102, 103])
    params = experiment.init(stream_key(0, "init"), values)
    head = np.random.default_rng(0).normal(size=params["head"]["kernel_MxN"].shape)
    params["head"]["kernel_MxN"] = jnp.asarray(head, jnp.float32)
    found = jax.jit(experiment.evaluate)(params, batch, values)
    loss = jax.jit(experiment.loss)
    train = loss(params, batch, values)
    np.testing.assert_allclose(found["loss"], train, rtol=1e-6)
    swapped = {f"train_{name}": batch[f"test_{name}"] for name in ("BxP", "label_B")}
    test = loss(params, swapped, values)
    np.testing.assert_allclose(found["test_loss"], test, rtol=1e-6)
    assert not np.isclose(train, test)
    assert found["logit_std"] > 0


def test_a_start_of_equal_logits_knows_nothing(few_images):
    experiment, values = made()
    params = experiment.init(stream_key(0, "init"), values)
    (batch,) = drawn(experiment, values, "eval")
    found = jax.jit(experiment.evaluate)(params, batch, values)
    np.testing.assert_allclose(found["loss"], np.log(3), rtol=1e-6)
    assert found["logit_std"] == 0


def test_what_cannot_run_is_refused(few_images):
    with pytest.raises(ConfigError, match="has 10 training images"):
        made(**{"train.batch_size": 11})
    made(**{"train.batch_size": 10})  # the full batch
    with pytest.raises(ConfigError, match="a whole batch of at least 2"):
        made(**{"train.accumulate": 2})
    with pytest.raises(ConfigError, match=r"model\.hidden is 0"):
        made(**{"model.hidden": 0})


def test_planted_exponents_are_found_and_the_test_loss_is_compared_seed_by_seed():
    step, exponents_S = np.arange(400), np.array([[0.30], [0.35], [0.40]])
    tau_SxR = np.tile(np.maximum(step, 1) * 0.01, (3, 1))
    curves = {
        "tau": tau_SxR,
        "eval_loss": tau_SxR**-exponents_S,
        "eval_test_loss": tau_SxR ** -(exponents_S - 0.2),
        "eval_logit_std": tau_SxR**exponents_S,
    }
    data = xr.Dataset({name: (("member", "step"), value) for name, value in curves.items()})
    data = data.assign_coords(step=step, seed=("member", [0, 1, 2]))
    study = Study("images", config(), [], data)
    found = {claim.id: claim.measure(study) for claim in file("images").claims}
    for claim in ("images_loss", "images_scale"):
        np.testing.assert_allclose(found[claim].value, 0.35, rtol=1e-4)
    assert found["images_loss"].high - found["images_loss"].low > 0.1
    slower = found["images_test"]  # the same in all seeds, however much they differ
    np.testing.assert_allclose((slower.low, slower.value, slower.high), 0.2, rtol=1e-3)
