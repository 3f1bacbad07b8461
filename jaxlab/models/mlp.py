"""A small classifier of images with batch normalisation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx


class BatchNormMlp(nnx.Module):
    """Batch norm, a hidden ReLU layer, batch norm, a softmax head that starts at zero.

    Always normalises by the batch at hand, as PyTorch does in training mode, so there is no running
    average to keep: the image classifier of arXiv 2602.03685, App. D.8.
    """

    def __init__(self, inputs: int, hidden: int, classes: int, dtype: jnp.dtype, rngs: nnx.Rngs):
        self.input_norm = BatchNorm(inputs)
        draw = within(inputs**-0.5)  # PyTorch's default, for the bias too
        self.hidden = nnx.Linear(
            inputs, hidden, kernel_init=draw, bias_init=draw, dtype=dtype, rngs=rngs
        )
        self.hidden_norm = BatchNorm(hidden)
        zeros = jax.nn.initializers.zeros
        self.head = nnx.Linear(
            hidden, classes, use_bias=False, kernel_init=zeros, dtype=dtype, rngs=rngs
        )

    def __call__(self, x_BxP: jax.Array) -> jax.Array:
        """Maps x_BxP to float32 logits_BxN; every row depends on the whole batch."""
        hidden_BxH = nnx.relu(self.hidden(self.input_norm(x_BxP)))
        return self.head(self.hidden_norm(hidden_BxH)).astype(jnp.float32)


class BatchNorm(nnx.Module):
    """(x - mean) / √(variance + 1e-5) over the batch, with a learnable scale and bias."""

    def __init__(self, features: int):
        self.scale = nnx.Param(jnp.ones(features))
        self.bias = nnx.Param(jnp.zeros(features))

    def __call__(self, x_BxM: jax.Array) -> jax.Array:
        """Normalises each column of x_BxM in float32."""
        x_BxM = x_BxM.astype(jnp.float32)
        mean_1xM = jnp.mean(x_BxM, axis=0, keepdims=True)
        variance_1xM = jnp.mean(jnp.square(x_BxM - mean_1xM), axis=0, keepdims=True)
        scale_1xM = self.scale[...] * jax.lax.rsqrt(variance_1xM + 1e-5)
        return (x_BxM - mean_1xM) * scale_1xM + self.bias[...][None]


def within(bound: float) -> jax.nn.initializers.Initializer:
    """Returns an initializer that draws from U(-bound, bound)."""

    def draw(key, shape, dtype=jnp.float32, out_sharding=None):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return draw
