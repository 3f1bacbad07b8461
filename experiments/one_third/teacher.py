"""The toy of the paper: a linear student of a linear softmax teacher (arXiv 2602.03685, exp-1).

Everything is a pure function of (seed, step). Members that differ in temperature, learning rate,
initial scale or seed share a program; those with the same seed share inputs, and those with the
same seed and temperature share targets.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values, random_key
from jaxlab.models.losses import LOSSES, cross_entropy
from jaxlab.models.module import functional
from jaxlab.models.softmax import LinearSoftmax
from jaxlab.tasks import peaked
from jaxlab.training import curvature


def config() -> Config:
    """Returns the base of the configs on this task."""
    config = configs.base()
    config.experiment = "one_third"
    config.task = ConfigDict(
        {
            "name": "teacher",
            "labels": "soft",  # the teacher's distribution, or "hard": its best class
            "features": 32,
            "classes": 128,
            "temperature": 1e-3,  # soft labels: β* = 1/(√3 temperature)
            "weights": "uniform",  # of the teacher; "spectral": singular values i^-spectrum
            "spectrum": 0.0,  # spectral only
            "examples": 0,  # inputs in all, drawn once; 0: fresh ones at every step
            "loss": "cross_entropy",  # see jaxlab.models.losses; soft labels: this one alone
            "loss_strength": 0.0,  # of smoothed, focal, squared, z_loss
        }
    )
    config.model = ConfigDict(
        {
            "name": "linear",
            "init_scale": 0.0,  # 0: a student of zeros
            "logit_scale": "fixed",  # 1, or "learned": e^a with a in the parameters
        }
    )
    config.eval.channels = False  # also measure the parts of the loss; see `_channels`
    config.eval.eigenvalues = 0  # how many of the Hessian's largest to measure, and its trace
    return config


def validate(config: Config) -> None:
    """Checks what only this task knows; raises ConfigError."""
    task = config.task
    one_of(config, "model.name", ("linear",))
    one_of(config, "model.logit_scale", ("fixed", "learned"))
    one_of(config, "task.labels", ("soft", "hard"))
    one_of(config, "task.weights", ("uniform", "spectral"))
    one_of(config, "task.loss", tuple(LOSSES))
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
    check(
        task.loss == "cross_entropy" or task.labels == "hard",
        f"task.loss is {task.loss!r}: it is for hard labels; soft ones have cross_entropy",
    )
    check(
        task.spectrum == 0 or task.weights == "spectral",
        f"task.spectrum is {task.spectrum}, but task.weights is 'uniform': choose 'spectral'",
    )
    check(task.classes >= 2, f"task.classes is {task.classes}: a softmax needs at least 2")
    check(task.features >= 1, f"task.features is {task.features}: it must be at least 1")
    check(
        task.examples in (0, config.train.batch_size),
        f"task.examples is {task.examples}: it must be 0 (fresh ones) or train.batch_size, "
        f"{config.train.batch_size} (all of them in every step)",
    )
    count, size = config.eval.eigenvalues, task.features * task.classes
    check(
        0 <= count <= min(size, 10),
        f"eval.eigenvalues is {count}: it must lie between 0 and {min(size, 10)}",
    )


def build(config) -> Experiment:
    """Returns the experiment of a static config (no traced value is in it)."""
    task, batch_size = config.task, config.train.batch_size
    hard, learned = task.labels == "hard", config.model.logit_scale == "learned"
    objective = LOSSES[task.loss]
    dtype = jnp.dtype(config.train.compute_dtype)
    init_student, student = functional(
        lambda rngs: LinearSoftmax(task.features, task.classes, dtype, rngs)
    )

    def init(key: jax.Array, values: Values) -> Params:
        scaled = jax.tree.map(lambda leaf: leaf * values["model.init_scale"], init_student(key))
        return scaled | ({"log_scale": jnp.zeros(())} if learned else {})

    def make_teacher(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        key = batch_id.key(values)
        if task.weights == "uniform":
            return {"teacher_MxN": peaked.teacher_weights(key, task.features, task.classes)}
        decay = values["task.spectrum"]
        return {"teacher_MxN": peaked.spectral_weights(key, task.features, task.classes, decay)}

    def draw_inputs(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        own = batch_id
        if task.examples:  # every batch is the first of the training split
            own = BatchId("train", jnp.int32(0))
        key = jax.random.fold_in(own.key(values), own.step)
        return {"x_BxM": peaked.inputs(key, batch_size, task.features)}

    def label(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        teacher_BxN = batch["x_BxM"] @ batch["teacher_MxN"]
        labels = {} if hard else {"teacher_BxN": teacher_BxN}
        if hard or batch_id.split == "eval":  # soft labels need the best class for the error alone
            labels["best_B"] = peaked.best_class(teacher_BxN)
        return labels

    def draw_targets(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        p_BxN, entropy_B = peaked.soft_targets(batch["teacher_BxN"], values["task.temperature"])
        return {"p_BxN": p_BxN, "negative_entropy_B": entropy_B}

    def logits(params: Params, x_BxM: jax.Array) -> jax.Array:
        scale = jnp.exp(params["log_scale"]) if learned else 1.0
        return scale * student({"head": params["head"]}, x_BxM)

    def nats(logits_BxN: jax.Array, batch: Batch) -> jax.Array:
        if hard:
            return jnp.mean(cross_entropy(logits_BxN, batch["best_B"], jnp.zeros(())))
        kl_B = peaked.kl_divergence(logits_BxN, batch["p_BxN"], batch["negative_entropy_B"])
        return jnp.mean(kl_B)

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_BxN = logits(params, batch["x_BxM"])
        if not hard:
            return nats(logits_BxN, batch)
        return jnp.mean(objective(logits_BxN, batch["best_B"], values["task.loss_strength"]))

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        logits_BxN = logits(params, batch["x_BxM"])
        kernel_MxN = params["head"]["kernel"] * (jnp.exp(params["log_scale"]) if learned else 1.0)
        metrics = {
            "loss": nats(logits_BxN, batch),  # of the softmax, whatever the objective is
            "error": jnp.mean(peaked.best_class(logits_BxN) != batch["best_B"]),
            "logit_std": jnp.mean(jnp.std(logits_BxN, axis=-1)),  # β of the theory
            "alignment": _alignment(kernel_MxN, batch["teacher_MxN"]),
        }
        if config.eval.channels:
            metrics |= _channels(kernel_MxN, logits_BxN, batch, nats)
        if config.eval.eigenvalues:
            metrics |= _curvature(params, lambda own: loss(own, batch, values))
        return metrics

    def _curvature(params: Params, own_loss) -> dict[str, jax.Array]:
        key = random_key(0)  # of the start vector and the probes: any will do
        top_K = curvature.top_eigenvalues(
            own_loss, params, key, count=config.eval.eigenvalues, iterations=30
        )
        found = {f"hessian_{k + 1}": value for k, value in enumerate(top_K)}
        return found | {"hessian_trace": curvature.trace(own_loss, params, key, probes=16)}

    depends = ("seed",) if task.weights == "uniform" else ("seed", "task.spectrum")
    inputs, labels = Shared(depends, draw_inputs), Shared(depends, label)
    targets = Shared((*depends, "task.temperature"), draw_targets)
    return Experiment(
        init=init,
        loss=loss,
        evaluate=evaluate,
        fixed=(Shared(depends, make_teacher),),
        batch=(inputs, labels) if hard else (inputs, labels, targets),
    )


def _alignment(student_MxN: jax.Array, teacher_MxN: jax.Array) -> jax.Array:
    """Returns the cosine between two weights; a shift common to all classes changes no softmax."""
    student_MxN = _centred(student_MxN)
    norm = jnp.maximum(jnp.linalg.norm(student_MxN), 1e-30)
    return jnp.vdot(student_MxN, _direction(teacher_MxN)) / norm


def _channels(kernel_MxN: jax.Array, logits_BxN: jax.Array, batch: Batch, nats) -> dict:
    """Returns the parts of the loss, and the gradient along the teacher's direction.

    `loss_radial` is the loss of the student's projection on the teacher's direction: right but not
    sharp enough. `loss_tangential` is the rest, that of its wrong directions (the split of arXiv
    2609.37745).
    """
    direction_MxN = _direction(batch["teacher_MxN"])
    along_BxN = batch["x_BxM"] @ direction_MxN
    radius = jnp.vdot(_centred(kernel_MxN), direction_MxN)
    loss = lambda logits_BxN: nats(logits_BxN, batch)  # noqa: E731
    whole, slope = jax.jvp(loss, (logits_BxN,), (along_BxN,))
    radial = loss(radius * along_BxN)
    return {
        "loss_radial": radial,
        "loss_tangential": whole - radial,
        "gradient_radial": -slope,
    }


def _direction(weights_MxN: jax.Array) -> jax.Array:
    centred_MxN = _centred(weights_MxN)
    return centred_MxN / jnp.linalg.norm(centred_MxN)


def _centred(weights_MxN: jax.Array) -> jax.Array:
    return weights_MxN - jnp.mean(weights_MxN, axis=1, keepdims=True)
