"""A circuit that joins neighbouring blocks of tokens level by level."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.decoder import unstack
from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """D levels, each of which makes one state of the states of b neighbours by W ReLU gates.

    A state after D levels is that of a block of b^D tokens and depends on no other. `tied` levels
    share their weights: a tree has then the same parameters at every depth.
    """

    vocabulary: int
    classes: int
    features: int  # of the state of a block
    width: int  # gates of a node
    fan_in: int
    depth: int
    tied: bool

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, features=1, width=1, fan_in=2, depth=1)

    @property
    def block(self) -> int:
        """The tokens below one root."""
        return self.fan_in**self.depth

    @property
    def layers(self) -> int:
        """How many levels have weights of their own."""
        return 1 if self.tied else self.depth

    def init(self, key: jax.Array) -> Params:
        """Draws matrices from N(0, 2 / fan-in) before gates and N(0, 1 / fan-in) after them."""
        embedding, kernel, projection, head = jax.random.split(key, 4)
        layers, features, width = self.layers, self.features, self.width
        before = jax.nn.initializers.he_normal(batch_axis=0)
        after = jax.nn.initializers.lecun_normal(batch_axis=0)
        return {
            "embedding_VxF": jax.random.normal(embedding, (self.vocabulary, features)),
            "levels": {
                "kernel_LxSxW": before(kernel, (layers, self.fan_in * features, width)),
                "bias_LxW": jnp.zeros((layers, width)),
                "projection_LxWxF": after(projection, (layers, width, features)),
            },
            "head_FxC": jax.nn.initializers.lecun_normal()(head, (features, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to float32 logits_BxRxC of the roots, one per block of b^D tokens."""
        return self.levels(params, tokens_BxN)[-1]

    def levels(self, params: Params, tokens_BxN: jax.Array) -> list[jax.Array]:
        """Returns the logits_BxRxC of every level l from 1 to D, one per block of b^l tokens."""
        if tokens_BxN.shape[1] % self.block:
            raise ValueError(
                f"{tokens_BxN.shape[1]} tokens are no whole number of blocks of {self.block}"
            )
        states_BxRxF = params["embedding_VxF"][tokens_BxN]
        logits = []
        levels = unstack(params["levels"], self.layers)
        for weights in itertools.islice(itertools.cycle(levels), self.depth):
            children_BxRxS = jnp.reshape(
                states_BxRxF, (len(states_BxRxF), -1, self.fan_in * self.features)
            )
            gates_BxRxW = jax.nn.relu(
                children_BxRxS @ weights["kernel_LxSxW"] + weights["bias_LxW"][None, None]
            )
            states_BxRxF = gates_BxRxW @ weights["projection_LxWxF"]
            logits.append(states_BxRxF @ params["head_FxC"] + params["head_bias_C"][None, None])
        return logits
