"""Decoding with P streams: a cache of keys and values, and text written token by token.

Streams are rows of the cache (arXiv 2505.10475): P·B of them, each behind its own prefix, which is
put in once. From then on a step reads one token per text and mixes the P states of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.models.decoder import Decoder, Params, Prefix, put_in_front, unstack
from jaxlab.models.precision import precisely
from jaxlab.models.streams import Streams

Pair = tuple[jax.Array, jax.Array]  # keys and values


class Cache(NamedTuple):
    """What the layers of all streams remember of B texts.

    Of the U slots the first S hold the prefix, the others the tokens. Prompts end together: the
    first `padding_B` tokens of each row are seen by nobody and have no position.
    """

    key_PxLxBxUxKxD: jax.Array
    value_PxLxBxUxKxD: jax.Array
    padding_B: jax.Array  # int32
    length: jax.Array  # int32, tokens so far, padding among them


@precisely
def empty_cache(model: Streams, params: Params, padding_B: jax.Array, tokens: int) -> Cache:
    """Returns a cache of the prefixes alone, with room for `tokens` tokens in every row.

    padding_B: int32, by how much each prompt is shorter than the longest.
    """
    decoder = model.decoder
    shape = (padding_B.shape[0], tokens, decoder.kv_heads, decoder.features)
    empty_LxBxNxKxD = jnp.zeros((decoder.layers, *shape), decoder.dtype)

    def stream(_: Params, prefix: Prefix | None) -> Pair:
        if prefix is None:
            return empty_LxBxNxKxD, empty_LxBxNxKxD
        key, value = (jax.vmap(put_in_front)(slots, empty_LxBxNxKxD) for slots in prefix)
        return key, value

    key, value = model.each(params, stream)
    return Cache(key, value, padding_B, jnp.int32(0))


@precisely
def extend(
    model: Streams,
    params: Params,
    cache: Cache,
    tokens_BxT: jax.Array,
    smoothing: float | jax.Array,
) -> tuple[jax.Array, Cache]:
    """Reads T more tokens of every text: a prompt, a part of one, or the token just written.

    The caller sees to the room. Scores take P·B·H·T·U numbers: read a long prompt in parts.

    Returns:
        float32 logits_BxV of the token that comes next, and the cache with the T tokens in it.
    """

    def stream(decoder_params: Params, prefix: Prefix | None, key: jax.Array, value: jax.Array):
        slots = 0 if prefix is None else prefix[0].shape[1]
        return _read(model.decoder, decoder_params, slots, cache, (key, value), tokens_BxT)

    state_PxBx1xM, key, value = model.each(
        params, stream, cache.key_PxLxBxUxKxD, cache.value_PxLxBxUxKxD
    )
    mixed_Bx1xM = model.mix(params, state_PxBx1xM, smoothing)
    logits_Bx1xV = model.decoder.logits(params["decoder"], mixed_Bx1xM)
    length = cache.length + tokens_BxT.shape[1]
    return logits_Bx1xV[:, 0], Cache(key, value, cache.padding_B, length)


@partial(jax.jit, static_argnames=("model", "tokens"))
def prefill(
    model: Streams,
    params: Params,
    prompt_BxT: jax.Array,
    padding_B: jax.Array,
    smoothing: float | jax.Array,
    *,
    tokens: int,
) -> tuple[jax.Array, Cache]:
    """Reads prompts as `left_pad` gives them into a new cache with room for `tokens` tokens more.

    Returns:
        float32 logits_BxV of the first token to be written, and the cache.
    """
    cache = empty_cache(model, params, padding_B, prompt_BxT.shape[1] + tokens)
    return extend(model, params, cache, prompt_BxT, smoothing)


@partial(jax.jit, static_argnames="model", donate_argnames="cache")
def step(
    model: Streams,
    params: Params,
    cache: Cache,
    token_B: jax.Array,
    smoothing: float | jax.Array,
) -> tuple[jax.Array, Cache]:
    """Reads one token of every text; the cache passed in is donated.

    Returns:
        float32 logits_BxV of the token that comes next, and the cache.
    """
    return extend(model, params, cache, token_B[:, None], smoothing)


@partial(jax.jit, static_argnames=("model", "tokens", "stop"))
@precisely
def generate(
    model: Streams,
    params: Params,
    prompt_BxT: jax.Array,
    padding_B: jax.Array,
    key_B: jax.Array,
    temperature: float | jax.Array,
    smoothing: float | jax.Array,
    *,
    tokens: int,
    stop: int | None,
) -> jax.Array:
    """Writes on from prompts as `left_pad` gives them.

    Args:
        key_B: a random key for each text, which with the number of the token decides its draw.
        temperature: logits are divided by it; 0 takes the likeliest token.
        tokens: how many are written, at least 1.
        stop: the token after which a text holds nothing but this token, or None.

    Returns:
        int32 written_BxN, N = `tokens`, without the prompts.
    """
    params = model.merged(params)  # or every token would compute the prefixes again
    logits_BxV, cache = prefill(model, params, prompt_BxT, padding_B, smoothing, tokens=tokens - 1)
    fill = 0 if stop is None else stop
    written_BxN = jnp.full((prompt_BxT.shape[0], tokens), fill, jnp.int32)
    first_B = draw(key_B, jnp.int32(0), logits_BxV, temperature)

    def unfinished(carry: tuple) -> jax.Array:
        number, written_BxN, _ = carry
        more = number < tokens
        return more if stop is None else more & ~jnp.all(_at(written_BxN, number - 1) == stop)

    def write(carry: tuple) -> tuple:
        number, written_BxN, cache = carry
        last_B = _at(written_BxN, number - 1)
        logits_BxV, cache = extend(model, params, cache, last_B[:, None], smoothing)
        token_B = draw(key_B, number, logits_BxV, temperature)
        if stop is not None:
            token_B = jnp.where(last_B == stop, stop, token_B)
        return number + 1, written_BxN.at[:, number].set(token_B), cache

    start = (jnp.int32(1), written_BxN.at[:, 0].set(first_B), cache)
    return jax.lax.while_loop(unfinished, write, start)[1]


def draw(
    key_B: jax.Array, number: jax.Array, logits_BxV: jax.Array, temperature: float | jax.Array
) -> jax.Array:
    """Draws int32 token_B from softmax(logits / temperature), the likeliest at temperature 0."""

    def gumbel(key: jax.Array) -> jax.Array:
        return jax.random.gumbel(jax.random.fold_in(key, number), logits_BxV.shape[1:])

    # The largest of logits / τ + Gumbel noise is such a draw; times τ it holds at 0 too.
    noise_BxV = jax.vmap(gumbel)(key_B)
    return jnp.argmax(logits_BxV + temperature * noise_BxV, axis=-1).astype(jnp.int32)


def left_pad(prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns int32 prompt_BxT, the prompts ending together, and padding_B in front of each.

    Raises:
        ValueError: there is no prompt, or an empty one, from which nothing follows.
    """
    lengths = [len(prompt) for prompt in prompts]
    if not lengths or min(lengths) == 0:
        raise ValueError("every prompt needs a token at least: give a text to write on from")
    padding_B = np.array([max(lengths) - length for length in lengths], np.int32)
    rows = [[0] * pad + list(own) for pad, own in zip(padding_B, prompts, strict=True)]
    return np.array(rows, np.int32), padding_B


