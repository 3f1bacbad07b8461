"""A circuit on a ring of cells in which every layer reaches one cell further."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.circuits.gate import threshold
from jaxlab.models.decoder import unstack
from jaxlab.models.sizes import require

Params = dict[str, Any]
REACH = 3  # cells that a gate reads: left, own, right


@dataclasses.dataclass(frozen=True, kw_only=True)
class Local:
    """D layers of W gates per cell, h ← h + P g(K [left, own, right] + b), all cells alike.

    After D layers a cell depends on the 2 D + 1 cells about it and on nothing else, whatever W is:
    the light cone of a cellular automaton after D steps. A `tied` circuit repeats one layer and has
    the same parameters at every depth. The gates g are ReLU or, if `hard`, thresholds: then what
    the residual stream adds up are weights of binary gates, and this is a threshold circuit.
    """

    vocabulary: int
    classes: int
    width: int
    depth: int
    tied: bool
    hard: bool

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, width=1, depth=1)

    @property
    def layers(self) -> int:
        """How many layers have weights of their own."""
        return 1 if self.tied else self.depth

    def init(self, key: jax.Array) -> Params:
        """Draws matrices from N(0, 2 / fan-in) before gates and N(0, 1 / fan-in) after them."""
        embedding, kernel, projection, head = jax.random.split(key, 4)
        width, layers = self.width, self.layers
        before = jax.nn.initializers.he_normal(batch_axis=0)
        after = jax.nn.initializers.lecun_normal(batch_axis=0)
        return {
            "embedding_VxW": jax.random.normal(embedding, (self.vocabulary, width)),
            "layers": {
                "kernel_LxRxW": before(kernel, (layers, REACH * width, width)),
                "bias_LxW": jnp.zeros((layers, width)),
                "projection_LxWxW": after(projection, (layers, width, width)),
                "projection_bias_LxW": jnp.zeros((layers, width)),
            },
            "head_WxC": jax.nn.initializers.lecun_normal()(head, (width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN on a ring of N cells to float32 logits_BxNxC of every cell."""
        states_BxNxW = self.states(params, params["embedding_VxW"][tokens_BxN])
        return states_BxNxW @ params["head_WxC"] + params["head_bias_C"][None, None]

    def states(self, params: Params, states_BxNxW: jax.Array) -> jax.Array:
        """Applies the D layers to states_BxNxW."""
        gate = threshold if self.hard else jax.nn.relu
        layers = unstack(params["layers"], self.layers)
        for weights in itertools.islice(itertools.cycle(layers), self.depth):
            gates_BxNxW = gate(
                neighbours(states_BxNxW) @ weights["kernel_LxRxW"] + weights["bias_LxW"][None, None]
            )
            states_BxNxW += (
                gates_BxNxW @ weights["projection_LxWxW"]
                + weights["projection_bias_LxW"][None, None]
            )
        return states_BxNxW


def neighbours(states_BxNxW: jax.Array) -> jax.Array:
    """Returns [left, own, right] of every cell of the ring, its features threefold."""
    left_BxNxW, right_BxNxW = (jnp.roll(states_BxNxW, shift, axis=1) for shift in (1, -1))
    return jnp.concatenate((left_BxNxW, states_BxNxW, right_BxNxW), axis=-1)
