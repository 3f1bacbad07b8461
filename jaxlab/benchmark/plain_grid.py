"""The grid of the one-third law as one writes it by hand: one `vmap` over the cells.

A linear student of a peaked softmax teacher and Adam, as in `experiments.one_third.teacher`, with
which it shares no code. All cells see the same inputs, and each makes its own targets, also where
another cell has the same temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

FEATURES, CLASSES, BATCH = 32, 128, 1024


def training(temperature_C: np.ndarray, rate_C: np.ndarray) -> Callable[[int], Any]:
    """Returns a function that takes so many steps of all C cells, and waits."""
    bound = FEATURES**-0.5
    teacher = jax.random.uniform(
        jax.random.key(0), (FEATURES, CLASSES), minval=-bound, maxval=bound
    )

    def loss(weights, x, log_target):
        log_model = jax.nn.log_softmax(x @ weights)
        return jnp.mean(jnp.sum(jnp.exp(log_target) * (log_target - log_model), axis=-1))

    def train(temperature, rate, weights, state, steps):
        def step(number, carry):
            weights, state, _ = carry
            key = jax.random.fold_in(jax.random.key(1), number)
            x = jax.random.normal(key, (BATCH, FEATURES))
            x = x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True))
            log_target = jax.nn.log_softmax(x @ teacher / temperature)
            value, gradient = jax.value_and_grad(loss)(weights, x, log_target)
            updates, state = optax.adam(rate).update(gradient, state)
            return optax.apply_updates(weights, updates), state, value

        return jax.lax.fori_loop(0, steps, step, (weights, state, jnp.float32(0)))

    cells = len(rate_C)
    weights = jnp.zeros((cells, FEATURES, CLASSES))
    state = jax.vmap(optax.adam(1e-3).init)(weights)
    run = jax.jit(jax.vmap(train, in_axes=(0, 0, 0, 0, None)))

    def take(steps: int) -> Any:
        return jax.block_until_ready(run(temperature_C, rate_C, weights, state, steps))

    return take
