"""What one stream adds to a decoder: a prefix in every layer, low-rank matrices, or biases.

The three transformations that arXiv 2505.10475 compares (appendix A). Each is drawn for all streams
at once, P on the leading axis, and used as `(delta, prefix)`: what a stream adds to the parameters
of the decoder, by their names, and its keys and values.
"""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp

from jaxlab.models.decoder import Decoder, Params, Prefix

Transform = Literal["prefix", "lora", "bias"]
TRANSFORMS = get_args(Transform)
ADAPTED = {"query": "M", "value": "C"}  # by LoRA, with their outputs: arXiv 2106.09685, section 5
TANH = 0.628  # root mean square of tanh(x), x from N(0, 1)


def init_prefixes(
    key: jax.Array, decoder: Decoder, count: int, slots: int, deviation: float | jax.Array
) -> Params:
    """Draws the keys and values themselves from N(0, deviation²)."""
    of_keys, of_values = jax.random.split(key)
    shape = (count, decoder.layers, slots, decoder.kv_heads, decoder.features)
    return {
        "prefix_key_PxLxSxKxD": _draw(of_keys, deviation, *shape),
        "prefix_value_PxLxSxKxD": _draw(of_values, deviation, *shape),
    }


def init_codes(
    key: jax.Array,
    decoder: Decoder,
    count: int,
    slots: int,
    code: int,
    hidden: int,
    deviation: float | jax.Array,
) -> Params:
    """Draws a code of `code` numbers per stream and slot, and what turns codes into prefixes.

    A Linear, tanh and a Linear to the keys and values of all layers, which streams and slots share
    (arXiv 2101.00190, section 4.3). The keys and values start as large as those drawn directly.
    """
    codes, first, of_keys, of_values = jax.random.split(key, 4)
    shape = (decoder.layers, decoder.kv_heads, decoder.features)
    outer = deviation / (TANH * hidden**0.5)
    return {
        "code_PxSxE": _draw(codes, 1, count, slots, code),
        "code_kernel_ExF": _draw(first, code**-0.5, code, hidden),
        "code_bias_F": jnp.zeros(hidden),
        "code_key_FxLxKxD": _draw(of_keys, outer, hidden, *shape),
        "code_key_bias_LxKxD": jnp.zeros(shape),
        "code_value_FxLxKxD": _draw(of_values, outer, hidden, *shape),
        "code_value_bias_LxKxD": jnp.zeros(shape),
    }


def init_factors(key: jax.Array, decoder: Decoder, count: int, rank: int) -> Params:
    """Draws the matrices down to `rank` numbers from N(0, 1/M); those up again are 0.

    So all streams start as the decoder itself. They part at the first step, under symmetric weights
    too: a gradient reaches a matrix up through the matrix down, of which every stream has its own.
    """
    params: Params = {}
    for own, (name, axis) in zip(jax.random.split(key, len(ADAPTED)), ADAPTED.items(), strict=True):
        outputs = decoder.query_width if axis == "M" else decoder.kv_heads * decoder.features
        down = _draw(own, decoder.width**-0.5, count, decoder.layers, decoder.width, rank)
        params[f"{name}_down_PxLxMxR"] = down
        params[f"{name}_up_PxLxRx{axis}"] = jnp.zeros((count, decoder.layers, rank, outputs))
    return params


def init_biases(
    key: jax.Array, decoder: Decoder, count: int, deviation: float | jax.Array
) -> Params:
    """Draws additions to the biases of query, key and value from N(0, deviation²).

    As BitFit, arXiv 2106.10199.
    """
    query, of_keys, of_values = jax.random.split(key, 3)
    shape = (count, decoder.layers, decoder.kv_heads * decoder.features)
    return {
        "query_bias_PxLxM": _draw(query, deviation, count, decoder.layers, decoder.query_width),
        "key_bias_PxLxC": _draw(of_keys, deviation, *shape),
        "value_bias_PxLxC": _draw(of_values, deviation, *shape),
    }


def prefixes(streams: Params) -> Prefix:
    """Returns keys_PxLxSxKxD and values_PxLxSxKxD, computed from codes where there are such."""
    if "code_PxSxE" not in streams:
        return streams["prefix_key_PxLxSxKxD"], streams["prefix_value_PxLxSxKxD"]
    linear_PxSxF = jnp.einsum("pse,ef->psf", streams["code_PxSxE"], streams["code_kernel_ExF"])
    hidden_PxSxF = jnp.tanh(linear_PxSxF + streams["code_bias_F"][None, None])

    def slots(name: str) -> jax.Array:
        kernel_FxLxKxD = streams[f"code_{name}_FxLxKxD"]
        bias_LxKxD = streams[f"code_{name}_bias_LxKxD"]
        flat_PxLxSxKxD = jnp.einsum("psf,flkd->plskd", hidden_PxSxF, kernel_FxLxKxD)
        return flat_PxLxSxKxD + bias_LxKxD[None, :, None]

    return slots("key"), slots("value")


def delta(transform: Transform, streams: Params) -> Params:
    """Returns what each stream adds to the layers of the decoder, by the names of the layers.

    The products of LoRA are made whole, once for all tokens, and not scaled. So for as long as a
    step takes there are P copies of every adapted matrix, 2 P L M² numbers at most, and as many of
    their gradients: less than the activations where P·B·T is large against P·M, but more than a
    reader of a single sequence would want.
    """
    if transform == "lora":
        return {
            f"{name}_LxMx{axis}": jnp.einsum(
                "plmr,plrn->plmn",
                streams[f"{name}_down_PxLxMxR"],
                streams[f"{name}_up_PxLxRx{axis}"],
            )
            for name, axis in ADAPTED.items()
        }
    if transform == "bias":
        return {
            f"{name}_bias_Lx{axis}": streams[f"{name}_bias_PxLx{axis}"]
            for name, axis in (("query", "M"), ("key", "C"), ("value", "C"))
        }
    return {}


def add(decoder: Params, layers: Params) -> Params:
    """Returns the parameters of the decoder with the additions to its layers."""
    sums = {name: decoder["layers"][name] + leaf for name, leaf in layers.items()}
    return decoder | {"layers": decoder["layers"] | sums}


def _draw(key: jax.Array, deviation: float | jax.Array, *shape: int) -> jax.Array:
    return deviation * jax.random.normal(key, shape, jnp.float32)
