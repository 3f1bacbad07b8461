"""A tower of residual blocks with a softmax head."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from jaxlab.models.mlp import within
from jaxlab.models.norm import rms_norm

WIDENING = 4  # hidden units of a block per feature


class ResidualTower(nnx.Module):
    """RMS-norm, L blocks x + W₂ relu²(W₁ rmsnorm(x) + b), RMS-norm, and a head without bias.

    The student and teacher of arXiv 2602.03685, App. D.7, at PyTorch's default initial weights.
    Blocks lie on a leading axis, so that their number does not lengthen the program.
    """

    def __init__(self, features: int, blocks: int, classes: int, dtype: jnp.dtype, rngs: nnx.Rngs):
        def draw(shape: tuple[int, ...], fan_in: int) -> nnx.Param:
            return nnx.Param(within(fan_in**-0.5)(rngs.params(), shape, jnp.float32))

        hidden = WIDENING * features
        self.kernel_LxMxH = draw((blocks, features, hidden), features)
        self.bias_LxH = draw((blocks, hidden), features)
        self.projection_LxHxM = draw((blocks, hidden, features), hidden)
        self.head_MxN = draw((features, classes), features)
        self.dtype = dtype

    def __call__(self, x_BxM: jax.Array) -> jax.Array:
        """Maps x_BxM to float32 logits_BxN."""

        def block(x_BxM: jax.Array, weights: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            kernel_MxH, bias_H, projection_HxM = (w.astype(self.dtype) for w in weights)
            hidden_BxH = rms_norm(x_BxM).astype(self.dtype) @ kernel_MxH + bias_H[None]
            return x_BxM + jnp.square(nnx.relu(hidden_BxH)) @ projection_HxM, None

        weights = (self.kernel_LxMxH[...], self.bias_LxH[...], self.projection_LxHxM[...])
        x_BxM, _ = jax.lax.scan(block, rms_norm(x_BxM), weights)
        logits_BxN = rms_norm(x_BxM).astype(self.dtype) @ self.head_MxN[...].astype(self.dtype)
        return logits_BxN.astype(jnp.float32)
