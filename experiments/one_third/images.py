"""Real images: a small network with batch norm and a softmax head (arXiv 2602.03685, App. D.8)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.mlp import BatchNormMlp
from jaxlab.models.module import functional
from jaxlab.tasks import images, peaked
from jaxlab.tasks.shuffle import batch_indices

PIXEL_MAX = 255  # pixels are scaled to [0, 1]


def config() -> Config:
    """Returns a classifier of images, as wide as the paper's."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "images",
            "dataset": "fashion_mnist",  # a TFDS set, or glyphs; see jaxlab.tasks.images.load
            "data_dir": "data",
        }
    )
    config.model = ConfigDict({"name": "batch_norm_mlp", "hidden": 10})
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    one_of(config, "model.name", ("batch_norm_mlp",))
    hidden, batch_size = config.model.hidden, config.train.batch_size
    check(hidden >= 1, f"model.hidden is {hidden}: it must be at least 1")
    check(
        batch_size >= 2 and config.train.accumulate == 1,
        f"train.batch_size is {batch_size}, train.accumulate {config.train.accumulate}: batch norm "
        "needs a whole batch of at least 2",
    )


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it).

    `loss` and `error` are those of new draws from the training split, which the paper reports;
    `test_loss` and `test_error` those of the test split. Both by the statistics of their batch.

    Raises:
        ValueError: the images cannot be read.
        ConfigError: the batch is larger than the training split.
    """
    task, batch_size = config.task, config.train.batch_size
    splits = {name: images.load(task.dataset, name, task.data_dir) for name in ("train", "test")}
    sizes = {name: len(split.labels_N) for name, split in splits.items()}
    check(
        batch_size <= sizes["train"],
        f"train.batch_size is {batch_size}, but {task.dataset} has {sizes['train']} training "
        "images: choose at most that, which is the full batch",
    )
    _, pixels = splits["train"].pixels_NxP.shape
    init, apply = functional(
        lambda rngs: BatchNormMlp(
            pixels,
            config.model.hidden,
            splits["train"].classes,
            jnp.dtype(config.train.compute_dtype),
            rngs,
        )
    )

    def draw(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        drawn = {}
        for name in ("train", "test")[: 1 if batch_id.split == "train" else 2]:
            size = min(batch_size, sizes[name])
            index_B = batch_indices(batch_id.key(values), batch_id.step, size, sizes[name])
            drawn[f"{name}_BxP"] = batch[f"{name}_pixels_NxP"][index_B]
            drawn[f"{name}_label_B"] = batch[f"{name}_labels_N"][index_B]
        return drawn

    def logits(params: Params, batch: Batch, split: str) -> jax.Array:
        return apply(params, batch[f"{split}_BxP"].astype(jnp.float32) / PIXEL_MAX)

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        return _cross_entropy(logits(params, batch, "train"), batch["train_label_B"])

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        found = {}
        for split, prefix in (("train", ""), ("test", "test_")):
            logits_BxN, label_B = logits(params, batch, split), batch[f"{split}_label_B"]
            found[f"{prefix}loss"] = _cross_entropy(logits_BxN, label_B)
            found[f"{prefix}error"] = jnp.mean(peaked.best_class(logits_BxN) != label_B)
            found[f"{prefix}logit_std"] = jnp.mean(jnp.std(logits_BxN, axis=-1))
        return found

    return Experiment(
        init=lambda key, values: init(key),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(("seed",), draw),),
        data={
            f"{name}_{kind}": array
            for name, split in splits.items()
            for kind, array in (("pixels_NxP", split.pixels_NxP), ("labels_N", split.labels_N))
        },
        info={name: split.info for name, split in splits.items()},
    )


def _cross_entropy(logits_BxN: jax.Array, label_B: jax.Array) -> jax.Array:
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits_BxN, label_B))
