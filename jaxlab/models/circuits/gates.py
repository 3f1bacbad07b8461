"""A circuit of two-input logic gates that learns which function each gate is."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.experiment import random_key
from jaxlab.models.circuits.local import REACH, neighbours
from jaxlab.models.sizes import require

Params = dict[str, Any]
FUNCTIONS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gates:
    """D layers of W gates per cell of a ring, all cells alike, each gate on two random wires.

    A gate is a mixture, by a softmax, of the 16 functions of two bits on probabilities, and if
    `hard` the likeliest of them (arXiv 2210.08277): set it to test what was trained without. A wire
    comes from any gate of the layer below in the own cell or a neighbour's, so that after D layers
    a cell depends on the 2 D + 1 bits about it. The wiring is a function of `wiring` and not a
    parameter; as an array, one program serves all wirings. A class counts its gates of the last
    layer: W / C of them, over √(W / C).
    """

    classes: int
    width: int
    depth: int
    wiring: int | jax.Array  # seed
    hard: bool

    def __post_init__(self):
        require(self, classes=2, width=2, depth=1)
        if self.width % self.classes:
            raise ValueError(
                f"width {self.width} gives {self.classes} classes no equal number of gates"
            )

    def init(self, key: jax.Array) -> Params:
        """Draws what speaks for each function from N(0, 1), as published."""
        keys = jax.random.split(key, self.depth)
        return {
            "layers": [
                {"preference_WxF": jax.random.normal(layer, (self.width, FUNCTIONS))}
                for layer in keys
            ]
        }

    def wires(self) -> list[jax.Array]:
        """Returns wire_2xW of each layer: places in [left, own, right] of the layer below."""
        keys = jax.random.split(random_key(self.wiring), self.depth)
        below = [1] + [self.width] * (self.depth - 1)
        return [
            jax.random.randint(key, (2, self.width), 0, REACH * bits)
            for key, bits in zip(keys, below, strict=True)
        ]

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps bits tokens_BxN on a ring of N cells to float32 logits_BxNxC of every cell."""
        bits_BxNxW = tokens_BxN[..., None].astype(jnp.float32)
        for layer, wire_2xW in zip(params["layers"], self.wires(), strict=True):
            seen_BxNxS = neighbours(bits_BxNxW)
            a, b = seen_BxNxS[..., wire_2xW[0]], seen_BxNxS[..., wire_2xW[1]]
            constant, of_a, of_b, of_both = self.coefficients(layer["preference_WxF"])
            bits_BxNxW = constant + of_a * a + of_b * b + of_both * a * b
        group = self.width // self.classes
        count_BxNxC = jnp.sum(jnp.reshape(bits_BxNxW, (*tokens_BxN.shape, -1, group)), axis=-1)
        return count_BxNxC * group**-0.5

    def coefficients(self, preference_WxF: jax.Array) -> jax.Array:
        """Returns those of 1, a, b and ab in the function of every gate, as 4x1x1xW."""
        if self.hard:
            share_WxF = jax.nn.one_hot(jnp.argmax(preference_WxF, axis=-1), FUNCTIONS)
        else:
            share_WxF = jax.nn.softmax(preference_WxF)
        return (share_WxF @ polynomials()).T[:, None, None]


def polynomials() -> np.ndarray:
    """Returns coefficients_16x4 of 1, a, b and ab: function f is 1 at (a, b) if bit 2a + b of f is.

    Bit 0 is the least: function 6 is XOR, 8 AND, 14 OR, 12 a and 10 b.
    """
    table_FxI = np.arange(FUNCTIONS)[:, None] >> np.arange(4) & 1
    at_00, at_01, at_10, at_11 = table_FxI.T
    of_both = at_11 - at_10 - at_01 + at_00
    return np.stack((at_00, at_10 - at_00, at_01 - at_00, of_both), axis=1).astype(np.float32)
