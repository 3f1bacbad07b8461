"""The circuit value problem: random layered circuits, written out in the context, to be evaluated.

P-complete where circuits are as deep as they are long (Ladner 1975; monotone: Goldschlager 1977).
The control is a circuit of one layer with as many gates, hence as many tokens. A layer's gates are
drawn alike and apart, so the number of ones walks from layer to layer as a Markov chain, and chance
is computed and not measured.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxlab.tasks.serial.questions import Questions, draw_below

# The output for the inputs 00, 01, 10, 11.
OUTPUTS = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0), "nand": (1, 1, 1, 0)}
ASKS = ("gates", "output")


class Circuit(NamedTuple):
    """Circuits of L layers of G gates over M inputs.

    `source_BxLxGx2` holds the two places, maybe the same, that a gate reads in the layer below;
    `kind_BxLxG` numbers a tuple of kinds, names of `OUTPUTS`.
    """

    input_BxM: jax.Array
    kind_BxLxG: jax.Array
    source_BxLxGx2: jax.Array


@dataclasses.dataclass(frozen=True)
class Circuits:
    """Circuits as tokens: the inputs' bits, then of every gate its kind and two sources.

    The answer, the gate's value, is asked for at its second source.

    Args:
        inputs: M.
        gates: of each layer. Many gates in one layer are the parallel control.
        layers: of gates.
        kinds: of gates, names of `OUTPUTS`, equally likely: repeat a name to weigh it. Without
            XOR and NAND, deep circuits freeze to all zeros or all ones.
        asks: the values of all `gates`, or of the `output` alone, the last gate of all.
    """

    inputs: int
    gates: int
    layers: int
    kinds: tuple[str, ...]
    asks: str

    classes = 2

    def __post_init__(self):
        check_sizes(self.inputs, self.gates, self.layers, self.kinds, tuple(OUTPUTS))
        if self.asks not in ASKS:
            raise ValueError(f"asks {self.asks!r} is unknown: choose one of {ASKS}")

    @property
    def length(self) -> int:
        """Tokens in a row: one per input and three per gate."""
        return self.inputs + 3 * self.gates * self.layers

    @property
    def vocabulary(self) -> int:
        """Two bits, the kinds, and the places that gates read."""
        places = self.inputs if self.layers == 1 else max(self.inputs, self.gates)
        return 2 + len(set(self.kinds)) + places

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws circuits; targets are the values of gates."""
        circuit = draw_circuit(key, batch_size, self.inputs, self.gates, self.layers, self.kinds)
        tokens_BxN = write(circuit, self.kinds)
        value_BxQ = gate_values(circuit, self.kinds).reshape(batch_size, -1)
        place_N = jnp.arange(self.length)
        # Each gate's value stands at its three tokens, and is asked for at the last.
        targets_BxN = value_BxQ[:, jnp.maximum(place_N - self.inputs, 0) // 3]
        is_last_N = (place_N >= self.inputs) & ((place_N - self.inputs) % 3 == 2)
        counted_N = is_last_N if self.asks == "gates" else place_N == self.length - 1
        return Questions(tokens_BxN, targets_BxN, jnp.broadcast_to(counted_N, tokens_BxN.shape))

    def chance(self) -> float:
        """Accuracy of the likelier value of each layer that is asked."""
        shares = ones_shares(self.inputs, self.gates, self.layers, self.kinds)[1:]
        one_L = np.array([np.arange(len(share)) @ share for share in shares]) / self.gates
        right_L = np.maximum(one_L, 1 - one_L)
        return float(np.mean(right_L) if self.asks == "gates" else right_L[-1])


def check_sizes(
    inputs: int, gates: int, layers: int, kinds: tuple[str, ...], known: tuple[str, ...]
) -> None:
    """Raises ValueError where circuits of these sizes, of `known` kinds of gates, are none."""
    if min(inputs, gates, layers) < 1:
        raise ValueError(
            f"{inputs} inputs and {layers} layers of {gates} gates are no circuit: take at least 1"
        )
    if not kinds or not set(kinds) <= set(known):
        raise ValueError(f"kinds {kinds} are not all gates: name some of {known}")


def draw_circuit(
    key: jax.Array, batch_size: int, inputs: int, gates: int, layers: int, kinds: tuple[str, ...]
) -> Circuit:
    """Draws circuits: bits, kinds and sources are uniform and independent."""
    places_L = np.where(np.arange(layers) == 0, inputs, gates)
    gate_LxGx3 = np.stack([np.full(layers, len(kinds)), places_L, places_L], axis=1)[:, None]
    bounds_N = np.append(np.full(inputs, 2), np.repeat(gate_LxGx3, gates, axis=1))
    numbers_BxN = draw_below(key, (batch_size, len(bounds_N)), bounds_N[None])
    gate_BxLxGx3 = numbers_BxN[:, inputs:].reshape(batch_size, layers, gates, 3)
    return Circuit(numbers_BxN[:, :inputs], gate_BxLxGx3[..., 0], gate_BxLxGx3[..., 1:])


def gate_values(circuit: Circuit, kinds: tuple[str, ...]) -> jax.Array:
    """Returns value_BxLxG of every gate, layer upon layer."""
    output_Kx4 = jnp.asarray([OUTPUTS[kind] for kind in kinds], jnp.int32)

    def layer(below_BxM, gates):
        kind_BxG, source_BxGx2 = gates
        flat_BxS = source_BxGx2.reshape(len(source_BxGx2), -1)
        read_BxGx2 = jnp.take_along_axis(below_BxM, flat_BxS, axis=1).reshape(source_BxGx2.shape)
        value_BxG = output_Kx4[kind_BxG, 2 * read_BxGx2[..., 0] + read_BxGx2[..., 1]]
        return value_BxG, value_BxG

    kind_LxBxG = jnp.moveaxis(circuit.kind_BxLxG, 1, 0)
    source_LxBxGx2 = jnp.moveaxis(circuit.source_BxLxGx2, 1, 0)
    # The first layer stands alone, as there may be more or fewer inputs than gates.
    first_BxG, _ = layer(circuit.input_BxM, (kind_LxBxG[0], source_LxBxGx2[0]))
    _, later_LxBxG = lax.scan(layer, first_BxG, (kind_LxBxG[1:], source_LxBxGx2[1:]))
    return jnp.moveaxis(jnp.concatenate((first_BxG[None], later_LxBxG)), 0, 1)


def write(circuit: Circuit, kinds: tuple[str, ...]) -> jax.Array:
    """Returns tokens_BxN: bits 0 and 1, then kinds, then places.

    A repeated name of `kinds` is one token, so how gates are weighed does not show.
    """
    names = sorted(set(kinds))
    token_K = 2 + jnp.asarray([names.index(kind) for kind in kinds])
    kind_BxLxGx1 = token_K[circuit.kind_BxLxG][..., None]
    source_BxLxGx2 = 2 + len(names) + circuit.source_BxLxGx2
    gate_BxLxGx3 = jnp.concatenate((kind_BxLxGx1, source_BxLxGx2), axis=-1)
    flat_BxS = gate_BxLxGx3.reshape(len(gate_BxLxGx3), -1)
    return jnp.concatenate((circuit.input_BxM, flat_BxS), axis=1)


def binomial(count: int, probability: float | np.ndarray) -> np.ndarray:
    """Returns how likely 0, 1, ... `count` ones are among so many bits, on the last axis."""
    from scipy import stats  # takes a second: only for those who need the distribution

    return stats.binom.pmf(np.arange(count + 1), count, probability)


def ones_shares(inputs: int, gates: int, layers: int, kinds: tuple[str, ...]) -> list[np.ndarray]:
    """Returns how likely 0, 1, ... ones are among the inputs, and among each layer's gates."""
    shares = [binomial(inputs, 0.5)]
    for _ in range(layers):
        shares.append(shares[-1] @ next_ones(len(shares[-1]) - 1, gates, kinds))
    return shares


def next_ones(places: int, gates: int, kinds: tuple[str, ...]) -> np.ndarray:
    """Returns share_MxG, how likely G ones are in the layer above `places` with M ones."""
    mean_output_4 = np.mean([OUTPUTS[kind] for kind in kinds], axis=0)
    one = np.linspace(0, 1, places + 1)  # of what a source reads
    pair_Mx4 = np.stack(((1 - one) ** 2, (1 - one) * one, one * (1 - one), one**2), axis=1)
    gate_Mx1 = (pair_Mx4 @ mean_output_4)[:, None]
    # Given the layer below, the gates are independent.
    return binomial(gates, gate_Mx1)
