"""A transformer whose block of layers runs again and again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.decoder import Decoder, unstack
from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Looped:
    """The layers of a decoder run `loops` times over the states of the tokens.

    `injected`, each loop begins with a linear map of [states, embeddings] that starts as
    [I, 0.1 I], so that no loop forgets the tokens (as in arXiv 2502.05171, 2607.20594). One loop
    without it is the plain transformer of k untied layers. The parameters are the same for every
    number of loops. A token of its own begins the sequence: without it, and without positions,
    repetitions of one token could not be told apart.
    """

    decoder: Decoder  # its vocabulary counts the token that begins
    classes: int
    loops: int
    injected: bool
    positions: bool  # RoPE, or none

    def __post_init__(self):
        require(self, classes=2, loops=1)

    def init(self, key: jax.Array) -> Params:
        """Draws embeddings from N(0, 1) and matrices from N(0, 1 / width)."""
        decoder_key, head_key = jax.random.split(key)
        width, deviation = self.decoder.width, self.decoder.width**-0.5
        decoder = self.decoder.init(decoder_key, deviation)
        params = {
            "decoder": decoder | {"embedding_VxM": decoder["embedding_VxM"] / deviation},
            "head_MxC": deviation * jax.random.normal(head_key, (width, self.classes)),
            "head_bias_C": jnp.zeros(self.classes),
        }
        if self.injected:
            params["injection_2xMxM"] = jnp.stack((jnp.eye(width), 0.1 * jnp.eye(width)))
        return params

    def apply(self, params: Params, tokens_BxN: jax.Array, loops: int | None = None) -> jax.Array:
        """Maps tokens_BxN to float32 logits_BxNxC; those of a token depend on it and all before.

        loops: in place of those of the model, as after training with others.
        """
        turn, start_BxTxM = self.turn(params, tokens_BxN)
        last_BxTxM, _ = jax.lax.scan(
            turn, start_BxTxM, length=self.loops if loops is None else loops
        )
        return self.read(params, last_BxTxM)

    def after_each(
        self, params: Params, tokens_BxN: jax.Array, loops: int | None = None
    ) -> jax.Array:
        """Returns the logits_LxBxNxC that could be read after each of the loops."""
        turn, start_BxTxM = self.turn(params, tokens_BxN)

        def turn_and_read(states_BxTxM: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            states_BxTxM, _ = turn(states_BxTxM, None)
            return states_BxTxM, self.read(params, states_BxTxM)

        return jax.lax.scan(
            turn_and_read, start_BxTxM, length=self.loops if loops is None else loops
        )[1]

    def turn(self, params: Params, tokens_BxN: jax.Array) -> tuple[Callable, jax.Array]:
        """Returns one loop as a body of a scan, and the embeddings_BxTxM to start from.

        T = N + 1, as the token that begins is in front.
        """
        decoder, own = self.decoder, params["decoder"]
        begin = decoder.vocabulary - 1
        tokens_BxT = jnp.pad(tokens_BxN, ((0, 0), (1, 0)), constant_values=begin)
        embedded_BxTxM = own["embedding_VxM"][tokens_BxT].astype(decoder.dtype)
        place_1xT = jnp.arange(tokens_BxT.shape[1])[None]
        rotation = decoder.rotation(place_1xT if self.positions else jnp.zeros_like(place_1xT))
        layers = unstack(own["layers"], decoder.layers)

        def turn(x_BxTxM: jax.Array, _: None) -> tuple[jax.Array, None]:
            if self.injected:
                keep_MxM, inject_MxM = params["injection_2xMxM"]
                again_BxTxM = decoder.times(embedded_BxTxM, inject_MxM)
                x_BxTxM = decoder.times(x_BxTxM, keep_MxM) + again_BxTxM
            for weights in layers:
                x_BxTxM = decoder.layer(x_BxTxM, weights, rotation, None)
            return x_BxTxM, None

        return turn, embedded_BxTxM

    def read(self, params: Params, states_BxTxM: jax.Array) -> jax.Array:
        """Maps states to logits_BxNxC of the tokens, without the one that begins."""
        final_BxNxM = self.decoder.final_norm(params["decoder"], states_BxTxM[:, 1:])
        logits_BxNxC = self.decoder.times(final_BxNxM, params["head_MxC"]).astype(self.decoder.wide)
        return logits_BxNxC + params["head_bias_C"][None, None]
