"""Causal attention behind slots that every query sees."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

Implementation = Literal["blocks", "xla", "cudnn"]
IMPLEMENTATIONS = get_args(Implementation)
BLOCK = 64  # queries that attend at once: their scores stay in the cache of a CPU core


def attend(
    query_BxTxHxD: jax.Array,
    key_BxUxKxD: jax.Array,
    value_BxUxKxD: jax.Array,
    implementation: Implementation,
    documents_BxT: jax.Array | None = None,
) -> jax.Array:
    """Returns softmax(q kᵀ / √D) v as attended_BxTxHxD; each of the K key heads serves H/K queries.

    The first U - T slots are visible to all queries; of the T others, query t sees 0 to t, and
    where `documents_BxT` numbers the documents that share a row, those of its own document alone.
    `blocks` skips the products that the mask would remove, and is the fastest on a CPU; `xla` and
    `cudnn` are those of `jax.nn.dot_product_attention` (for the latter see `check_fused`).

    Raises:
        ValueError: `cudnn` is given documents.
    """
    if implementation == "cudnn" and documents_BxT is not None:
        raise ValueError("attention by cudnn knows no documents: choose blocks or xla")
    if implementation == "blocks":
        return attend_in_blocks(query_BxTxHxD, key_BxUxKxD, value_BxUxKxD, documents_BxT)
    # Rows of zeros in front of the queries make the mask square, which fused kernels know.
    slots = key_BxUxKxD.shape[1] - query_BxTxHxD.shape[1]
    query_BxUxHxD = jnp.pad(query_BxTxHxD, ((0, 0), (slots, 0), (0, 0), (0, 0)))
    mask_Bx1xUxU = None
    if documents_BxT is not None:
        same_BxTxT = documents_BxT[:, :, None] == documents_BxT[:, None, :]
        in_front = ((0, 0), (slots, 0), (slots, 0))
        mask_Bx1xUxU = jnp.pad(same_BxTxT, in_front, constant_values=True)[:, None]
    return jax.nn.dot_product_attention(
        query_BxUxHxD,
        key_BxUxKxD,
        value_BxUxKxD,
        mask=mask_Bx1xUxU,
        is_causal=True,
        implementation=implementation,
    )[:, slots:]


def check_fused(features: int, dtype: str, packed: bool) -> None:
    """Raises ValueError unless `cudnn` attends here, in this dtype, with so many features a head.

    packed: whether documents share a row. A mask takes the place of a bias in the fused kernel,
    and JAX cannot batch one for all heads over streams and members.
    """
    other = "choose 'blocks' or 'xla'"
    if jax.default_backend() != "gpu":
        raise ValueError(f"'cudnn' needs a GPU, and this is a {jax.default_backend()}: {other}")
    if dtype not in ("bfloat16", "float16"):
        raise ValueError(f"'cudnn' needs 16 bits, and the computation is in {dtype}: {other}")
    if features % 8 or features > 128:
        raise ValueError(
            f"'cudnn' needs a multiple of 8 features, 128 at most, in each head, "
            f"which has {features}: {other}"
        )
    if packed:
        raise ValueError(f"'cudnn' knows no documents that share a row: {other}")


def attend_in_blocks(
    query_BxTxHxD: jax.Array,
    key_BxUxKxD: jax.Array,
    value_BxUxKxD: jax.Array,
    documents_BxT: jax.Array | None = None,
) -> jax.Array:
    """Attends block by block of queries, each to no key behind its last query."""
    batch, length, heads, features = query_BxTxHxD.shape
    slots, kv_heads = key_BxUxKxD.shape[1] - length, key_BxUxKxD.shape[2]
    query_BxTxKxGxD = jnp.reshape(
        query_BxTxHxD * features**-0.5, (batch, length, kv_heads, heads // kv_heads, features)
    )
    blocks = []
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        seen = slots + stop
        scores_BxKxGxtxu = jnp.einsum(
            "btkgd,bukd->bkgtu",
            query_BxTxKxGxD[:, start:stop],
            key_BxUxKxD[:, :seen],
            preferred_element_type=jnp.promote_types(query_BxTxHxD.dtype, jnp.float32),
        )
        visible_Bxtxu = jnp.tri(stop - start, seen, slots + start, dtype=bool)[None]
        if documents_BxT is not None:
            same_Bxtxt = documents_BxT[:, start:stop, None] == documents_BxT[:, None, :stop]
            visible_Bxtxu &= jnp.pad(same_Bxtxt, ((0, 0), (0, 0), (slots, 0)), constant_values=True)
        scores_BxKxGxtxu = jnp.where(visible_Bxtxu[:, None, None], scores_BxKxGxtxu, -jnp.inf)
        weights_BxKxGxtxu = jax.nn.softmax(scores_BxKxGxtxu).astype(query_BxTxHxD.dtype)
        blocks.append(jnp.einsum("bkgtu,bukd->btkgd", weights_BxKxGxtxu, value_BxUxKxD[:, :seen]))
    return jnp.reshape(jnp.concatenate(blocks, axis=1), query_BxTxHxD.shape)
