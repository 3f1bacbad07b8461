"""A decoder in the shape of Qwen2: pure functions over a nested dict, layers on a leading axis."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.models.attention import IMPLEMENTATIONS, Implementation, attend

Params = dict[str, Any]
Prefix = tuple[jax.Array, jax.Array]  # keys and values, the layers (if any) on the leading axis

DEVIATION = 0.02  # of all initial matrices, arXiv 2505.10475
EPSILON = 1e-6  # of the RMS norms


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoder:
    """Pre-norm blocks of grouped-query attention with RoPE and SwiGLU, embeddings tied.

    As Qwen2 (arXiv 2407.10671), the base of arXiv 2505.10475: a bias in the query, key and value
    projections and nowhere else. Everything here is static.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int  # units of the SwiGLU
    rope_base: int  # 10,000 in the runs of arXiv 2505.10475
    dtype: str  # of the computation; parameters are float32
    attention: Implementation
    scanned: bool  # one program for all layers: compiles faster, on a CPU runs slower
    rematerialized: bool  # keep only the input of each layer for the backward pass

    def __post_init__(self):
        for name in ("vocabulary", "width", "layers", "heads", "kv_heads", "hidden", "rope_base"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} does not give {self.heads} heads an even number of features: "
                f"make it a multiple of {2 * self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"heads ({self.heads}) must be a multiple of kv_heads {self.kv_heads}")
        if self.attention not in IMPLEMENTATIONS:
            raise ValueError(f"attention {self.attention!r} is none of {IMPLEMENTATIONS}")

    @property
    def features(self) -> int:
        """Features of one head."""
        return self.width // self.heads

    @property
    def wide(self) -> np.dtype:
        """The dtype of norms, softmax and logits: float32 or wider."""
        return jnp.promote_types(self.dtype, jnp.float32)

    def init(self, key: jax.Array, deviation: float | jax.Array = DEVIATION) -> Params:
        """Draws matrices from N(0, deviation²); biases are 0, norm scales 1."""
        keys = iter(jax.random.split(key, 8))

        def draw(*shape: int) -> jax.Array:
            return deviation * jax.random.normal(next(keys), shape, jnp.float32)

        layers, width, kv_width = self.layers, self.width, self.kv_heads * self.features
        return {
            "embedding_VxM": draw(self.vocabulary, width),
            "layers": {
                "attention_norm_LxM": jnp.ones((layers, width)),
                "query_LxMxM": draw(layers, width, width),
                "query_bias_LxM": jnp.zeros((layers, width)),
                "key_LxMxC": draw(layers, width, kv_width),
                "key_bias_LxC": jnp.zeros((layers, kv_width)),
                "value_LxMxC": draw(layers, width, kv_width),
                "value_bias_LxC": jnp.zeros((layers, kv_width)),
                "output_LxMxM": draw(layers, width, width),
                "mlp_norm_LxM": jnp.ones((layers, width)),
                "gate_LxMxF": draw(layers, width, self.hidden),
                "up_LxMxF": draw(layers, width, self.hidden),
                "down_LxFxM": draw(layers, self.hidden, width),
            },
            "norm_M": jnp.ones(width),
        }

    def apply(self, params: Params, tokens_BxT: jax.Array) -> jax.Array:
        """Maps tokens_BxT to float32 logits_BxTxV of the token that follows each."""
        return self.logits(params, self.states(params, tokens_BxT))

    def states(
        self,
        params: Params,
        tokens_BxT: jax.Array,
        prefix: Prefix | None = None,
        documents_BxT: jax.Array | None = None,
    ) -> jax.Array:
        """Maps tokens_BxT to states_BxTxM after the final norm.

        prefix: keys_LxSxKxD and values_LxSxKxD that all tokens see. They are not rotated and shift
        no position: the first token is at 0.
        documents_BxT: numbers of the documents in each row, which see nothing of each other: each
        begins at position 0, where the number changes.
        """
        x_BxTxM = params["embedding_VxM"][tokens_BxT].astype(self.dtype)
        if documents_BxT is None:
            rotation = self.rotation(jnp.arange(tokens_BxT.shape[1])[None])
        else:
            rotation = self.rotation(positions_within(documents_BxT))

        def layer(x_BxTxM: jax.Array, weights: tuple[Params, Prefix | None]):
            return self.layer(x_BxTxM, weights[0], rotation, weights[1], documents_BxT), None

        if self.rematerialized:
            layer = jax.checkpoint(layer, prevent_cse=not self.scanned)  # a scan prevents it
        weights = (params["layers"], prefix)
        if self.scanned:
            x_BxTxM, _ = jax.lax.scan(layer, x_BxTxM, weights)
        else:
            for of_layer in unstack(weights, self.layers):
                x_BxTxM, _ = layer(x_BxTxM, of_layer)
        return self.norm(x_BxTxM, params["norm_M"])

    def layer(
        self,
        x_BxTxM: jax.Array,
        weights: Params,
        rotation: tuple[jax.Array, jax.Array],
        prefix: Prefix | None,
        documents_BxT: jax.Array | None = None,
    ) -> jax.Array:
        """Applies one layer to the residual stream x_BxTxM."""
        query_BxTxHxD, key_BxTxKxD, value_BxTxKxD = self.project(x_BxTxM, weights, rotation)
        key_BxUxKxD, value_BxUxKxD = key_BxTxKxD, value_BxTxKxD
        if prefix is not None:
            key_BxUxKxD = put_in_front(prefix[0], key_BxTxKxD)
            value_BxUxKxD = put_in_front(prefix[1], value_BxTxKxD)
        attended_BxTxHxD = attend(
            query_BxTxHxD, key_BxUxKxD, value_BxUxKxD, self.attention, documents_BxT
        )
        return self.finish(x_BxTxM, weights, attended_BxTxHxD)

    def project(
        self, x_BxTxM: jax.Array, weights: Params, rotation: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns query_BxTxHxD and key_BxTxKxD, both rotated, and value_BxTxKxD."""
        y_BxTxM = self.norm(x_BxTxM, weights["attention_norm_LxM"])

        def heads(name: str, axis: str) -> jax.Array:
            flat_BxTxC = self.times(y_BxTxM, weights[f"{name}_LxMx{axis}"])
            bias_C = weights[f"{name}_bias_Lx{axis}"].astype(self.dtype)
            return jnp.reshape(
                flat_BxTxC + bias_C[None, None], (*flat_BxTxC.shape[:2], -1, self.features)
            )

        return (
            rotate(heads("query", "M"), *rotation),
            rotate(heads("key", "C"), *rotation),
            heads("value", "C"),
        )

    def finish(self, x_BxTxM: jax.Array, weights: Params, attended_BxTxHxD: jax.Array) -> jax.Array:
        """Adds what was attended to, and the SwiGLU of the sum, to the residual stream."""
        attended_BxTxM = jnp.reshape(attended_BxTxHxD, x_BxTxM.shape)
        x_BxTxM = x_BxTxM + self.times(attended_BxTxM, weights["output_LxMxM"])
        y_BxTxM = self.norm(x_BxTxM, weights["mlp_norm_LxM"])
        gate_BxTxF = jax.nn.silu(self.times(y_BxTxM, weights["gate_LxMxF"]))
        up_BxTxF = self.times(y_BxTxM, weights["up_LxMxF"])
        return x_BxTxM + self.times(gate_BxTxF * up_BxTxF, weights["down_LxFxM"])

    def logits(self, params: Params, states_BxTxM: jax.Array) -> jax.Array:
        """Maps states after the final norm to float32 logits_BxTxV, by the embedding."""
        embedding_VxM = params["embedding_VxM"].astype(self.dtype)
        return jnp.einsum(
            "btm,vm->btv", states_BxTxM, embedding_VxM, preferred_element_type=self.wide
        )

    def rotation(self, positions_BxT: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns the cosines_BxTxE and sines_BxTxE of RoPE (arXiv 2104.09864), E half of D.

        A batch of one serves every row.
        """
        frequency_E = self.rope_base ** (-np.arange(0, self.features, 2) / self.features)
        angle_BxTxE = positions_BxT[..., None] * jnp.asarray(frequency_E, self.wide)[None, None]
        return jnp.cos(angle_BxTxE), jnp.sin(angle_BxTxE)

    def norm(self, x_BxTxM: jax.Array, scale_M: jax.Array) -> jax.Array:
        """Scales each row to a root mean square of one, in float32, then by `scale_M`."""
        unit_BxTxM = scaled(x_BxTxM.astype(self.wide)).astype(self.dtype)
        return unit_BxTxM * scale_M.astype(self.dtype)[None, None]

    def times(self, x_BxTxM: jax.Array, kernel_MxN: jax.Array) -> jax.Array:
        """Multiplies in the dtype of the computation.

        All rows as one matrix: with batch and position apart, XLA copies on a CPU for the gradient
        of the kernel.
        """
        rows_RxM = jnp.reshape(x_BxTxM, (-1, x_BxTxM.shape[-1]))
        return jnp.reshape(rows_RxM @ kernel_MxN.astype(self.dtype), (*x_BxTxM.shape[:-1], -1))


def scaled(x_BxTxM: jax.Array) -> jax.Array:
    """Scales each row to a root mean square of one."""
    mean_square_BxTx1 = jnp.mean(jnp.square(x_BxTxM), axis=-1, keepdims=True)
    return x_BxTxM * jax.lax.rsqrt(mean_square_BxTx1 + EPSILON)


def positions_within(documents_BxT: jax.Array) -> jax.Array:
    """Counts positions_BxT from 0 in every run of the same document."""
    place_1xT = jnp.arange(documents_BxT.shape[1])[None]
    begins_BxT = jnp.diff(documents_BxT, axis=1, prepend=documents_BxT[:, :1]) != 0
    return place_1xT - jax.lax.cummax(jnp.where(begins_BxT, place_1xT, 0), axis=1)


def rotate(x_BxTxHxD: jax.Array, cosine_BxTxE: jax.Array, sine_BxTxE: jax.Array) -> jax.Array:
    """Rotates feature e with feature e + D/2 by the angle of the position, as Qwen2 pairs them."""
    cosine, sine = cosine_BxTxE[:, :, None], sine_BxTxE[:, :, None]
    a, b = jnp.split(x_BxTxHxD.astype(cosine.dtype), 2, axis=-1)
    rotated = jnp.concatenate((a * cosine - b * sine, b * cosine + a * sine), axis=-1)
    return rotated.astype(x_BxTxHxD.dtype)


def put_in_front(prefix_SxKxD: jax.Array, tokens_BxTxKxD: jax.Array) -> jax.Array:
    """Returns [prefix, tokens]_BxUxKxD, the same prefix for the whole batch."""
    shape = (tokens_BxTxKxD.shape[0], *prefix_SxKxD.shape)
    prefix_BxSxKxD = jnp.broadcast_to(prefix_SxKxD.astype(tokens_BxTxKxD.dtype), shape)
    return jnp.concatenate((prefix_BxSxKxD, tokens_BxTxKxD), axis=1)


def unstack(tree: Any, count: int) -> list[Any]:
    """Cuts a pytree along the leading axis; the gradient of a split is a single concatenation."""
    leaves, structure = jax.tree.flatten(tree)
    cut = [[jnp.squeeze(part, 0) for part in jax.lax.split(x, [1] * count)] for x in leaves]
    return [jax.tree.unflatten(structure, [parts[i] for parts in cut]) for i in range(count)]
