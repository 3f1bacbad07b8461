"""A multilayer perceptron that sees a whole window of tokens at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """D hidden layers of W ReLU gates on the tokens of a window, each as a one-hot vector.

    Every gate sees everything: what it cannot do is for want of depth or of width, not of sight.
    """

    vocabulary: int
    classes: int
    length: int  # tokens of the window
    width: int
    depth: int

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, length=1, width=1, depth=1)

    def init(self, key: jax.Array) -> Params:
        """Draws matrices from N(0, 2 / fan-in); of one-hot vectors the fan-in is the window."""
        first, hidden, head = jax.random.split(key, 3)
        width, others = self.width, self.depth - 1
        shape = (self.length, self.vocabulary, width)
        return {
            "kernel_NxVxW": (2 / self.length) ** 0.5 * jax.random.normal(first, shape),
            "bias_W": jnp.zeros(width),
            "layers": [
                {
                    "kernel_WxW": jax.nn.initializers.he_normal()(layer, (width, width)),
                    "bias_W": jnp.zeros(width),
                }
                for layer in jax.random.split(hidden, others)
            ],
            "head_WxC": jax.nn.initializers.lecun_normal()(head, (width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN, N of one window, to float32 logits_Bx1xC of its one label."""
        if tokens_BxN.shape[1] != self.length:
            raise ValueError(f"a window has {self.length} tokens, got {tokens_BxN.shape[1]}")
        one_hot_BxNxV = jax.nn.one_hot(tokens_BxN, self.vocabulary)
        sums_BxW = jnp.einsum("bnv,nvw->bw", one_hot_BxNxV, params["kernel_NxVxW"])
        gates_BxW = jax.nn.relu(sums_BxW + params["bias_W"][None])
        for layer in params["layers"]:
            gates_BxW = jax.nn.relu(gates_BxW @ layer["kernel_WxW"] + layer["bias_W"][None])
        logits_BxC = gates_BxW @ params["head_WxC"] + params["head_bias_C"][None]
        return logits_BxC[:, None]
