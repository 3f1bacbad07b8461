"""How much P streams differ in what they predict: what arXiv 2505.10475 explains its law by."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from jaxlab.models.decoder import Params
from jaxlab.models.streams import Streams


def diversity(
    model: Streams,
    params: Params,
    states_PxBxTxM: jax.Array,
    targets_BxT: jax.Array,
    counted_BxT: jax.Array,
    smoothing: float | jax.Array,
) -> dict[str, jax.Array]:
    """Returns means over the tokens that are counted, 0 without any; losses and entropy in nats.

    `loss` is that of the model. `stream_loss` is the mean over streams of the loss of each read out
    alone; `ensemble_loss` is that of the mean of their probabilities, of which equation 4 speaks
    and which is never larger. Their weights have the entropy `weight_entropy`, ln P at most, and
    the smallest of them is `weight_min`. With one stream the losses agree.

    Args:
      states_PxBxTxM: of the streams, as `model.states` returns them. The logits of one stream at a
        time are in memory.
      counted_BxT: bool, which targets there are.
    """

    def mean(x_BxT: jax.Array) -> jax.Array:
        return jnp.sum(x_BxT, where=counted_BxT) / jnp.maximum(1, jnp.sum(counted_BxT))

    def nats(states_BxTxM: jax.Array) -> jax.Array:
        logits_BxTxV = model.decoder.logits(params["decoder"], states_BxTxM)
        return optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, targets_BxT)

    nats_PxBxT = jax.lax.map(nats, states_PxBxTxM)
    ensemble_BxT = math.log(model.count) - jax.nn.logsumexp(-nats_PxBxT, axis=0)
    weights_PxBxT = model.weights(params, states_PxBxTxM, smoothing)
    return {
        "loss": mean(nats(model.mix(params, states_PxBxTxM, smoothing))),
        "stream_loss": mean(jnp.mean(nats_PxBxT, axis=0)),
        "ensemble_loss": mean(ensemble_BxT),
        "weight_entropy": mean(jnp.sum(jax.scipy.special.entr(weights_PxBxT), axis=0)),
        "weight_min": mean(jnp.min(weights_PxBxT, axis=0)),
    }