def _read(
    decoder: Decoder, params: Params, slots: int, cache: Cache, pair: Pair, tokens_BxT: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Runs tokens through one stream; returns the last state_Bx1xM and its part of the cache."""
    now_T = cache.length + jnp.arange(tokens_BxT.shape[1])
    rotation = decoder.rotation(now_T[None] - cache.padding_B[:, None])
    u_U = jnp.arange(pair[0].shape[2]) - slots  # the prefix is below 0
    hidden_BxU = (u_U >= 0)[None] & (u_U[None] < cache.padding_B[:, None])
    visible_BxTxU = (u_U[None] <= now_T[:, None])[None] & ~hidden_BxU[:, None]

    def layer(carry: tuple[jax.Array, Pair], of_layer: tuple[Params, int | jax.Array]):
        x_BxTxM, pair = carry
        weights, index = of_layer
        query_BxTxHxD, *new = decoder.project(x_BxTxM, weights, rotation)
        at = (index, 0, slots + cache.length, 0, 0)
        key, value = (
            jax.lax.dynamic_update_slice(old_LxBxUxKxD, new_BxTxKxD[None], at)
            for old_LxBxUxKxD, new_BxTxKxD in zip(pair, new, strict=True)
        )
        attended_BxTxHxD = jax.nn.dot_product_attention(
            query_BxTxHxD, key[index], value[index], mask=visible_BxTxU[:, None]
        )
        return (decoder.finish(x_BxTxM, weights, attended_BxTxHxD), (key, value)), None

    carry = params["embedding_VxM"][tokens_BxT].astype(decoder.dtype), pair
    if decoder.scanned:
        carry, _ = jax.lax.scan(layer, carry, (params["layers"], jnp.arange(decoder.layers)))
    else:
        for index, weights in enumerate(unstack(params["layers"], decoder.layers)):
            carry, _ = layer(carry, (weights, index))
    x_BxTxM, pair = carry
    return decoder.final_norm(params, x_BxTxM[:, -1:]), *pair


def _at(written_BxN: jax.Array, number: jax.Array) -> jax.Array:
    return jax.lax.dynamic_index_in_dim(written_BxN, number, axis=1, keepdims=False)
