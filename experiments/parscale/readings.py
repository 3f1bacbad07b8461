"""What a checkpoint says of its streams: how alike they are, and how much each one counts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parscale.model import streams
from jaxlab.config import Config
from jaxlab.experiment import Reading
from jaxlab.models.streams import Streams
from jaxlab.models.trees import from_names

ROWS = 4  # of tokens, drawn evenly and always the same


def readings(config: Config) -> Mapping[str, Reading]:
    """Returns `similarity` and `aggregation` of several streams; none of a single one."""
    whole = streams(config)
    if whole.count == 1:
        return {}
    shape = ROWS, config.task.length
    tokens_BxT = jax.random.randint(jax.random.key(0), shape, 0, config.task.vocabulary)
    smoothing = config.streams.smoothing

    @jax.jit
    def weights(params) -> jax.Array:
        states_PxBxTxM = whole.states(params, tokens_BxT)
        return jnp.mean(whole.weights(params, states_PxBxTxM, smoothing), axis=(1, 2))

    def aggregation(params: Mapping[str, np.ndarray]) -> dict[str, float]:
        weight_P = np.asarray(weights(from_names(whole.init, params)))
        return {f"stream {number}": float(weight) for number, weight in enumerate(weight_P)}

    return {"similarity": lambda params: similarity(whole, params), "aggregation": aggregation}


def similarity(whole: Streams, params: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns the cosine between what two streams add (prefixes, matrices, biases), by the pair."""
    added = jax.tree.leaves(whole.additions(from_names(whole.init, params)))
    flat_PxN = np.concatenate([np.reshape(leaf, (whole.count, -1)) for leaf in added], axis=1)
    unit_PxN = flat_PxN / np.maximum(np.linalg.norm(flat_PxN, axis=1, keepdims=True), 1e-30)
    pairs = combinations(range(whole.count), 2)
    return {f"streams {a} and {b}": float(unit_PxN[a] @ unit_PxN[b]) for a, b in pairs}
