"""A decoder: pure functions over a nested dict, layers on a leading axis.

By default in the shape of Qwen2; others, such as those of GPT-NeoX and OLMo-2, are chosen by keys.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxlab.models import rotary
from jaxlab.models.attention import IMPLEMENTATIONS, Implementation, attend
from jaxlab.models.norm import EPSILON, scaled
from jaxlab.models.precision import wide_product
from jaxlab.models.rotary import positions_within, rotate
from jaxlab.models.sharded import gathered

Params = dict[str, Any]
Prefix = tuple[jax.Array, jax.Array]  # keys and values, the layers (if any) on the leading axis

DEVIATION = 0.02  # of all initial matrices, arXiv 2505.10475
Norm = Literal["rms", "layer"]
Residual = Literal["sequential", "parallel", "post_norm"]
Biases = Literal["qkv", "all", "none"]
Mlp = Literal["swiglu", "gelu"]
CHOICES = {
    "norm": get_args(Norm),
    "residual": get_args(Residual),
    "biases": get_args(Biases),
    "mlp": get_args(Mlp),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoder:
    """Blocks of grouped-query attention with RoPE, and an MLP. Everything here is static.

    The defaults are those of Qwen2 (arXiv 2407.10671), the base of arXiv 2505.10475: RMS norms
    before attention and SwiGLU, a bias in the query, key and value projections and nowhere else,
    embeddings tied. `residual` says how a block adds to the stream x:

    - sequential: x + A(norm(x)), then x + F(norm(x));
    - parallel: x + A(norm(x)) + F(norm(x)), each with its own norm (GPT-NeoX, arXiv 2204.06745);
    - post_norm: x + norm(A(x)), then x + norm(F(x)) (OLMo-2, arXiv 2501.00656).

    Where heads x head_dim is not the width, it takes the place of the second M of the query, the
    first of the output, and the M of the query's bias and norm.
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
    head_dim: int = 0  # features of one head; 0: width / heads
    rotary: int = 0  # of them, the first that RoPE rotates; 0: all
    norm: Norm = "rms"
    epsilon: float = EPSILON  # of the norms
    residual: Residual = "sequential"
    qk_norm: bool = False  # RMS norms of queries and keys, over all heads at once (OLMo-2)
    biases: Biases = "qkv"
    mlp: Mlp = "swiglu"  # gelu is the exact one, between two matrices
    tied: bool = True  # logits by the embedding; else by a matrix of their own

    def __post_init__(self):
        for name in ("vocabulary", "width", "layers", "heads", "kv_heads", "hidden", "rope_base"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.head_dim and self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} does not give {self.heads} heads an even number of features: "
                f"make it a multiple of {2 * self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"heads ({self.heads}) must be a multiple of kv_heads {self.kv_heads}")
        if self.head_dim % 2 or self.head_dim < 0:
            raise ValueError(f"head_dim must be even, or 0 for width / heads, got {self.head_dim}")
        if self.rotary % 2 or not 0 <= self.rotary <= self.features:
            raise ValueError(
                f"rotary must be even and at most {self.features}, the features of a head, or 0 "
                f"for all of them, got {self.rotary}"
            )
        for name, choices in {"attention": IMPLEMENTATIONS, **CHOICES}.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {choices}")

    @property
    def features(self) -> int:
        """Features of one head."""
        return self.head_dim or self.width // self.heads

    @property
    def query_width(self) -> int:
        """Features of all query heads together."""
        return self.heads * self.features

    @property
    def wide(self) -> np.dtype:
        """The dtype of norms, softmax and logits: float32 or wider."""
        return jnp.promote_types(self.dtype, jnp.float32)

    def init(self, key: jax.Array, deviation: float | jax.Array = DEVIATION) -> Params:
        """Draws matrices from N(0, deviation²); biases are 0, norm scales 1."""
        keys = iter(jax.random.split(key, 8))

        def draw(*shape: int) -> jax.Array:
            return deviation * jax.random.normal(next(keys), shape, jnp.float32)

        layers, width, hidden = self.layers, self.width, self.hidden
        query_width, kv_width = self.query_width, self.kv_heads * self.features
        params = {
            "embedding_VxM": draw(self.vocabulary, width),
            "layers": {
                "attention_norm_LxM": jnp.ones((layers, width)),
                "query_LxMxM": draw(layers, width, query_width),
                "key_LxMxC": draw(layers, width, kv_width),
                "value_LxMxC": draw(layers, width, kv_width),
                "output_LxMxM": draw(layers, query_width, width),
                "mlp_norm_LxM": jnp.ones((layers, width)),
                **({"gate_LxMxF": draw(layers, width, hidden)} if self.mlp == "swiglu" else {}),
                "up_LxMxF": draw(layers, width, hidden),
                "down_LxFxM": draw(layers, hidden, width),
            },
            "norm_M": jnp.ones(width),
        }
        own = params["layers"]
        if self.biases != "none":
            kernels = [name for name in own if "norm" not in name]
            for kernel in kernels if self.biases == "all" else kernels[:3]:
                own[bias_of(kernel)] = jnp.zeros((layers, own[kernel].shape[-1]))
        if self.norm == "layer":
            own["attention_norm_bias_LxM"] = jnp.zeros((layers, width))
            own["mlp_norm_bias_LxM"] = jnp.zeros((layers, width))
            params["norm_bias_M"] = jnp.zeros(width)
        if self.qk_norm:
            own["query_norm_LxM"] = jnp.ones((layers, query_width))
            own["key_norm_LxC"] = jnp.ones((layers, kv_width))
        if not self.tied:
            params["unembedding_VxM"] = deviation * jax.random.normal(
                jax.random.fold_in(key, 8), (self.vocabulary, width), jnp.float32
            )
        return params

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
        x_BxTxM = gathered(params["embedding_VxM"])[tokens_BxT].astype(self.dtype)
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
        return self.final_norm(params, x_BxTxM)

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
        y_BxTxM = x_BxTxM
        if self.residual != "post_norm":
            y_BxTxM = self.normed(x_BxTxM, weights, "attention_norm")

        def heads(name: str, axis: str) -> jax.Array:
            flat_BxTxC = self.affine(y_BxTxM, weights, f"{name}_LxMx{axis}")
            if self.qk_norm and name != "value":
                flat_BxTxC = self.rms_norm(flat_BxTxC, weights[f"{name}_norm_Lx{axis}"])
            return jnp.reshape(flat_BxTxC, (*flat_BxTxC.shape[:2], -1, self.features))

        return (
            rotate(heads("query", "M"), *rotation),
            rotate(heads("key", "C"), *rotation),
            heads("value", "C"),
        )

    def finish(self, x_BxTxM: jax.Array, weights: Params, attended_BxTxHxD: jax.Array) -> jax.Array:
        """Adds what was attended to, and what the MLP makes, to the residual stream."""
        attended_BxTxM = jnp.reshape(attended_BxTxHxD, (*x_BxTxM.shape[:-1], -1))
        attention_BxTxM = self.affine(attended_BxTxM, weights, "output_LxMxM")
        if self.residual == "post_norm":
            x_BxTxM = x_BxTxM + self.normed(attention_BxTxM, weights, "attention_norm")
            return x_BxTxM + self.normed(self.forward(x_BxTxM, weights), weights, "mlp_norm")
        sum_BxTxM = x_BxTxM + attention_BxTxM
        read_BxTxM = x_BxTxM if self.residual == "parallel" else sum_BxTxM
        return sum_BxTxM + self.forward(self.normed(read_BxTxM, weights, "mlp_norm"), weights)

    def forward(self, y_BxTxM: jax.Array, weights: Params) -> jax.Array:
        """Returns what the MLP makes of each token."""
        if self.mlp == "gelu":
            up_BxTxF = self.affine(y_BxTxM, weights, "up_LxMxF")
            return self.affine(jax.nn.gelu(up_BxTxF, approximate=False), weights, "down_LxFxM")
        gate_BxTxF = jax.nn.silu(self.affine(y_BxTxM, weights, "gate_LxMxF"))
        up_BxTxF = self.affine(y_BxTxM, weights, "up_LxMxF")
        return self.affine(gate_BxTxF * up_BxTxF, weights, "down_LxFxM")

    def logits(self, params: Params, states_BxTxM: jax.Array) -> jax.Array:
        """Maps states after the final norm to float32 logits_BxTxV."""
        kernel_VxM = params["embedding_VxM" if self.tied else "unembedding_VxM"].astype(self.dtype)
        return wide_product("btm,vm->btv", states_BxTxM, gathered(kernel_VxM))

    def rotation(self, positions_BxT: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns the cosines_BxTxE and sines_BxTxE of RoPE; a batch of one serves every row."""
        return rotary.rotation(
            positions_BxT, self.rotary or self.features, self.rope_base, self.wide
        )

    def final_norm(self, params: Params, x_BxTxM: jax.Array) -> jax.Array:
        """Returns the states after the last norm."""
        if self.norm == "layer":
            return self.layer_norm(x_BxTxM, params["norm_M"], params["norm_bias_M"])
        return self.rms_norm(x_BxTxM, params["norm_M"])

    def normed(self, x_BxTxM: jax.Array, weights: Params, name: str) -> jax.Array:
        """Applies a norm of a layer."""
        if self.norm == "layer":
            scale_M, bias_M = weights[f"{name}_LxM"], weights[f"{name}_bias_LxM"]
            return self.layer_norm(x_BxTxM, scale_M, bias_M)
        return self.rms_norm(x_BxTxM, weights[f"{name}_LxM"])

    def rms_norm(self, x_BxTxM: jax.Array, scale_M: jax.Array) -> jax.Array:
        """Scales each row to a root mean square of one, in float32, then by `scale_M`."""
        unit_BxTxM = scaled(x_BxTxM.astype(self.wide), self.epsilon).astype(self.dtype)
        return unit_BxTxM * scale_M.astype(self.dtype)[None, None]

    def layer_norm(self, x_BxTxM: jax.Array, scale_M: jax.Array, bias_M: jax.Array) -> jax.Array:
        """Takes the mean off each row, in float32, then does as `rms_norm`, and adds `bias_M`."""
        wide_BxTxM = x_BxTxM.astype(self.wide)
        centered_BxTxM = wide_BxTxM - jnp.mean(wide_BxTxM, axis=-1, keepdims=True)
        return self.rms_norm(centered_BxTxM, scale_M) + bias_M.astype(self.dtype)[None, None]

    def affine(self, x_BxTxM: jax.Array, weights: Params, kernel: str) -> jax.Array:
        """Multiplies by a matrix of a layer, and adds its bias where it has one."""
        y_BxTxN = self.times(x_BxTxM, weights[kernel])
        bias = bias_of(kernel)
        if bias not in weights:
            return y_BxTxN
        return y_BxTxN + weights[bias].astype(self.dtype)[None, None]

    def times(self, x_BxTxM: jax.Array, kernel_MxN: jax.Array) -> jax.Array:
        """Multiplies in the dtype of the computation.

        All rows as one matrix: with batch and position apart, XLA copies on a CPU for the gradient
        of the kernel.
        """
        rows_RxM = jnp.reshape(x_BxTxM, (-1, x_BxTxM.shape[-1]))
        kernel_MxN = gathered(kernel_MxN.astype(self.dtype))
        return jnp.reshape(rows_RxM @ kernel_MxN, (*x_BxTxM.shape[:-1], -1))


def bias_of(kernel: str) -> str:
    """Returns the name of the bias of a matrix: query_bias_LxM of query_LxMxM."""
    name, axes = kernel.rsplit("_", 1)
    return f"{name}_bias_Lx{axes[-1]}"


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
