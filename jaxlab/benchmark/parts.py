"""Where the time of a decoder's training step goes: its parts alone, forward and backward."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxlab.benchmark.plain_decoder import Sizes
from jaxlab.benchmark.timing import Run, timed
from jaxlab.models.attention import attend_in_blocks
from jaxlab.models.norm import scaled
from jaxlab.models.rotary import rotate


def parts(sizes: Sizes, params: Any, optimizer: optax.GradientTransformation) -> dict[str, Run]:
    """Returns the parts as contestants; each does the work of all layers of one step."""
    rows, width, hidden = sizes.batch * sizes.length, sizes.width, sizes.hidden
    heads, features = sizes.heads, sizes.width // sizes.heads
    random = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(random.standard_normal(shape) / shape[0] ** 0.5, sizes.dtype)

    kernels = [
        *[draw(width, width) for _ in range(4 * sizes.layers)],
        *[draw(width, hidden) for _ in range(2 * sizes.layers)],
        *[draw(hidden, width) for _ in range(sizes.layers)],
        draw(width, sizes.vocabulary),
    ]
    narrow, wide = draw(rows, width), draw(rows, hidden)

    def products(kernels: list[jax.Array], narrow: jax.Array, wide: jax.Array) -> jax.Array:
        found = [(narrow if len(k) == width else wide) @ k for k in kernels]
        squares = (jnp.sum(jnp.square(x)) for x in found)  # whose gradient is no constant
        return sum(squares, jnp.zeros((), sizes.dtype))

    heads_shape = (sizes.batch, sizes.length, heads, features)
    query, key, value = (draw(*heads_shape) for _ in range(3))
    angle = jnp.asarray(random.uniform(size=(1, sizes.length, features // 2)), jnp.float32)

    def attention(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        def layer(x: jax.Array) -> jax.Array:
            cosine, sine = jnp.cos(angle), jnp.sin(angle)
            return attend_in_blocks(rotate(x, cosine, sine), rotate(key, cosine, sine), value)

        for _ in range(sizes.layers):
            query = layer(query)
        return jnp.sum(jnp.square(query))

    def elementwise(narrow: jax.Array, wide: jax.Array) -> jax.Array:
        for _ in range(sizes.layers):
            narrow = narrow + scaled(narrow) + scaled(narrow * 2)
            wide = jax.nn.silu(wide) * wide
        return jnp.sum(scaled(narrow)) + jnp.sum(wide)

    logits = draw(rows, sizes.vocabulary).astype(jnp.float32)
    labels = jnp.asarray(random.integers(0, sizes.vocabulary, rows))

    def loss(logits: jax.Array) -> jax.Array:
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    state = jax.jit(optimizer.init)(params)

    def update(gradient: Any, state: Any, params: Any) -> Any:
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    def gradient(function: Any, *arguments: Any) -> Run:
        every = tuple(range(len(arguments)))
        return _contestant(jax.grad(function, every), *arguments)

    return {
        "matrix products of the weights": gradient(products, kernels, narrow, wide),
        "attention and rotary positions": gradient(attention, query, key, value),
        "norms, gates and residual sums": gradient(elementwise, narrow, wide),
        "cross-entropy": gradient(loss, logits),
        "clipping and optimiser": _contestant(update, params, state, params),
    }


def _contestant(function: Any, *arguments: Any) -> Run:
    compiled = jax.jit(function)
    return lambda: timed(lambda: jax.block_until_ready(compiled(*arguments)))
