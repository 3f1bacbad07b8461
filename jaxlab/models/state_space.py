"""Diagonal linear state spaces: recurrent in form, logarithmic in depth."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.norm import rms_norm
from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateSpace:
    """D blocks of h_t = a_t h_{t-1} + u_t with W diagonal states, gated, and an MLP of W·2 units.

    The decays a_t and inputs u_t are functions of the token at t alone, as in Mamba (arXiv
    2312.00752), so that a scan of an associative operation finds all h in ⌈log₂ N⌉ rounds. They lie
    in [0, 1], or in [-1, 1] if `signed`, without which not even parity can be kept (arXiv
    2411.12537).
    """

    vocabulary: int
    classes: int
    width: int
    depth: int
    signed: bool

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, width=1, depth=1)

    def init(self, key: jax.Array) -> Params:
        """Draws matrices from N(0, 1 / fan-in), before ReLU from N(0, 2 / fan-in)."""
        embedding, layers, head = jax.random.split(key, 3)
        return {
            "embedding_VxW": jax.random.normal(embedding, (self.vocabulary, self.width)),
            "layers": [self.init_layer(layer) for layer in jax.random.split(layers, self.depth)],
            "head_WxC": jax.nn.initializers.lecun_normal()(head, (self.width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def init_layer(self, key: jax.Array) -> Params:
        """Draws a block; decay, input and gate lie side by side on the axis G."""
        inner, outer, hidden, down = jax.random.split(key, 4)
        width = self.width
        plain, before = jax.nn.initializers.lecun_normal(), jax.nn.initializers.he_normal()
        return {
            "inner_WxG": plain(inner, (width, 3 * width)),
            "inner_bias_G": jnp.zeros(3 * width),
            "outer_WxW": plain(outer, (width, width)),
            "hidden_WxH": before(hidden, (width, 2 * width)),
            "hidden_bias_H": jnp.zeros(2 * width),
            "down_HxW": plain(down, (2 * width, width)),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to float32 logits_BxNxC; those of a token depend on it and all before."""
        x_BxNxW = params["embedding_VxW"][tokens_BxN]
        for layer in params["layers"]:
            x_BxNxW = x_BxNxW + self.mix(layer, normed(x_BxNxW)) @ layer["outer_WxW"]
            hidden_BxNxH = (
                normed(x_BxNxW) @ layer["hidden_WxH"] + layer["hidden_bias_H"][None, None]
            )
            x_BxNxW = x_BxNxW + jax.nn.relu(hidden_BxNxH) @ layer["down_HxW"]
        return normed(x_BxNxW) @ params["head_WxC"] + params["head_bias_C"][None, None]

    def mix(self, layer: Params, x_BxNxW: jax.Array) -> jax.Array:
        """Returns the gated states of one block, the only place where tokens meet."""
        inner_BxNxG = x_BxNxW @ layer["inner_WxG"] + layer["inner_bias_G"][None, None]
        decay_BxNxW, input_BxNxW, gate_BxNxW = jnp.split(inner_BxNxG, 3, axis=2)
        decay_BxNxW = jnp.tanh(decay_BxNxW) if self.signed else jax.nn.sigmoid(decay_BxNxW)
        return states(decay_BxNxW, input_BxNxW) * jax.nn.silu(gate_BxNxW)


def states(decay_BxNxW: jax.Array, input_BxNxW: jax.Array) -> jax.Array:
    """Returns h_BxNxW of h_t = a_t h_{t-1} + u_t from h = 0, by an associative scan."""

    def compose(first: tuple[jax.Array, ...], then: tuple[jax.Array, ...]):
        return first[0] * then[0], then[0] * first[1] + then[1]

    return jax.lax.associative_scan(compose, (decay_BxNxW, input_BxNxW), axis=1)[1]


def normed(x_BxNxW: jax.Array) -> jax.Array:
    """Scales the features of every token to a root mean square of one."""
    return jax.vmap(rms_norm)(x_BxNxW)
