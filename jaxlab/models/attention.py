"""Causal attention behind slots that every query sees."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxlab.models.precision import wide_product

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
    length, heads, features = query_BxTxHxD.shape[1:]
    slots, kv_heads = key_BxUxKxD.shape[1] - length, key_BxUxKxD.shape[2]
    query_BxTxHxD = query_BxTxHxD * features**-0.5
    blocks = []
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        seen = slots + stop
        visible_Bxtxu = jnp.tri(stop - start, seen, slots + start, dtype=bool)[None]
        if documents_BxT is not None:
            same_Bxtxt = documents_BxT[:, start:stop, None] == documents_BxT[:, None, :stop]
            visible_Bxtxu &= jnp.pad(same_Bxtxt, ((0, 0), (0, 0), (slots, 0)), constant_values=True)
        attend_block = _attend_block if heads == kv_heads else _attend_block_in_groups
        blocks.append(
            attend_block(
                query_BxTxHxD[:, start:stop],
                key_BxUxKxD[:, :seen],
                value_BxUxKxD[:, :seen],
                visible_Bxtxu,
            )
        )
    return jnp.concatenate(blocks, axis=1)


def _attend_block(
    query_BxtxHxD: jax.Array,
    key_BxuxHxD: jax.Array,
    value_BxuxHxD: jax.Array,
    visible_Bxtxu: jax.Array,
) -> jax.Array:
    """Attends where every query head has a key head of its own."""
    scores_BxHxtxu = wide_product("bthd,buhd->bhtu", query_BxtxHxD, key_BxuxHxD)
    shares_BxHxtxu, sum_BxHxt = _shares(
        jnp.where(visible_Bxtxu[:, None], scores_BxHxtxu, -jnp.inf), query_BxtxHxD.dtype
    )
    attended_BxtxHxD = jnp.einsum("bhtu,buhd->bthd", shares_BxHxtxu, value_BxuxHxD)
    return _over(attended_BxtxHxD, jnp.moveaxis(sum_BxHxt, 2, 1))


def _attend_block_in_groups(
    query_BxtxHxD: jax.Array,
    key_BxuxKxD: jax.Array,
    value_BxuxKxD: jax.Array,
    visible_Bxtxu: jax.Array,
) -> jax.Array:
    """Attends where each of the K key heads serves a group of G query heads.

    With groups of one this is `_attend_block`, but the axis would cost a fifth of a step on a CPU.
    """
    batch, length, heads, features = query_BxtxHxD.shape
    kv_heads = key_BxuxKxD.shape[2]
    query_BxtxKxGxD = query_BxtxHxD.reshape(batch, length, kv_heads, heads // kv_heads, features)
    scores_BxKxGxtxu = wide_product("btkgd,bukd->bkgtu", query_BxtxKxGxD, key_BxuxKxD)
    shares_BxKxGxtxu, sum_BxKxGxt = _shares(
        jnp.where(visible_Bxtxu[:, None, None], scores_BxKxGxtxu, -jnp.inf), query_BxtxHxD.dtype
    )
    attended_BxtxKxGxD = jnp.einsum("bkgtu,bukd->btkgd", shares_BxKxGxtxu, value_BxuxKxD)
    divided_BxtxKxGxD = _over(attended_BxtxKxGxD, jnp.moveaxis(sum_BxKxGxt, 3, 1))
    return divided_BxtxKxGxD.reshape(query_BxtxHxD.shape)


def _over(attended: jax.Array, total: jax.Array) -> jax.Array:
    """Divides what was attended to by the sum of its shares, in float32 or wider.

    The product before it stays in the narrow dtype, for its gradient has the same.
    """
    return (attended.astype(total.dtype) / total[..., None]).astype(attended.dtype)


def _shares(scores: jax.Array, dtype: jnp.dtype) -> tuple[jax.Array, jax.Array]:
    """Returns what softmax divides, in `dtype`, and the sums by which it divides.

    To divide the attended values instead of the shares touches D numbers a query and not U.
    """
    largest = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    shares = jnp.exp(scores - largest)
    return shares.astype(dtype), jnp.sum(shares, axis=-1)
