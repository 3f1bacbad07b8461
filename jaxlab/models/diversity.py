"""How much P streams differ in what they predict: what arXiv 2505.10475 explains its law by."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    kinds: Mapping[str, jax.Array] | None = None,
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
      kinds: masks_BxT by name. For each, `share_NAME` is its part of the tokens and `nats_NAME`
        what its tokens add to `loss`: the loss on them is the ratio, and batches can be averaged.
    """

    def mean(x_BxT: jax.Array) -> jax.Array:
        return jnp.sum(x_BxT, where=counted_BxT) / jnp.maximum(1, jnp.sum(counted_BxT))

    def nats(states_BxTxM: jax.Array) -> jax.Array:
        logits_BxTxV = model.decoder.logits(params["decoder"], states_BxTxM)
        return optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, targets_BxT)

    nats_PxBxT = jax.lax.map(nats, states_PxBxTxM)
    ensemble_BxT = math.log(model.count) - jax.nn.logsumexp(-nats_PxBxT, axis=0)
    weights_PxBxT = model.weights(params, states_PxBxTxM, smoothing)
    mixed_nats_BxT = nats(model.mix(params, states_PxBxTxM, smoothing))
    found = {
        "loss": mean(mixed_nats_BxT),
        "stream_loss": mean(jnp.mean(nats_PxBxT, axis=0)),
        "ensemble_loss": mean(ensemble_BxT),
        "weight_entropy": mean(jnp.sum(jax.scipy.special.entr(weights_PxBxT), axis=0)),
        "weight_min": mean(jnp.min(weights_PxBxT, axis=0)),
    }
    if kinds:  # as one product: many small sums take long to compile
        mask_KxBxT = jnp.stack(list(kinds.values())) & counted_BxT[None]
        total = jnp.maximum(1, jnp.sum(counted_BxT))
        nats_K = jnp.einsum("kbt,bt->k", mask_KxBxT.astype(mixed_nats_BxT.dtype), mixed_nats_BxT)
        share_K = jnp.sum(mask_KxBxT, axis=(1, 2)) / total
        found |= {f"nats_{name}": nats_K[k] / total for k, name in enumerate(kinds)}
        found |= {f"share_{name}": share_K[k] for k, name in enumerate(kinds)}
    return found
