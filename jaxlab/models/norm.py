"""Normalisation without learned parameters."""

from __future__ import annotations

import jax
import jax.numpy as jnp

EPSILON = 1e-6  # of the norms of a decoder, where no other is chosen


def rms_norm(x_BxM: jax.Array) -> jax.Array:
    """Scales each row to a root mean square of one."""
    mean_square_Bx1 = jnp.mean(jnp.square(x_BxM), axis=-1, keepdims=True)
    return x_BxM * jax.lax.rsqrt(mean_square_Bx1 + jnp.finfo(x_BxM.dtype).eps)


def scaled(x_BxTxM: jax.Array, epsilon: float = EPSILON) -> jax.Array:
    """Scales each row to a root mean square of one."""
    mean_square_BxTx1 = jnp.mean(jnp.square(x_BxTxM), axis=-1, keepdims=True)
    return x_BxTxM * jax.lax.rsqrt(mean_square_BxTx1 + epsilon)
