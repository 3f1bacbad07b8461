"""What a checkpoint says of a softmax head: its scale β, and how much of it is in the right place.

For isotropic inputs x with a root mean square of 1, logits W x of n classes have the standard
deviation β = |W|/√n (arXiv 2602.03685), without the part of W that is common to all classes, which
no softmax sees. The inputs of the student's head are such; the states that a decoder, a tower or a
network of images gives to its head have the size but need not be isotropic, so that β is a scale of
their weights there. Where a teacher is known, β² = radial² + tangential²: along its direction, and
across.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.one_third.measures import Teacher, teacher_weights
from jaxlab.config import Config
from jaxlab.experiment import Reading

Params = Mapping[str, np.ndarray]


def _linear(params: Params) -> np.ndarray:
    return params["head/kernel"] * np.exp(params.get("log_scale", np.zeros(())))


# The head [M, N] of a task, to be applied to features with a root mean square of 1.
HEADS: dict[str, Callable[[Params], np.ndarray]] = {
    "teacher": _linear,
    "margin": _linear,
    "tower": lambda params: params["head_MxN"],
    "images": lambda params: params["head/scale_M"][:, None] * params["head/kernel_MxN"],
    "decoder": lambda params: params["decoder/norm_M"][:, None] * params["decoder/embedding_VxM"].T,
}


def readings(config: Config) -> Mapping[str, Reading]:
    """Returns `beta`, and of a student `radial` and `tangential`; nothing without a softmax."""
    if config.task.name not in HEADS:
        return {}
    head = HEADS[config.task.name]

    def beta(params: Params) -> float:
        return float(np.linalg.norm(_seen(head(params))))

    found: dict[str, Reading] = {"beta": lambda params: {"β": beta(params)}}
    if config.task.name == "teacher":
        decay = config.task.spectrum if config.task.weights == "spectral" else None
        own = Teacher(config.seed, config.task.features, config.task.classes, decay)
        teacher_MxN = teacher_weights(own).T
        direction_MxN = teacher_MxN / np.linalg.norm(teacher_MxN)

        def radial(params: Params) -> float:
            return float(np.vdot(_seen(head(params)), direction_MxN))

        def tangential(params: Params) -> float:
            along_MxN = radial(params) * direction_MxN
            return float(np.linalg.norm(_seen(head(params)) - along_MxN))

        found["radial"] = lambda params: {"radial β": radial(params)}
        found["tangential"] = lambda params: {"tangential β": tangential(params)}
    return found


def _seen(head_MxN: np.ndarray) -> np.ndarray:
    """Returns W/√n without the mean over the n classes."""
    wide_MxN = head_MxN.astype(np.float64)
    return (wide_MxN - wide_MxN.mean(axis=1, keepdims=True)) / np.sqrt(wide_MxN.shape[1])
