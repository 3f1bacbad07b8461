"""A GRU on the products of group elements, as one writes it by hand with `lax.scan`.

It has the shapes and the arithmetic of `jaxlab.models.recurrent` on `jaxlab.tasks.serial.words` and
shares no code with them. The multiplication table is random: what a step costs is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

ELEMENTS, LETTERS, LENGTH, BATCH, WIDTH = 60, 4, 16, 64, 64


def init() -> dict[str, jax.Array]:
    """Draws the parameters."""
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> jax.Array:
        return jnp.asarray(random.standard_normal((rows, columns)) / rows**0.5, jnp.float32)

    return {
        "embedding": matrix(LETTERS, WIDTH),
        "kernel": matrix(WIDTH, 3 * WIDTH),
        "bias": jnp.zeros(3 * WIDTH),
        "recurrent": matrix(WIDTH, 3 * WIDTH),
        "candidate_bias": jnp.zeros(WIDTH),
        "head": matrix(WIDTH, ELEMENTS),
        "head_bias": jnp.zeros(ELEMENTS),
    }


def logits(params: dict[str, jax.Array], letters_BxN: jax.Array) -> jax.Array:
    """Returns logits_NxBxC, the tokens in front."""
    inputs_NxBxG = params["embedding"][letters_BxN.T] @ params["kernel"] + params["bias"]

    def step(state, inputs):
        reset_in, update_in, new_in = jnp.split(inputs, 3, axis=1)
        reset, update, new = jnp.split(state @ params["recurrent"], 3, axis=1)
        reset, update = jax.nn.sigmoid(reset_in + reset), jax.nn.sigmoid(update_in + update)
        candidate = jnp.tanh(new_in + reset * (new + params["candidate_bias"]))
        state = candidate + update * (state - candidate)
        return state, state

    start = jnp.zeros((letters_BxN.shape[0], WIDTH))
    _, states_NxBxW = jax.lax.scan(step, start, inputs_NxBxG)
    return states_NxBxW @ params["head"] + params["head_bias"]


def training() -> Callable[[int], Any]:
    """Returns a function that takes so many steps, and waits."""
    optimizer = optax.adam(2e-3)
    table = jnp.asarray(np.random.default_rng(0).integers(0, ELEMENTS, (ELEMENTS, ELEMENTS)))

    def loss(params, letters_BxN, products_NxB):
        nats = optax.softmax_cross_entropy_with_integer_labels(
            logits(params, letters_BxN), products_NxB
        )
        return jnp.mean(nats)

    @jax.jit
    def run(params, state, steps):
        def step(number, carry):
            params, state, _ = carry
            key = jax.random.fold_in(jax.random.key(0), number)
            letters = jax.random.randint(key, (BATCH, LENGTH), 0, LETTERS)

            def multiply(product, letter):
                product = table[product, letter]
                return product, product

            _, products = jax.lax.scan(multiply, jnp.zeros(BATCH, jnp.int32), letters.T)
            value, gradient = jax.value_and_grad(loss)(params, letters, products)
            updates, state = optimizer.update(gradient, state)
            return optax.apply_updates(params, updates), state, value

        return jax.lax.fori_loop(0, steps, step, (params, state, jnp.float32(0)))

    params = init()
    state = optimizer.init(params)

    def take(steps: int) -> Any:
        return jax.block_until_ready(run(params, state, steps))

    return take
