"""The one-third experiment: softmax models on a peaked teacher, and on real text.

Everything is a pure function of (seed, step). Members that differ in temperature, learning rate,
initial scale or seed share a program; those with the same seed share inputs, and those with the
same seed and temperature share targets.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values
from jaxlab.models.module import functional
from jaxlab.models.softmax import LinearSoftmax, NextToken
from jaxlab.tasks import corpus, peaked
from jaxlab.tasks.shuffle import batch_indices


def teacher_config() -> Config:
    """Returns the toy of the paper: a linear student of a linear softmax teacher."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "teacher",
            "labels": "soft",  # the teacher's distribution, or "hard": its best class
            "features": 32,
            "classes": 128,
            "temperature": 1e-3,  # soft labels: β* = 1/(√3 temperature)
        }
    )
    config.model = ConfigDict({"name": "linear", "init_scale": 0.0})  # 0: a student of zeros
    config.window = (4.0, 162.0)  # the τ between which claims fit
    return config


def text_config() -> Config:
    """Returns a next-byte model on real text."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "text",
            "dataset": "python_source",  # a TFDS set; this one is built offline
            "data_dir": "data",
            "vocabulary": 256,
            "context": 8,  # the bytes that the model sees
        }
    )
    config.model = ConfigDict({"name": "next_token", "embedding": 16, "hidden": 128})
    config.window = (1.0, 100.0)
    return config


def validate(config: Config) -> None:
    """Checks what only this experiment knows; raises ConfigError."""
    one_of(config, "task.name", ("teacher", "text"))
    window, task = config.window, config.task
    numbers = len(window) == 2 and all(isinstance(end, int | float) for end in window)
    check(
        numbers and 0 < window[0] < window[1],
        f"window is {window}: give two rising values of τ above 0",
    )
    keys = {"text": ("dataset", "data_dir", "context"), "teacher": ("labels", "temperature")}
    for key in keys[task.name]:
        check(key in task, f"task.name is {task.name!r}, but the config has no task.{key}")
    if task.name == "text":
        one_of(config, "model.name", ("next_token",))
        check(
            task.vocabulary >= 256,
            f"task.vocabulary is {task.vocabulary}: bytes need at least 256",
        )
        sizes = ("task.context", "model.embedding", "model.hidden")
    else:
        one_of(config, "model.name", ("linear",))
        one_of(config, "task.labels", ("soft", "hard"))
        sizes = ("task.features", "task.classes")
        check(
            task.temperature > 0 or task.labels == "hard",
            f"task.temperature is {task.temperature}: soft labels need one above 0; for the limit "
            "of temperature 0 set task.labels = 'hard'",
        )
        check(
            task.temperature == 0 or task.labels == "soft",
            f"task.temperature is {task.temperature}, but task.labels is 'hard': hard labels are "
            "the limit of temperature 0, so set it to 0.0",
        )
        check(task.classes >= 2, f"task.classes is {task.classes}: a softmax needs at least 2")
    for key, value in configs.leaves(config):
        check(key not in sizes or value >= 1, f"{key} is {value}: it must be at least 1")


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    return _text(config) if config.task.name == "text" else _teacher(config)


def _teacher(config) -> Experiment:
    task, batch_size = config.task, config.train.batch_size
    hard = task.labels == "hard"
    dtype = jnp.dtype(config.train.compute_dtype)
    init_student, student = functional(
        lambda rngs: LinearSoftmax(task.features, task.classes, dtype, rngs)
    )

    def init(key: jax.Array, values: Values) -> Params:
        return jax.tree.map(lambda leaf: leaf * values["model.init_scale"], init_student(key))

    def make_teacher(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = batch_id.key(values)
        return {"teacher_MxN": peaked.teacher_weights(key, task.features, task.classes)}

    def draw_inputs(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        x_BxM = peaked.inputs(key, batch_size, task.features)
        teacher_BxN = x_BxM @ batch["teacher_MxN"]
        drawn = {"x_BxM": x_BxM}
        if not hard:
            drawn["teacher_BxN"] = teacher_BxN
        if hard or batch_id.split == "eval":  # soft labels need the best class for the error alone
            drawn["best_B"] = peaked.best_class(teacher_BxN)
        return drawn

    def draw_targets(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        p_BxN, entropy_B = peaked.soft_targets(batch["teacher_BxN"], values["task.temperature"])
        return {"p_BxN": p_BxN, "negative_entropy_B": entropy_B}

    def losses(logits_BxN: jax.Array, batch: Batch) -> jax.Array:
        if hard:
            return optax.softmax_cross_entropy_with_integer_labels(logits_BxN, batch["best_B"])
        return peaked.kl_divergence(logits_BxN, batch["p_BxN"], batch["negative_entropy_B"])

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        return jnp.mean(losses(student(params, batch["x_BxM"]), batch))

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_BxN = student(params, batch["x_BxM"])
        return {
            "loss": jnp.mean(losses(logits_BxN, batch)),
            "error": jnp.mean(peaked.best_class(logits_BxN) != batch["best_B"]),
            "logit_std": jnp.mean(jnp.std(logits_BxN, axis=-1)),  # β of the theory
            "alignment": _alignment(params["head"]["kernel"], batch["teacher_MxN"]),
        }

    inputs = Shared(("seed",), draw_inputs)
    targets = Shared(("seed", "task.temperature"), draw_targets)
    return Experiment(
        init=init,
        loss=loss,
        evaluate=evaluate,
        fixed=(Shared(("seed",), make_teacher),),
        batch=(inputs,) if hard else (inputs, targets),
    )


def _alignment(student_MxN: jax.Array, teacher_MxN: jax.Array) -> jax.Array:
    """Returns the cosine between two weights; a shift common to all classes changes no softmax."""
    centred = [w - jnp.mean(w, axis=1, keepdims=True) for w in (student_MxN, teacher_MxN)]
    norms = jnp.maximum(jnp.linalg.norm(centred[0]), 1e-30) * jnp.linalg.norm(centred[1])
    return jnp.vdot(*centred) / norms


def _text(config) -> Experiment:
    task, model, batch_size = config.task, config.model, config.train.batch_size
    dtype = jnp.dtype(config.train.compute_dtype)
    init_model, apply = functional(
        lambda rngs: NextToken(
            task.vocabulary, task.context, model.embedding, model.hidden, dtype, rngs
        )
    )
    data, sizes, info = {}, {}, {}
    for split, name in (("train", "train"), ("eval", "validation")):
        text = corpus.load_bytes(task.dataset, name, task.data_dir)
        # One window per position: the context and the byte to predict, within one file.
        starts = corpus.window_starts(text, task.context + 1)
        data |= {f"{split}_tokens": text.tokens_N, f"{split}_starts": starts.astype(np.int32)}
        sizes[split] = len(starts)
        info[split] = text.info | {"content_hash": text.content_hash, "windows": len(starts)}

    def draw_windows(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        split = batch_id.split
        index_B = batch_indices(batch_id.key(values), batch_id.step, batch_size, sizes[split])
        start_B = batch[f"{split}_starts"][index_B]
        position_BxL = start_B[:, None] + jnp.arange(task.context + 1)[None]
        token_BxL = batch[f"{split}_tokens"][position_BxL].astype(jnp.int32)
        return {"context_BxC": token_BxL[:, :-1], "next_B": token_BxL[:, -1]}

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_BxV = apply(params, batch["context_BxC"])
        losses_B = optax.softmax_cross_entropy_with_integer_labels(logits_BxV, batch["next_B"])
        return jnp.mean(losses_B)

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_BxV = apply(params, batch["context_BxC"])
        losses_B = optax.softmax_cross_entropy_with_integer_labels(logits_BxV, batch["next_B"])
        return {
            "loss": jnp.mean(losses_B),
            "error": jnp.mean(peaked.best_class(logits_BxV) != batch["next_B"]),
            "logit_std": jnp.mean(jnp.std(logits_BxV, axis=-1)),
        }

    return Experiment(
        init=lambda key, values: init_model(key),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(("seed",), draw_windows),),
        data=data,
        info=info,
    )
