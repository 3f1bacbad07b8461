"""Gated recurrent networks: one serial step per token."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from jaxlab.models.sizes import require

Params = dict[str, Any]
Cell = Literal["gru", "lstm"]
GATES = {"gru": 3, "lstm": 4}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recurrent:
    """D layers of GRU (arXiv 1406.1078) or LSTM cells of W units, each over all tokens in turn."""

    vocabulary: int
    classes: int
    width: int
    depth: int
    cell: Cell

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, width=1, depth=1)
        if self.cell not in get_args(Cell):
            raise ValueError(f"cell {self.cell!r} is none of {get_args(Cell)}")

    def init(self, key: jax.Array) -> Params:
        """Draws matrices from N(0, 1 / fan-in), recurrent ones orthogonal; LSTMs do not forget."""
        embedding, layers, head = jax.random.split(key, 3)
        width = self.width
        return {
            "embedding_VxW": jax.random.normal(embedding, (self.vocabulary, width)),
            "layers": [self.init_layer(layer) for layer in jax.random.split(layers, self.depth)],
            "head_WxC": jax.nn.initializers.lecun_normal()(head, (width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def init_layer(self, key: jax.Array) -> Params:
        """Draws a layer; its gates lie side by side on the axis G: r, z, n or i, f, g, o."""
        kernel, recurrent = jax.random.split(key)
        width, gates = self.width, GATES[self.cell]
        square_GxWxW = [orthogonal(key, width) for key in jax.random.split(recurrent, gates)]
        bias_GxW = jnp.zeros((gates, width))
        if self.cell == "lstm":
            bias_GxW = bias_GxW.at[1].set(1.0)
        layer = {
            "kernel_WxG": jax.nn.initializers.lecun_normal()(kernel, (width, gates * width)),
            "bias_G": jnp.reshape(bias_GxW, -1),
            "recurrent_WxG": jnp.concatenate(square_GxWxW, axis=1),
        }
        if self.cell == "gru":
            layer["candidate_bias_W"] = jnp.zeros(width)
        return layer

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to float32 logits_BxNxC; those of a token depend on it and all before."""
        x_BxNxW = params["embedding_VxW"][tokens_BxN]
        for layer in params["layers"]:
            x_BxNxW = self.run(layer, x_BxNxW)
        return x_BxNxW @ params["head_WxC"] + params["head_bias_C"][None, None]

    def run(self, layer: Params, x_BxNxW: jax.Array) -> jax.Array:
        """Returns the states_BxNxW of one layer, from a state of zeros.

        What the inputs add to the gates is one product for all tokens, outside the loop.
        """
        inputs_BxNxG = x_BxNxW @ layer["kernel_WxG"] + layer["bias_G"][None, None]
        zeros_BxW = jnp.zeros_like(x_BxNxW[:, 0])
        step, start = {
            "gru": (gru_step, zeros_BxW),
            "lstm": (lstm_step, (zeros_BxW, zeros_BxW)),
        }[self.cell]
        # To unroll the loop gains less than a tenth on a CPU and compiles longer.
        _, states_NxBxW = jax.lax.scan(
            functools.partial(step, layer), start, jnp.swapaxes(inputs_BxNxG, 0, 1)
        )
        return jnp.swapaxes(states_NxBxW, 0, 1)


def orthogonal(key: jax.Array, width: int) -> jax.Array:
    """Draws an orthogonal matrix_WxW, the product of W random reflections.

    Not by a QR decomposition: batches of it on two devices of one CPU wait for each other for ever
    where they fill the threads of XLA (jaxlib 0.10.2).
    """
    normal_WxW = jax.random.normal(key, (width, width))
    unit_WxW = normal_WxW / jnp.linalg.norm(normal_WxW, axis=1, keepdims=True)

    def reflect(product_WxW: jax.Array, unit_W: jax.Array) -> tuple[jax.Array, None]:
        return product_WxW - 2 * jnp.outer(unit_W, unit_W @ product_WxW), None

    return jax.lax.scan(reflect, jnp.eye(width), unit_WxW)[0]


def gru_step(
    layer: Params, state_BxW: jax.Array, inputs_BxG: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns the new state twice: h ← (1 - z) tanh(x_n + r (U h + b)) + z h."""
    input_reset, input_update, input_new = jnp.split(inputs_BxG, 3, axis=1)
    own_reset, own_update, own_new = jnp.split(state_BxW @ layer["recurrent_WxG"], 3, axis=1)
    reset_BxW = jax.nn.sigmoid(input_reset + own_reset)
    update_BxW = jax.nn.sigmoid(input_update + own_update)
    new_BxW = jnp.tanh(input_new + reset_BxW * (own_new + layer["candidate_bias_W"][None]))
    state_BxW = new_BxW + update_BxW * (state_BxW - new_BxW)
    return state_BxW, state_BxW


def lstm_step(
    layer: Params, state: tuple[jax.Array, jax.Array], inputs_BxG: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """Returns the new (h, c) and h: c ← f c + i g, h ← o tanh(c)."""
    state_BxW, memory_BxW = state
    gates_BxG = inputs_BxG + state_BxW @ layer["recurrent_WxG"]
    enter, keep, new, leave = jnp.split(gates_BxG, 4, axis=1)
    memory_BxW = jax.nn.sigmoid(keep) * memory_BxW + jax.nn.sigmoid(enter) * jnp.tanh(new)
    state_BxW = jax.nn.sigmoid(leave) * jnp.tanh(memory_BxW)
    return (state_BxW, memory_BxW), state_BxW
