"""Peaked distributions: a linear softmax teacher at a low temperature, on normalised inputs.

The toy of arXiv 2602.03685 (its code: exp-1): inputs x ~ N(0, I) fresh at every step, then
RMS-normalised; teacher logits W x / T with W as PyTorch's default linear layer draws it. The
teacher's inverse temperature, the standard deviation of its logits, is β* = 1/(√3 T).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def teacher_weights(key: jax.Array, features: int, classes: int) -> jax.Array:
    """Returns W_MxN ~ U(-1/√M, 1/√M): M input features, N classes."""
    bound = features**-0.5
    return jax.random.uniform(key, (features, classes), minval=-bound, maxval=bound)


def spectral_weights(key: jax.Array, features: int, classes: int, decay: jax.Array) -> jax.Array:
    """Returns W_MxN with singular values i^-decay and the Frobenius norm of `teacher_weights`.

    The singular vectors are random (arXiv 2602.03685, App. D.6: a teacher with a power law in it).
    """
    rank = min(features, classes)
    left, right = jax.random.split(key)
    u_MxK = _orthonormal(jax.random.normal(left, (features, rank)))
    v_NxK = _orthonormal(jax.random.normal(right, (classes, rank)))
    values_K = jnp.arange(1, rank + 1, dtype=jnp.float32) ** -decay
    norm = (classes / 3) ** 0.5  # of uniform weights: M N entries of variance 1 / (3 M)
    scaled_K = values_K * norm / jnp.linalg.norm(values_K)
    return (u_MxK * scaled_K[None, :]) @ v_NxK.T


@jax.custom_batching.sequential_vmap
def _orthonormal(matrix_MxK: jax.Array) -> jax.Array:
    """Returns the Q of a matrix; of several, one after another.

    A batch of them takes the threads that the devices of a CPU share: two devices that draw at the
    same time would wait for each other for ever.
    """
    return jnp.linalg.qr(matrix_MxK)[0]


def inputs(key: jax.Array, batch_size: int, features: int) -> jax.Array:
    """Returns x_BxM: standard normal rows, each scaled to a root mean square of one."""
    x_BxM = jax.random.normal(key, (batch_size, features))
    mean_square = jnp.mean(jnp.square(x_BxM), axis=-1, keepdims=True)
    return x_BxM * jax.lax.rsqrt(mean_square + jnp.finfo(x_BxM.dtype).eps)


def soft_targets(logits_BxN: jax.Array, temperature: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the teacher's distribution p_BxN and its negative entropy Σ p ln p, per row."""
    logp_BxN = jax.nn.log_softmax(logits_BxN / temperature)
    p_BxN = jnp.exp(logp_BxN)
    # Far below the best class p underflows to 0 while ln p stays finite, so p ln p is exact.
    return p_BxN, jnp.sum(p_BxN * logp_BxN, axis=-1)


def kl_divergence(
    logits_BxN: jax.Array, p_BxN: jax.Array, negative_entropy_B: jax.Array
) -> jax.Array:
    """Returns KL(p || softmax(logits)) per row, in nats."""
    cross = jax.nn.logsumexp(logits_BxN, axis=-1) - jnp.sum(p_BxN * logits_BxN, axis=-1)
    return negative_entropy_B + cross


def best_class(logits_BxN: jax.Array) -> jax.Array:
    """Returns the first class with the highest logit per row, as `argmax` does.

    For the teacher these are the labels in the limit of temperature zero. XLA's argmax on a CPU
    takes longer than a training step; two plain reductions take a tenth of one.
    """
    classes = logits_BxN.shape[-1]
    is_best_BxN = logits_BxN == jnp.max(logits_BxN, axis=-1, keepdims=True)
    class_BxN = jax.lax.broadcasted_iota(jnp.int32, logits_BxN.shape, 1)
    return jnp.min(jnp.where(is_best_BxN, class_BxN, classes), axis=-1)
