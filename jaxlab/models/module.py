"""Flax NNX modules as pure functions over plain nested dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx


def functional(make: Callable[[nnx.Rngs], nnx.Module]) -> tuple[Callable, Callable]:
    """Splits a module once into `init(key) -> params` and `apply(params, *inputs) -> outputs`.

    `nnx.jit` walks the module in Python at every call, which costs more than a small step; a plain
    dict under `jax.jit` costs nothing, and is what checkpoints hold.
    """
    graph, shapes = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))), nnx.Param)

    def init(key: jax.Array) -> dict[str, Any]:
        return nnx.to_pure_dict(nnx.split(make(nnx.Rngs(key)), nnx.Param)[1])

    def apply(params: dict[str, Any], *inputs: Any) -> Any:
        state = jax.tree.map(lambda leaf: leaf, shapes)  # a copy: replacing works in place
        nnx.replace_by_pure_dict(state, params)
        return nnx.merge(graph, state)(*inputs)

    return init, apply
