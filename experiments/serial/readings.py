"""What a checkpoint says of a circuit: which functions its gates are, and its truth table."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np

from experiments.serial import models, tasks
from jaxlab.config import Config
from jaxlab.experiment import Reading
from jaxlab.models.circuits.gates import FUNCTIONS, Gates
from jaxlab.models.circuits.local import Local
from jaxlab.models.trees import from_names
from jaxlab.tasks.serial import automata

MOST_DEPTH = 3  # of a circuit whose truth table is listed: 2^(2 D + 1) rows
# Function f of bits a and b is bit 2a + b of f; see `jaxlab.models.circuits.gates.polynomials`.
NAMES = ("0", "NOR", "b > a", "NOT a", "a > b", "NOT b", "XOR", "NAND")
NAMES += ("AND", "XNOR", "b", "a <= b", "a", "b <= a", "OR", "1")


def readings(config: Config) -> Mapping[str, Reading]:
    """Returns `gates` of a circuit of logic gates, and `truth_table` of a shallow one on bits."""
    task = tasks.make(config)
    model = models.make(config, task)
    found: dict[str, Reading] = {}
    if isinstance(model, Gates):
        found["gates"] = gates
    if isinstance(model, Gates | Local) and task.vocabulary == 2 and model.depth <= MOST_DEPTH:
        own = models.wired(models.tested(model), {"seed": config.seed})
        windows_BxN = automata.windows(model.depth)
        labels = ["".join(map(str, window)) for window in windows_BxN.tolist()]

        @jax.jit
        def answers(params) -> jax.Array:
            logits_BxNxC = own.apply(params, jax.numpy.asarray(windows_BxN, jax.numpy.int32))
            return logits_BxNxC[:, model.depth].argmax(axis=-1)

        def truth_table(params: Mapping[str, np.ndarray]) -> dict[str, float]:
            answer_B = np.asarray(answers(from_names(model.init, params)))
            return dict(zip(labels, answer_B.astype(float).tolist(), strict=True))

        found["truth_table"] = truth_table
    return found


def gates(params: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns the share of gates whose likeliest function is each of the 16."""
    chosen = [np.argmax(preference_WxF, axis=-1) for preference_WxF in params.values()]
    count_F = np.bincount(np.concatenate(chosen), minlength=FUNCTIONS)
    return dict(zip(NAMES, (count_F / count_F.sum()).tolist(), strict=True))
