"""The curvature of a loss: the largest eigenvalues of its Hessian, and its trace.

The Hessian is never formed. Both need only its product with a vector, the derivative of the
gradient in one direction, which costs about two gradients. Both are pure, and compile once under
`jax.jit`, `jax.vmap` and `jax.lax.map`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Loss = Callable[[Any], jax.Array]


def top_eigenvalues(
    loss: Loss, params: Any, key: jax.Array, count: int, iterations: int
) -> jax.Array:
    """Returns [count]: the algebraically largest eigenvalues of the Hessian, from the largest down.

    Lanczos from a random vector, with full reorthogonalisation; it holds [iterations, parameters].
    The estimates rise with the iterations and never exceed the truth by more than rounding. Where
    the Krylov space closes before that (a Hessian of low rank, or none at all), a new random
    direction begins another block, so a value that occurs several times is found several times.

    Args:
        loss: of the parameters, a scalar with second derivatives.
        params: a pytree of P floats in all.
        key: of the start vector.
        count: how many eigenvalues, at most `iterations` and P.
        iterations: Hessian-vector products; with P of them the spectrum is exact.

    Raises:
        ValueError: more eigenvalues asked for than there are iterations or parameters.
    """
    hessian, zeros_P = _hessian(loss, params)
    size, dtype = zeros_P.size, zeros_P.dtype
    iterations = min(iterations, size)
    if not 1 <= count <= iterations:
        raise ValueError(
            f"{count} eigenvalues of {size} parameters from {iterations} iterations: "
            "ask for 1 to the smaller of the two"
        )
    tiny = jnp.finfo(dtype).eps

    def outside(vector_P, basis_KxP):
        """The unit vector along what the basis does not span, and its length."""
        for _ in range(2):  # twice is enough: once leaves rounding errors of the removed part
            shares_K = jnp.matmul(basis_KxP, vector_P, precision="highest")
            vector_P = vector_P - jnp.matmul(shares_K, basis_KxP, precision="highest")
        length = jnp.linalg.norm(vector_P)
        return vector_P / jnp.maximum(length, jnp.finfo(dtype).tiny), length

    def step(carry, step_key):
        basis_KxP, vector_P, scale, k = carry
        basis_KxP = basis_KxP.at[k].set(vector_P)
        product_P = hessian(vector_P)
        diagonal = jnp.matmul(vector_P, product_P, precision="highest")
        next_P, beside = outside(product_P, basis_KxP)
        scale = jnp.maximum(scale, jnp.maximum(jnp.abs(diagonal), beside))
        closed = beside <= tiny * scale
        fresh_P, _ = outside(jax.random.normal(step_key, (size,), dtype), basis_KxP)
        carry = (basis_KxP, jnp.where(closed, fresh_P, next_P), scale, k + 1)
        return carry, (diagonal, jnp.where(closed, 0, beside))

    keys_K = jax.random.split(key, iterations + 1)
    start_P, _ = outside(jax.random.normal(keys_K[0], (size,), dtype), jnp.zeros((1, size), dtype))
    carry = (jnp.zeros((iterations, size), dtype), start_P, jnp.zeros((), dtype), 0)
    _, (diagonal_K, beside_K) = jax.lax.scan(step, carry, keys_K[1:])
    tridiagonal_KxK = (
        jnp.diag(diagonal_K) + jnp.diag(beside_K[:-1], 1) + jnp.diag(beside_K[:-1], -1)
    )
    return jnp.linalg.eigvalsh(tridiagonal_KxK)[::-1][:count]


def trace(loss: Loss, params: Any, key: jax.Array, probes: int) -> jax.Array:
    """Returns the trace of the Hessian, estimated by Hutchinson's probes: the mean of v·Hv.

    The signs v are ±1, so the diagonal contributes no error at all; the rest leaves a standard
    error of sqrt(2 / probes) times the root of the summed squares of the off-diagonal elements.

    Args:
        loss: of the parameters, a scalar with second derivatives.
        params: a pytree of floats.
        key: of the probes.
        probes: how many, one Hessian-vector product each, one after another.
    """
    hessian, zeros_P = _hessian(loss, params)

    def one(probe_key):
        signs_P = jax.random.rademacher(probe_key, zeros_P.shape, zeros_P.dtype)
        return jnp.matmul(signs_P, hessian(signs_P), precision="highest")

    return jnp.mean(jax.lax.map(one, jax.random.split(key, probes)))


def _hessian(loss: Loss, params: Any) -> tuple[Callable[[jax.Array], jax.Array], jax.Array]:
    """The Hessian as a function of a flat vector, linearised once for all products; and zeros."""
    params_P, unravel = ravel_pytree(params)
    _, product = jax.linearize(jax.grad(lambda flat_P: loss(unravel(flat_P))), params_P)
    return product, jnp.zeros_like(params_P)
