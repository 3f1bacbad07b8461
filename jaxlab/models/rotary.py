"""Rotary positions (RoPE, arXiv 2104.09864)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def rotation(
    positions_BxT: jax.Array, features: int, base: int, dtype: np.dtype
) -> tuple[jax.Array, jax.Array]:
    """Returns cosines_BxTxE and sines_BxTxE that rotate so many features, E being half of them."""
    frequency_E = base ** (-np.arange(0, features, 2) / features)
    angle_BxTxE = positions_BxT[..., None] * jnp.asarray(frequency_E, dtype)[None, None]
    return jnp.cos(angle_BxTxE), jnp.sin(angle_BxTxE)


def rotate(x_BxTxHxD: jax.Array, cosine_BxTxE: jax.Array, sine_BxTxE: jax.Array) -> jax.Array:
    """Rotates feature e with feature e + E by the angle of the position, as Qwen2 pairs them.

    Features from 2E on stay as they are.
    """
    rotated = 2 * cosine_BxTxE.shape[-1]
    if rotated < x_BxTxHxD.shape[-1]:
        turned = rotate(x_BxTxHxD[..., :rotated], cosine_BxTxE, sine_BxTxE)
        return jnp.concatenate((turned, x_BxTxHxD[..., rotated:]), axis=-1)
    cosine, sine = cosine_BxTxE[:, :, None], sine_BxTxE[:, :, None]
    a, b = jnp.split(x_BxTxHxD.astype(cosine.dtype), 2, axis=-1)
    turned = jnp.concatenate((a * cosine - b * sine, b * cosine + a * sine), axis=-1)
    return turned.astype(x_BxTxHxD.dtype)


def positions_within(documents_BxT: jax.Array) -> jax.Array:
    """Counts positions_BxT from 0 in every run of the same document."""
    place_1xT = jnp.arange(documents_BxT.shape[1])[None]
    begins_BxT = jnp.diff(documents_BxT, axis=1, prepend=documents_BxT[:, :1]) != 0
    return place_1xT - jax.lax.cummax(jnp.where(begins_BxT, place_1xT, 0), axis=1)
