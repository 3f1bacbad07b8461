"""The depth of ones: how high into a monotone circuit do ones reach, and the walk that finds out.

An environment: the state is a gate, an action is a gate of the next layer. It pays 1 and goes on if
that gate reads the current one and is 1, else it pays 0 and is over. Below every 1 of a monotone
circuit there is a 1, so the best return from the inputs is the largest layer with a 1: the depth of
ones, which is P-hard even to approximate within a factor (Kirousis and Spirakis 1988; problem
A.1.10 of Greenlaw, Hoover and Ruzzo, "Limits to Parallel Computation"). It is hard because of a
chain that hangs on the output alone and is longer than the circuit: whoever comes near the best
return knows whether the output is 1.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxlab.tasks.serial.circuits import (
    Circuit,
    check_sizes,
    draw_circuit,
    gate_values,
    next_ones,
    ones_shares,
    write,
)
from jaxlab.tasks.serial.questions import Questions, ask_last

GIVEN = ("circuit", "values")
MONOTONE = ("and", "or")


class Place(NamedTuple):
    """Where walks are: a gate_B of layer_B (0 are the inputs), and whether they go on."""

    layer_B: jax.Array
    gate_B: jax.Array
    goes_on_B: jax.Array


@dataclasses.dataclass(frozen=True)
class DepthOfOnes:
    """Monotone circuits; the answer, asked for at the last token, is the best return.

    Args:
        width: inputs, and gates of each layer.
        layers: of gates.
        kinds: `and` and `or`, equally likely: repeat a name to weigh it.
        chain: layers of a chain above the output, the last gate of all; 0 for none.
        given: the `circuit` as tokens, or, as the parallel control, the `values` of its gates.
    """

    width: int
    layers: int
    kinds: tuple[str, ...]
    chain: int
    given: str

    def __post_init__(self):
        check_sizes(self.width, self.width, self.layers, self.kinds, MONOTONE)
        if self.chain and "or" not in self.kinds:
            raise ValueError("a chain is made of OR gates: add 'or' to the kinds")
        if self.given not in GIVEN:
            raise ValueError(f"given {self.given!r} is unknown: choose one of {GIVEN}")

    @property
    def length(self) -> int:
        """Tokens in a row: of inputs and gates together, or one for each value."""
        per_gate = 3 if self.given == "circuit" else 1
        return self.width * (1 + per_gate * (self.layers + self.chain))

    @property
    def vocabulary(self) -> int:
        """Bits, and for circuits kinds and places."""
        return 2 if self.given == "values" else 2 + len(set(self.kinds)) + self.width

    @property
    def classes(self) -> int:
        """Returns from 0 to the number of layers."""
        return 1 + self.layers + self.chain

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws circuits; the target at the last token is the depth of ones."""
        circuit = draw_circuit(key, batch_size, self.width, self.width, self.layers, self.kinds)
        circuit = with_chain(circuit, self.kinds, self.chain)
        value_BxLxM = all_values(circuit, self.kinds)
        flat_BxN = value_BxLxM.reshape(batch_size, -1)
        tokens_BxN = flat_BxN if self.given == "values" else write(circuit, self.kinds)
        return ask_last(tokens_BxN, depth_of_ones(value_BxLxM))

    def chance(self) -> float:
        """Accuracy of always answering the most common depth."""
        return float(np.max(self.depth_shares()))

    def depth_shares(self) -> np.ndarray:
        """Returns how likely each depth of ones is, by the Markov chain of `ones_shares`."""
        shares = ones_shares(self.width, self.width, self.layers, self.kinds)
        reaches_L = 1 - np.array([share[0] for share in shares])  # a layer of zeros ends it
        reaches_L[0] = 1  # nothing but zeros counts as depth 0
        depth_L = np.append(reaches_L[:-1] - reaches_L[1:], reaches_L[-1])
        if not self.chain:
            return depth_L
        output = float(np.arange(self.width + 1) @ shares[-1]) / self.width
        depth_L[-1] -= output
        return np.concatenate((depth_L, np.zeros(self.chain - 1), [output]))


def climb_moments(width: int, layers: int, kinds: tuple[str, ...]) -> np.ndarray:
    """Returns moment_LxMx2, what M ones in layer L say of how many layers more have ones.

    The mean and the mean square, from the top by the Markov chain of `ones_shares`. No estimate
    from the values of the first layers alone has a lower squared error than the mean has.
    """
    share_MxG = next_ones(width, width, kinds)
    moments = [np.zeros((width + 1, 2))]
    for _ in range(layers):
        mean_G, square_G = moments[-1].T
        one_more_Gx2 = np.stack((1 + mean_G, 1 + 2 * mean_G + square_G), axis=1)
        one_more_Gx2[0] = 0  # no ones, no more layers
        moments.append(share_MxG @ one_more_Gx2)
    return np.stack(moments[::-1])


