"""Softmax models: inputs to logits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx


class LinearSoftmax(nnx.Module):
    """Logits W x without bias: the student of arXiv 2602.03685."""

    def __init__(self, features: int, classes: int, dtype: jnp.dtype, rngs: nnx.Rngs):
        init = jax.nn.initializers.uniform(2 * features**-0.5)  # as the teacher, after centring
        centred = lambda key, shape, dtype: init(key, shape, dtype) - features**-0.5  # noqa: E731
        self.head = nnx.Linear(
            features, classes, use_bias=False, kernel_init=centred, dtype=dtype, rngs=rngs
        )

    def __call__(self, x_BxM: jax.Array) -> jax.Array:
        """Maps x_BxM to float32 logits_BxN."""
        return self.head(x_BxM).astype(jnp.float32)


class NextToken(nnx.Module):
    """Next-token logits from a fixed context: embed, concatenate, one hidden layer, softmax head.

    The neural probabilistic language model of Bengio et al. (JMLR 2003), the smallest model with a
    softmax head that learns more of a text than its n-gram counts.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        embedding: int,
        hidden: int,
        dtype: jnp.dtype,
        rngs: nnx.Rngs,
    ):
        self.embed = nnx.Embed(vocabulary, embedding, dtype=dtype, rngs=rngs)
        self.hidden = nnx.Linear(context * embedding, hidden, dtype=dtype, rngs=rngs)
        self.head = nnx.Linear(
            hidden, vocabulary, kernel_init=jax.nn.initializers.zeros, dtype=dtype, rngs=rngs
        )

    def __call__(self, tokens_BxC: jax.Array) -> jax.Array:
        """Maps the C tokens before a position to float32 logits_BxV of the token there."""
        embedded_BxCxE = self.embed(tokens_BxC)
        hidden_BxH = nnx.relu(self.hidden(embedded_BxCxE.reshape(len(tokens_BxC), -1)))
        return self.head(hidden_BxH).astype(jnp.float32)
