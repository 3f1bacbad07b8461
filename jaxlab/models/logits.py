"""What a softmax model's logits look like, next to its loss: arXiv 2602.03685, Fig. 6."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax


def logit_statistics(
    logits_BxTxV: jax.Array, targets_BxT: jax.Array, counted_BxT: jax.Array
) -> dict[str, jax.Array]:
    """Returns means over the counted tokens, 0 without any; `loss` and `entropy` are in nats.

    Of each token's V logits: their mean, standard deviation and range (`logit_mean`, `logit_std`,
    `logit_range`), by how much the correct and the largest one exceed the mean (`correct_margin`,
    `top_margin`), and the entropy of their softmax. These are the numbers that the paper's code
    stores of language models; `logit_std` is the β of its theory.

    Args:
      logits_BxTxV: float32 or wider.
      targets_BxT: int, the correct tokens.
      counted_BxT: bool, which of them there are.
    """

    def mean(x_BxT: jax.Array) -> jax.Array:
        return jnp.sum(x_BxT, where=counted_BxT) / jnp.maximum(1, jnp.sum(counted_BxT))

    mean_BxT, top_BxT = jnp.mean(logits_BxTxV, axis=-1), jnp.max(logits_BxTxV, axis=-1)
    correct_BxT = jnp.take_along_axis(logits_BxTxV, targets_BxT[..., None], axis=-1)[..., 0]
    p_BxTxV = jax.nn.softmax(logits_BxTxV)
    losses_BxT = optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, targets_BxT)
    return {
        "loss": mean(losses_BxT),
        "logit_mean": mean(mean_BxT),
        "logit_std": mean(jnp.std(logits_BxTxV, axis=-1)),
        "logit_range": mean(top_BxT - jnp.min(logits_BxTxV, axis=-1)),
        "correct_margin": mean(correct_BxT - mean_BxT),
        "top_margin": mean(top_BxT - mean_BxT),
        "entropy": mean(jnp.sum(jax.scipy.special.entr(p_BxTxV), axis=-1)),
    }