def with_chain(circuit: Circuit, kinds: tuple[str, ...], chain: int) -> Circuit:
    """Returns the circuit with `chain` more layers, whose gates all repeat its output."""
    batch_size, _, gates = circuit.kind_BxLxG.shape
    if not chain:
        return circuit
    kind_BxKxG = jnp.full((batch_size, chain, gates), kinds.index("or"))
    source_BxKxGx2 = jnp.full((batch_size, chain, gates, 2), gates - 1)
    return Circuit(
        circuit.input_BxM,
        jnp.concatenate((circuit.kind_BxLxG, kind_BxKxG), axis=1),
        jnp.concatenate((circuit.source_BxLxGx2, source_BxKxGx2), axis=1),
    )


def all_values(circuit: Circuit, kinds: tuple[str, ...]) -> jax.Array:
    """Returns value_BxLxM of inputs and gates; layer 0 are the inputs."""
    values_BxLxM = gate_values(circuit, kinds)
    return jnp.concatenate((circuit.input_BxM[:, None], values_BxLxM), axis=1)


def depth_of_ones(value_BxLxM: jax.Array) -> jax.Array:
    """Returns depth_B, the largest layer with a 1; 0 where there is none at all."""
    has_one_BxL = jnp.any(value_BxLxM == 1, axis=2)
    layer_L = jnp.arange(value_BxLxM.shape[1])
    return jnp.max(jnp.where(has_one_BxL, layer_L[None], 0), axis=1)


def step(
    circuit: Circuit, value_BxLxM: jax.Array, place: Place, action_B: jax.Array
) -> tuple[Place, jax.Array]:
    """Walks to gate action_B of the next layer.

    Returns:
        The new place, and reward_B: 1 where the gate reads the current one and is 1. Elsewhere, and
        above the last layer, the walk is over.
    """
    row_B = jnp.arange(len(action_B))
    layers = circuit.kind_BxLxG.shape[1]
    above_B = jnp.minimum(place.layer_B, layers - 1)  # gates have no layer 0: layer l is l - 1
    source_Bx2 = circuit.source_BxLxGx2[row_B, above_B, action_B]
    reads_B = jnp.any(source_Bx2 == place.gate_B[:, None], axis=1)
    is_one_B = value_BxLxM[row_B, above_B + 1, action_B] == 1
    goes_on_B = place.goes_on_B & (place.layer_B < layers) & reads_B & is_one_B
    return Place(place.layer_B + 1, action_B, goes_on_B), goes_on_B.astype(jnp.int32)


def returns(circuit: Circuit, value_BxLxM: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns what can still be won from each gate, by dynamic programming from the top.

    Returns:
        best_BxLxM, with the best actions; and greedy_BxLxM, where each action is the first gate
        that pays at once, wherever it leads.
    """
    place_M = jnp.arange(value_BxLxM.shape[2])

    def layer(above, gates):
        best_BxM, greedy_BxM = above
        source_BxGx2, value_BxG = gates
        reads_BxMxG = jnp.any(source_BxGx2[:, None] == place_M[None, :, None, None], axis=3)
        pays_BxMxG = reads_BxMxG & (value_BxG == 1)[:, None]
        first_BxM = jnp.argmax(pays_BxMxG, axis=2)
        any_BxM = jnp.any(pays_BxMxG, axis=2)
        best_BxM = jnp.max(jnp.where(pays_BxMxG, 1 + best_BxM[:, None], 0), axis=2)
        greedy_BxM = jnp.take_along_axis(1 + greedy_BxM, first_BxM, axis=1) * any_BxM
        return (best_BxM, greedy_BxM), (best_BxM, greedy_BxM)

    top_BxM = jnp.zeros_like(value_BxLxM[:, 0])
    source_LxBxGx2 = jnp.moveaxis(circuit.source_BxLxGx2, 1, 0)
    value_LxBxG = jnp.moveaxis(value_BxLxM[:, 1:], 1, 0)
    _, lower = lax.scan(layer, (top_BxM, top_BxM), (source_LxBxGx2, value_LxBxG), reverse=True)
    best_BxLxM, greedy_BxLxM = (
        jnp.concatenate((jnp.moveaxis(below, 0, 1), top_BxM[:, None]), axis=1) for below in lower
    )
    return best_BxLxM, greedy_BxLxM
