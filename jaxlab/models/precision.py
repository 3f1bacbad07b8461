"""The precision of products: one in training as in use, narrow where that is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def precisely(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Returns the function with products of float32 inputs that are not rounded before.

    By default a GPU or TPU would round them, the logits of a model among them. A CPU never does,
    but to ask for it would cost: XLA then takes slower products.
    """

    @functools.wraps(function)
    def traced(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if jax.default_backend() == "cpu":
            return function(*args, **kwargs)
        with jax.default_matmul_precision("float32"):
            return function(*args, **kwargs)

    return traced


def wide_product(spec: str, left: jax.Array, right: jax.Array) -> jax.Array:
    """Returns an einsum in float32 or wider of inputs that may be narrower.

    Its gradients are products in the dtype of the inputs. By itself JAX would multiply the float32
    cotangent with widened inputs: those products of a bfloat16 model took most of its time.
    """
    wide = jnp.promote_types(left.dtype, jnp.float32)
    if left.dtype == wide:
        return jnp.einsum(spec, left, right)
    return _wide_product(spec, left, right)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _wide_product(spec: str, left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.einsum(spec, left, right, preferred_element_type=jnp.float32)


def _forward(spec: str, left: jax.Array, right: jax.Array):
    return _wide_product(spec, left, right), (left, right)


def _backward(spec: str, inputs: tuple[jax.Array, jax.Array], cotangent: jax.Array):
    _, pull = jax.vjp(functools.partial(jnp.einsum, spec), *inputs)
    return pull(cotangent.astype(inputs[0].dtype))


_wide_product.defvjp(_forward, _backward)
