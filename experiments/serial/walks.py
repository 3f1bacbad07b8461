"""Estimates of the best return in the depth of ones, from the first layers and from walks.

An estimate that knows the values of the first h layers of a circuit, and no wiring above them,
cannot come nearer to its best return than their posterior mean. Any number of walks that end after
h steps know at most those values.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.experiment import random_key
from jaxlab.tasks.serial import ones
from jaxlab.tasks.serial.circuits import draw_circuit, ones_shares
from jaxlab.tasks.serial.ones import DepthOfOnes


class Drawn(NamedTuple):
    """Circuits, solved: what gates read and are, and the returns from the inputs.

    `best_B` is that of the best policy by dynamic programming; `greedy_B` that of taking the first
    gate that pays, wherever it leads; `look_B` the highest one among the values of all gates.
    """

    source_BxLxGx2: np.ndarray
    value_BxLxM: np.ndarray
    best_B: np.ndarray
    greedy_B: np.ndarray
    look_B: np.ndarray


def draw(task: DepthOfOnes, seed: int, circuits: int) -> Drawn:
    """Draws circuits of the sizes of a task without a chain, and solves them."""
    return Drawn(*map(np.asarray, _draw(task, random_key(seed), circuits)))


@partial(jax.jit, static_argnums=(0, 2))
def _draw(task: DepthOfOnes, key: jax.Array, circuits: int) -> tuple[jax.Array, ...]:
    circuit = draw_circuit(key, circuits, task.width, task.width, task.layers, task.kinds)
    value_BxLxM = ones.all_values(circuit, task.kinds)
    best_BxLxM, greedy_BxLxM = ones.returns(circuit, value_BxLxM)
    greedy_BxM = greedy_BxLxM[:, 0]
    first_Bx1 = jnp.argmax(greedy_BxM > 0, axis=1, keepdims=True)  # the first input that pays
    return (
        circuit.source_BxLxGx2,
        value_BxLxM,
        jnp.max(best_BxLxM[:, 0], axis=1),
        jnp.take_along_axis(greedy_BxM, first_Bx1, axis=1)[:, 0],
        ones.depth_of_ones(value_BxLxM),
    )


def walk(rng: np.random.Generator, drawn: Drawn, walks: int) -> np.ndarray:
    """Walks from random inputs by the rules of `ones.step`, in every circuit.

    Each step goes to one of the gates that read the current one, equally likely, whether it will
    pay or not. Walks do not talk, so all that stand on a gate step on as one multinomial draw.

    Returns:
        count_BxLxM, how many walks stand on each gate of a layer, paid for every step so far.
    """
    batch, layers, width = drawn.source_BxLxGx2.shape[:3]
    place_M = np.arange(width)
    counts = [rng.multinomial(walks, np.full(width, 1 / width), size=batch)]
    for layer in range(layers):
        source_BxGx2 = drawn.source_BxLxGx2[:, layer]
        reads_BxMxG = (source_BxGx2[:, None] == place_M[None, :, None, None]).any(axis=3)
        readers_BxMx1 = reads_BxMxG.sum(axis=2, keepdims=True)
        share_BxMxG = reads_BxMxG / np.maximum(readers_BxMx1, 1)
        with_none_BxMxA = np.concatenate((share_BxMxG, readers_BxMx1 == 0), axis=2)
        next_BxG = rng.multinomial(counts[-1], with_none_BxMxA).sum(axis=1)[:, :-1]
        counts.append(next_BxG * (drawn.value_BxLxM[:, layer + 1] == 1))
    return np.stack(counts, axis=1)


def estimate(ones_BxL: np.ndarray, height: int, more_M: np.ndarray) -> np.ndarray:
    """Returns the return up to layer `height`, plus more_M for the M ones seen there."""
    has_one_BxH = ones_BxL[:, 1 : height + 1] > 0
    cut_B = np.max(has_one_BxH * np.arange(1, height + 1)[None], axis=1)
    return cut_B + more_M[ones_BxL[:, height]]


def posterior(task: DepthOfOnes, height: int) -> np.ndarray:
    """Returns more_M, the mean of the layers that follow M ones at a height."""
    return ones.climb_moments(task.width, task.layers, task.kinds)[height, :, 0]


def blind(task: DepthOfOnes, height: int) -> np.ndarray:
    """Returns more_M, the same for any number of ones: the mean over circuits that have some."""
    share_M = ones_shares(task.width, task.width, task.layers, task.kinds)[height]
    mean = share_M @ posterior(task, height) / (1 - share_M[0])
    return np.where(np.arange(task.width + 1) > 0, mean, 0)


def floors(task: DepthOfOnes) -> np.ndarray:
    """Returns the root mean square error of the posterior mean, layers, at heights from 0 up."""
    moment_LxMx2 = ones.climb_moments(task.width, task.layers, task.kinds)
    share_LxM = np.stack(ones_shares(task.width, task.width, task.layers, task.kinds))
    variance_LxM = moment_LxMx2[..., 1] - moment_LxMx2[..., 0] ** 2
    return np.sqrt(np.maximum(np.sum(share_LxM * variance_LxM, axis=1), 0))
