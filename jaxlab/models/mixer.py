"""A circuit in which every token reads learned sums over all tokens."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.decoder import unstack
from jaxlab.models.norm import scaled
from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixer:
    """D layers of W gates per token, h ← h + P g(K [own, sums] + b) of h scaled to unit size.

    The sums run over all tokens with learned weights, `heads` sets of them that share the features
    evenly, as in MLP-Mixer (arXiv 2105.01601): one layer sees the whole row, so that what a shallow
    circuit lacks is not sight. A `tied` circuit repeats one layer and has the same parameters at
    every depth.
    """

    vocabulary: int
    classes: int
    length: int
    width: int
    heads: int
    depth: int
    tied: bool

    def __post_init__(self):
        require(self, vocabulary=2, classes=2, length=1, width=1, heads=1, depth=1)
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of {self.heads} heads")

    @property
    def layers(self) -> int:
        """How many layers have weights of their own."""
        return 1 if self.tied else self.depth

    def init(self, key: jax.Array) -> Params:
        """Draws embeddings from N(0, 1), and matrices from N(0, 2 or 1 / fan-in)."""
        embedding, place, mix, kernel, projection, head = jax.random.split(key, 6)
        width, layers, length = self.width, self.layers, self.length
        before = jax.nn.initializers.he_normal(batch_axis=0)
        after = jax.nn.initializers.lecun_normal(batch_axis=0)
        mix_LxHxNxN = jax.random.normal(mix, (layers, self.heads, length, length)) * length**-0.5
        return {
            "embedding_VxW": jax.random.normal(embedding, (self.vocabulary, width)),
            "place_NxW": jax.random.normal(place, (length, width)),
            "layers": {
                "mix_LxHxNxN": mix_LxHxNxN,
                "kernel_Lx2WxW": before(kernel, (layers, 2 * width, width)),
                "bias_LxW": jnp.zeros((layers, width)),
                "projection_LxWxW": after(projection, (layers, width, width)),
                "projection_bias_LxW": jnp.zeros((layers, width)),
            },
            "head_WxC": jax.nn.initializers.lecun_normal()(head, (width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to float32 logits_BxNxC of every token."""
        states_BxNxW = params["embedding_VxW"][tokens_BxN] + params["place_NxW"][None]
        layers = unstack(params["layers"], self.layers)
        for weights in itertools.islice(itertools.cycle(layers), self.depth):
            states_BxNxW += self.layer(weights, scaled(states_BxNxW))
        return scaled(states_BxNxW) @ params["head_WxC"] + params["head_bias_C"][None, None]

    def layer(self, weights: Params, states_BxNxW: jax.Array) -> jax.Array:
        """Returns what a layer adds to the states."""
        batch, length, width = states_BxNxW.shape
        parts_BxNxHxE = states_BxNxW.reshape(batch, length, self.heads, -1)
        sums_BxNxHxE = jnp.einsum("hnm,bmhe->bnhe", weights["mix_LxHxNxN"], parts_BxNxHxE)
        sums_BxNxW = sums_BxNxHxE.reshape(batch, length, width)
        read_BxNx2W = jnp.concatenate((states_BxNxW, sums_BxNxW), axis=-1)
        gates_BxNxW = jax.nn.relu(
            read_BxNx2W @ weights["kernel_Lx2WxW"] + weights["bias_LxW"][None, None]
        )
        projected_BxNxW = gates_BxNxW @ weights["projection_LxWxW"]
        return projected_BxNxW + weights["projection_bias_LxW"][None, None]
