"""P parallel streams through one decoder (ParScale, arXiv 2505.10475)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models import transforms
from jaxlab.models.decoder import DEVIATION, Decoder, Params, Prefix, unstack
from jaxlab.models.transforms import TRANSFORMS, Transform

AGGREGATIONS = ("learned", "static", "mean")
SMOOTHING = 0.1  # of the released models; the default of their code, 0.01, was not used


@dataclasses.dataclass(frozen=True, kw_only=True)
class Streams:
    """A decoder run `count` times over the same tokens, each time transformed in another way.

    As published, the streams differ by the keys and values that each layer puts in front of the
    tokens; their states after the final norm are mixed, and read out once. With one stream this is
    the plain decoder, unless `lone_prefix` asks for a transformation nevertheless. That, and `tied`
    streams, which compute P times the same, tell apart what is gained by what.

    Parameters are {"decoder": ..., "streams": ...}, without the latter when there is nothing in it.
    """

    decoder: Decoder
    count: int
    transform: Transform
    prefix: int  # slots of each layer and stream, by "prefix": 48 in arXiv 2505.10475
    code: int  # numbers per slot from which they are computed; 0: they are parameters themselves
    code_hidden: int  # units between the two
    rank: int  # by "lora"
    tied: bool  # whether all streams share one transformation
    lone_prefix: bool
    aggregation: str  # one of AGGREGATIONS

    def __post_init__(self):
        if self.count < 1:
            raise ValueError(f"count must be at least 1 stream, got {self.count}")
        if self.prefix < 0:
            raise ValueError(f"prefix must be at least 0 slots, got {self.prefix}")
        if self.transform not in TRANSFORMS:
            raise ValueError(f"transform {self.transform!r} is none of {TRANSFORMS}")
        if self.transform == "bias" and self.decoder.biases == "none":
            raise ValueError("transform 'bias' adds to biases, and this decoder has none")
        if self.code < 0:
            raise ValueError(f"code must be at least 0 numbers, got {self.code}")
        if self.code and self.code_hidden < 1:
            raise ValueError(f"code_hidden must be at least 1 unit, got {self.code_hidden}")
        if self.transform == "lora" and self.rank < 1:
            raise ValueError(f"rank must be at least 1, got {self.rank}")
        if self.aggregation not in AGGREGATIONS:
            raise ValueError(f"aggregation {self.aggregation!r} is none of {AGGREGATIONS}")

    @classmethod
    def of_one(cls, decoder: Decoder) -> Streams:
        """Returns the decoder alone."""
        return cls(
            decoder=decoder,
            count=1,
            transform="prefix",
            prefix=0,
            code=0,
            code_hidden=0,
            rank=0,
            tied=False,
            lone_prefix=False,
            aggregation="mean",
        )

    @property
    def plain(self) -> bool:
        """Whether this is the decoder alone."""
        return self.count == 1 and not self.lone_prefix

    def init(self, key: jax.Array, deviation: float | jax.Array = DEVIATION) -> Params:
        """Draws the decoder, the same for every number of streams, and what the streams add."""
        decoder_key, streams_key = jax.random.split(key)
        params = {"decoder": self.decoder.init(decoder_key, deviation)}
        if self.plain:
            return params
        return params | {"streams": self.init_streams(streams_key, deviation)}

    def init_streams(self, key: jax.Array, deviation: float | jax.Array = DEVIATION) -> Params:
        """Draws what tells the streams apart, and what mixes them: the same for every `transform`.

        Matrices that mix come from N(0, deviation²) and biases are 0, so weights start near 1/P.
        """
        transform_key, mixer, head = jax.random.split(key, 3)
        count, width = self.count, self.decoder.width

        def draw(key: jax.Array, *shape: int) -> jax.Array:
            return deviation * jax.random.normal(key, shape, jnp.float32)

        params = self.init_transform(transform_key, deviation)
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

    def init_transform(self, key: jax.Array, deviation: float | jax.Array = DEVIATION) -> Params:
        """Draws what tells the streams apart; for tied streams once."""
        count = 1 if self.tied else self.count
        if self.transform == "lora":
            return transforms.init_factors(key, self.decoder, count, self.rank)
        if self.transform == "bias":
            return transforms.init_biases(key, self.decoder, count, deviation)
        if self.code == 0:
            return transforms.init_prefixes(key, self.decoder, count, self.prefix, deviation)
        return transforms.init_codes(
            key, self.decoder, count, self.prefix, self.code, self.code_hidden, deviation
        )

    def merged(self, params: Params) -> Params:
        """Returns parameters with the prefixes in place of their codes, as for `code` = 0.

        The released models are such, and N of arXiv 2505.10475 counts them so.
        """
        if self.plain or self.transform != "prefix":
            return params
        keys, values = transforms.prefixes(params["streams"])
        rest = {k: leaf for k, leaf in params["streams"].items() if not k.startswith("code_")}
        slots = {"prefix_key_PxLxSxKxD": keys, "prefix_value_PxLxSxKxD": values}
        return params | {"streams": rest | slots}

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

        On a CPU the streams run one after another, since the activations of one stream fit a cache
        and those of all do not; on an accelerator they run as one batch.

        of_streams: further arguments of `run`, the streams on their first axis.
        """

        def stream(own: tuple[Params, Prefix | None], *further: Any) -> Any:
            return run(transforms.add(params["decoder"], own[0]), own[1], *further)

        arguments = (({}, None) if self.plain else self.additions(params), *of_streams)
        if self.count > 1 and jax.default_backend() != "cpu":
            return jax.vmap(stream)(*arguments)
        each = [stream(*of_stream) for of_stream in unstack(arguments, self.count)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)

    def additions(self, params: Params) -> tuple[Params, Prefix | None]:
        """Returns what each stream adds to the decoder's layers, and its prefix: P leads both."""
        streams = params["streams"]
        added = (
            transforms.delta(self.transform, streams),
            transforms.prefixes(streams) if self.transform == "prefix" else None,
        )
        if self.tied:
            return jax.tree.map(lambda x: jnp.broadcast_to(x, (self.count, *x.shape[1:])), added)
        return added

    def mix(
        self, params: Params, states_PxBxTxM: jax.Array, smoothing: float | jax.Array = SMOOTHING
    ) -> jax.Array:
        """Returns the weighted sum mixed_BxTxM of the streams; a single stream as it is."""
        if self.count == 1:
            return states_PxBxTxM[0]
        weights_PxBxT = self.weights(params, states_PxBxTxM, smoothing)
        # XLA fuses product and sum; for an einsum it would copy all states into another order.
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
        if self.count == 1 or self.aggregation == "mean":
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
    """Counts all parameters but the embeddings: N of arXiv 2505.10475, prefixes and all."""
    embeddings = [leaf for name, leaf in params["decoder"].items() if "embedding" in name]
    return sum(leaf.size for leaf in jax.tree.leaves(params)) - sum(e.size for e in embeddings)
