"""A decoder and its training loop as one writes them by hand: no members, no streams, no config.

The same model, loss, optimiser and shapes as `jaxlab.models.decoder` on text, for one question:
what does the generality of the library cost? It shares no code with it on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

BLOCK = 64  # queries whose scores are computed at once


class Sizes(NamedTuple):
    """What a decoder and a batch of text are made of."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    length: int
    batch: int
    dtype: str


def init(sizes: Sizes) -> dict[str, Any]:
    """Draws the parameters; all layers are dicts of a list."""
    random = np.random.default_rng(0)
    width, hidden = sizes.width, sizes.hidden

    def matrix(*shape: int) -> jax.Array:
        return jnp.asarray(0.02 * random.standard_normal(shape), jnp.float32)

    def layer() -> dict[str, jax.Array]:
        return {
            "norm_1": jnp.ones(width),
            "norm_2": jnp.ones(width),
            **{name: matrix(width, width) for name in ("query", "key", "value", "output")},
            **{f"{name}_bias": jnp.zeros(width) for name in ("query", "key", "value")},
            "gate": matrix(width, hidden),
            "up": matrix(width, hidden),
            "down": matrix(hidden, width),
        }

    return {
        "embedding": matrix(sizes.vocabulary, width),
        "layers": [layer() for _ in range(sizes.layers)],
        "norm": jnp.ones(width),
    }


def logits(params: dict[str, Any], tokens_BxT: jax.Array, sizes: Sizes) -> jax.Array:
    """Returns float32 logits_BxTxV."""
    dtype, features = sizes.dtype, sizes.width // sizes.heads
    batch, length = tokens_BxT.shape
    frequency = 10_000.0 ** (-np.arange(0, features, 2) / features)
    angle = np.arange(length)[:, None] * frequency
    cosine, sine = (jnp.asarray(f(angle), jnp.float32)[None, :, None] for f in (np.cos, np.sin))

    def norm(x, scale):
        wide = x.astype(jnp.float32)
        unit = wide * jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + 1e-6)
        return unit.astype(dtype) * scale.astype(dtype)

    def rotate(x):
        a, b = jnp.split(x.astype(jnp.float32), 2, axis=-1)
        turned = jnp.concatenate((a * cosine - b * sine, b * cosine + a * sine), axis=-1)
        return turned.astype(dtype)

    def attend(query, key, value):
        blocks = []
        for start in range(0, length, BLOCK):
            stop = min(start + BLOCK, length)
            scores = jnp.einsum(
                "bthd,buhd->bhtu",
                query[:, start:stop] * features**-0.5,
                key[:, :stop],
                preferred_element_type=jnp.float32,
            )
            seen = jnp.tri(stop - start, stop, start, dtype=bool)
            weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)).astype(dtype)
            blocks.append(jnp.einsum("bhtu,buhd->bthd", weights, value[:, :stop]))
        return jnp.concatenate(blocks, axis=1)

    x = params["embedding"][tokens_BxT].reshape(-1, sizes.width).astype(dtype)
    for layer in params["layers"]:
        w = {name: leaf.astype(dtype) for name, leaf in layer.items()}
        y = norm(x, layer["norm_1"])
        query, key, value = (
            (y @ w[name] + w[f"{name}_bias"]).reshape(batch, length, sizes.heads, features)
            for name in ("query", "key", "value")
        )
        attended = attend(rotate(query), rotate(key), value)
        x = x + attended.reshape(x.shape) @ w["output"]
        y = norm(x, layer["norm_2"])
        x = x + (jax.nn.silu(y @ w["gate"]) * (y @ w["up"])) @ w["down"]
    states = norm(x, params["norm"])
    embedding = params["embedding"].astype(dtype)
    rows = jnp.einsum("rm,vm->rv", states, embedding, preferred_element_type=jnp.float32)
    return rows.reshape(batch, length, sizes.vocabulary)


def training(sizes: Sizes, tokens_N: np.ndarray) -> Callable[[int], Any]:
    """Returns a function that takes so many steps on random windows of the text, and waits."""
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(3e-3, b2=0.95, weight_decay=0.1)
    )

    def loss(params, window_BxU):
        found = logits(params, window_BxU[:, :-1], sizes)
        nats = optax.softmax_cross_entropy_with_integer_labels(found, window_BxU[:, 1:])
        return jnp.mean(nats)

    @jax.jit
    def run(params, state, tokens_N, steps):
        def step(number, carry):
            params, state, _ = carry
            key = jax.random.fold_in(jax.random.key(0), number)
            start_B = jax.random.randint(key, (sizes.batch,), 0, len(tokens_N) - sizes.length)
            window = tokens_N[start_B[:, None] + jnp.arange(sizes.length + 1)].astype(jnp.int32)
            value, gradient = jax.value_and_grad(loss)(params, window)
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, value

        return jax.lax.fori_loop(0, steps, step, (params, state, jnp.float32(0)))

    params = init(sizes)
    state, text_N = optimizer.init(params), jnp.asarray(tokens_N)

    def take(steps: int) -> Any:
        return jax.block_until_ready(run(params, state, text_N, steps))

    return take
