"""What is asked at the end of a sequence: the loss of the answers alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxlab.experiment import Params
from jaxlab.models.streams import Streams


def answer_loss(
    whole: Streams,
    params: Params,
    tokens_BxT: jax.Array,
    answer_BxK: jax.Array,
    smoothing: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Returns loss_BxK in nats of the answers at the last K tokens, and whether they are right.

    Only those tokens are read out.
    """
    states_PxBxTxM = whole.states(params, tokens_BxT)
    target_PxBxKxM = states_PxBxTxM[:, :, -answer_BxK.shape[1] :]
    mixed_BxKxM = whole.mix(params, target_PxBxKxM, smoothing)
    logits_BxKxV = whole.decoder.logits(params["decoder"], mixed_BxKxM)
    loss_BxK = optax.softmax_cross_entropy_with_integer_labels(logits_BxKxV, answer_BxK)
    return loss_BxK, jnp.argmax(logits_BxKxV, axis=-1) == answer_BxK
