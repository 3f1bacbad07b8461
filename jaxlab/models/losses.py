"""Losses for hard labels, softmax and otherwise, per row of logits.

What a loss does far from the decision boundary decides how fast its minimum is reached; these are
the common answers to that, for `experiments/one_third` to hold against cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax


def cross_entropy(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns -ln p of the class, nats; `strength` is not used."""
    return optax.softmax_cross_entropy_with_integer_labels(logits_BxN, class_B)


def smoothed(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns the cross-entropy of labels of which a share `strength` is spread evenly.

    Szegedy et al., arXiv 1512.00567, section 7.
    """
    uniform_B = jax.nn.logsumexp(logits_BxN, axis=-1) - jnp.mean(logits_BxN, axis=-1)
    return (1 - strength) * cross_entropy(logits_BxN, class_B, strength) + strength * uniform_B


def focal(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns -(1 - p)^strength ln p of the class (Lin et al., arXiv 1708.02002, equation 4)."""
    nats_B = cross_entropy(logits_BxN, class_B, strength)
    miss_B = jnp.maximum(-jnp.expm1(-nats_B), 1e-7)  # 0 has no power below 1 with a slope
    return miss_B**strength * nats_B


def brier(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns the squared distance of softmax and one-hot label; `strength` is not used."""
    p_BxN = jax.nn.softmax(logits_BxN)
    return jnp.sum(jnp.square(p_BxN - jax.nn.one_hot(class_B, p_BxN.shape[-1])), axis=-1)


def squared(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns the mean squared distance of the logits from `strength` at the class, else 0."""
    wanted_BxN = strength * jax.nn.one_hot(class_B, logits_BxN.shape[-1])
    return jnp.mean(jnp.square(logits_BxN - wanted_BxN), axis=-1)


def z_loss(logits_BxN: jax.Array, class_B: jax.Array, strength: jax.Array) -> jax.Array:
    """Returns cross-entropy + strength (ln Z)^2, as in PaLM (arXiv 2204.02311, section 5)."""
    log_z_B = jax.nn.logsumexp(logits_BxN, axis=-1)
    return cross_entropy(logits_BxN, class_B, strength) + strength * jnp.square(log_z_B)


LOSSES: dict[str, Callable[[jax.Array, jax.Array, jax.Array], jax.Array]] = {
    loss.__name__: loss for loss in (cross_entropy, smoothed, focal, brier, squared, z_loss)
}
