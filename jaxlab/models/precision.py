"""One precision of products, in training as in use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

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
