"""P parallel streams through one decoder (ParScale, arXiv 2505.10475)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.decoder import DEVIATION, Decoder, Params, Prefix

AGGREGATIONS = ("learned", "static", "mean")
SMOOTHING = 0.1  # of the released models; the default of their code, 0.01, was not used


@dataclasses.dataclass(frozen=True, kw_only=True)
class Streams:
    """A decoder run `count` times over the same tokens, each time behind a prefix of its own.

    The streams differ by the keys and values that each layer puts in front of the tokens; their
    states after the final norm are mixed, and read out once. With one stream this is the plain
    decoder, unless `lone_prefix` asks for a prefix nevertheless, which tells the two apart.

    Parameters are {"decoder": ..., "streams": ...}, without the latter when there is nothing in it.
    """

    decoder: Decoder
    count: int
    prefix: int  # slots of each layer and stream: 48 in arXiv 2505.10475
    lone_prefix: bool
    aggregation: str  # one of AGGREGATIONS

    def __post_init__(self):
        if self.count < 1:
            raise ValueError(f"count must be at least 1 stream, got {self.count}")
        if self.prefix < 0:
            raise ValueError(f"prefix must be at least 0 slots, got {self.prefix}")
        if self.aggregation not in AGGREGATIONS:
            raise ValueError(f"aggregation {self.aggregation!r} is none of {AGGREGATIONS}")

    @property
    def plain(self) -> bool:
        """Whether this is the decoder alone."""
        return self.count == 1 and not self.lone_prefix

    def init(self, key: jax.Array) -> Params:
        """Draws the decoder, the same for every number of streams, and what the streams add."""
        decoder_key, streams_key = jax.random.split(key)
        params = {"decoder": self.decoder.init(decoder_key)}
        if self.plain:
            return params
        return params | {"streams": self.init_streams(streams_key)}

    def init_streams(self, key: jax.Array) -> Params:
        """Draws prefixes and matrices from N(0, 0.02²); biases are 0, so weights start near 1/P."""
        prefix_key, prefix_value, mixer, head = jax.random.split(key, 4)
        count, width = self.count, self.decoder.width

        def draw(key: jax.Array, *shape: int) -> jax.Array:
            return DEVIATION * jax.random.normal(key, shape, jnp.float32)

        slots = (self.decoder.layers, self.prefix, self.decoder.kv_heads, self.decoder.features)
        params: Params = {
            "prefix_key_PxLxSxKxD": draw(prefix_key, count, *slots),
            "prefix_value_PxLxSxKxD": draw(prefix_value, count, *slots),
        }
        if count == 1 or self.aggregation == "mean":
            return params
        if self.aggregation == "static":
            return params | {"preference_P": jnp.zeros(count)}
        return params | {
            "mixer_PxMxM": draw(mixer, count, width, width),
            "mixer_bias_M": jnp.zeros(width),
            "head_MxP": draw(head, width, count),
            "head_bias_P": jnp.zeros(count),
        }

    def apply(
        self,
        params: Params,
        tokens_BxT: jax.Array,
        smoothing: float | jax.Array = SMOOTHING,
        documents_BxT: jax.Array | None = None,
    ) -> jax.Array:
        """Maps tokens_BxT to float32 logits_BxTxV.

        smoothing: ε of w ← (1 - ε) w + ε/P, in training as in use.
        documents_BxT: which tokens belong together, as in `Decoder.states`.
        """
        states_PxBxTxM = self.states(params, tokens_BxT, documents_BxT)
        mixed_BxTxM = self.mix(params, states_PxBxTxM, smoothing)
        return self.decoder.logits(params["decoder"], mixed_BxTxM)

    def states(
        self, params: Params, tokens_BxT: jax.Array, documents_BxT: jax.Array | None = None
    ) -> jax.Array:
        """Returns the states_PxBxTxM of all streams after the final norm."""

        def stream(decoder: Params, prefix: Prefix | None) -> jax.Array:
            return self.decoder.states(decoder, tokens_BxT, prefix, documents_BxT)

        return self.each(params, stream)

    def each(self, params: Params, run: Callable[..., Any], *of_streams: Any) -> Any:
        """Returns run(decoder parameters, prefix, ...) of every stream, stacked on a first axis.

        of_streams: further arguments of `run`, the streams on their first axis.
        """
        if self.plain:
            alone = jax.tree.map(lambda leaf: leaf[0], of_streams)
            return jax.tree.map(lambda leaf: leaf[None], run(params["decoder"], None, *alone))
        prefix = (
            params["streams"]["prefix_key_PxLxSxKxD"],
            params["streams"]["prefix_value_PxLxSxKxD"],
        )
        return jax.vmap(partial(run, params["decoder"]))(prefix, *of_streams)

    def mix(
        self, params: Params, states_PxBxTxM: jax.Array, smoothing: float | jax.Array = SMOOTHING
    ) -> jax.Array:
        """Returns the weighted sum mixed_BxTxM of the streams; a single stream as it is."""
        if self.count == 1:
            return states_PxBxTxM[0]
        weights_PxBxT = self.weights(params, states_PxBxTxM, smoothing)
        mixed_BxTxM = jnp.sum(weights_PxBxT[..., None] * states_PxBxTxM, axis=0)
        return mixed_BxTxM.astype(states_PxBxTxM.dtype)

    def weights(
        self, params: Params, states_PxBxTxM: jax.Array, smoothing: float | jax.Array = SMOOTHING
    ) -> jax.Array:
        """Returns float32 weights_PxBxT of the streams, whose sum is 1 at every token.

        `learned` is the published MLP on the states of all streams, `static` one learned number
        per stream, `mean` is 1/P.
        """
        wide = self.decoder.wide
        if self.aggregation == "mean":
            return jnp.full(states_PxBxTxM.shape[:-1], 1 / self.count, wide)
        if self.aggregation == "static":
            preference_P = params["streams"]["preference_P"].astype(wide)
            scores_PxBxT = jnp.broadcast_to(preference_P[:, None, None], states_PxBxTxM.shape[:-1])
        else:
            scores_PxBxT = self.scores(params["streams"], states_PxBxTxM)
        weights_PxBxT = jax.nn.softmax(scores_PxBxT, axis=0)
        return (1 - smoothing) * weights_PxBxT + smoothing / self.count

    def scores(self, streams: Params, states_PxBxTxM: jax.Array) -> jax.Array:
        """Linear(P·M → M), SiLU, Linear(M → P) of the concatenated states, as scores_PxBxT.

        The released first matrix has the rows (hidden, stream), the stream fastest:
        mixer_PxMxM transposed to (M, P, M) and flattened.
        """
        streams = jax.tree.map(lambda leaf: leaf.astype(states_PxBxTxM.dtype), streams)
        mixed_BxTxM = jnp.einsum("pbtm,pmn->btn", states_PxBxTxM, streams["mixer_PxMxM"])
        active_BxTxM = jax.nn.silu(mixed_BxTxM + streams["mixer_bias_M"][None, None])
        scores_PxBxT = jnp.einsum("btm,mp->pbt", active_BxTxM, streams["head_MxP"])
        return (scores_PxBxT + streams["head_bias_P"][:, None, None]).astype(self.decoder.wide)


def count_parameters(params: Params) -> int:
    """Counts all parameters but the embedding: N of arXiv 2505.10475, prefixes and all."""
    return sum(leaf.size for leaf in jax.tree.leaves(params)) - (
        params["decoder"]["embedding_VxM"].size
    )
