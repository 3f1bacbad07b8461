"""The decoder against its formulas in NumPy, and one way of running it against another."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.attention import BLOCK, attend, check_fused
from jaxlab.models.decoder import Decoder

TINY = Decoder(
    vocabulary=64,
    width=32,
    layers=2,
    heads=4,
    kv_heads=2,
    hidden=64,
    rope_base=10_000,
    dtype="float32",
    attention="blocks",
    scanned=True,
    rematerialized=False,
)
T = 16


def tokens(batch=2, length=T):
    return np.random.default_rng(0).integers(0, TINY.vocabulary, (batch, length), np.int32)


def drawn():
    """Parameters whose biases and norm scales matter too."""
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        about = 1.0 if "norm" in jax.tree_util.keystr(path) else 0.0
        return (about + 0.2 * rng.normal(size=leaf.shape)).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(TINY.init, jax.random.key(0)))


@partial(jax.jit, static_argnums=0)
def apply(decoder, params, prefix=None):
    return decoder.logits(params, decoder.states(params, tokens(), prefix))


def reference(params, tokens_BxT, prefix=None, rotate_prefix=False, start=0):
    """The forward pass, token by token and head by head, in double precision."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    return np.stack([sequence(p, row, prefix, rotate_prefix, start) for row in tokens_BxT])


def sequence(p, tokens_T, prefix, rotate_prefix, start):
    states_TxM = p["embedding_VxM"][np.asarray(tokens_T)]
    for index in range(TINY.layers):
        weights = {name: leaf[index] for name, leaf in p["layers"].items()}
        states_TxM = reference_layer(weights, states_TxM, prefix, index, rotate_prefix, start)
    return unit(states_TxM) * p["norm_M"] @ p["embedding_VxM"].T


def reference_layer(w, x, prefix, index, rotate_prefix, start):
    size = TINY.features
    y = unit(x) * w["attention_norm_LxM"]
    query = y @ w["query_LxMxM"] + w["query_bias_LxM"]
    key = y @ w["key_LxMxC"] + w["key_bias_LxC"]
    value = y @ w["value_LxMxC"] + w["value_bias_LxC"]
    attended = np.zeros_like(x)
    for head in range(TINY.heads):
        own = slice(head * size, (head + 1) * size)
        shared = head // (TINY.heads // TINY.kv_heads)
        of_group = slice(shared * size, (shared + 1) * size)
        for t in range(len(x)):
            keys = [turned(key[s, of_group], start + s) for s in range(t + 1)]
            values = [value[s, of_group] for s in range(t + 1)]
            if prefix is not None:
                slots = [np.asarray(k, np.float64) for k in prefix[0][index][:, shared]]
                if rotate_prefix:
                    slots = [turned(k, slot) for slot, k in enumerate(slots)]
                keys = slots + keys
                values = [np.asarray(v, np.float64) for v in prefix[1][index][:, shared]] + values
            scores = np.array(keys) @ turned(query[t, own], start + t) / size**0.5
            chance = np.exp(scores - scores.max())
            attended[t, own] = chance / chance.sum() @ np.array(values)
    x = x + attended @ w["output_LxMxM"]
    y = unit(x) * w["mlp_norm_LxM"]
    gate = y @ w["gate_LxMxF"]
    return x + (gate / (1 + np.exp(-gate)) * (y @ w["up_LxMxF"])) @ w["down_LxFxM"]


def unit(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def turned(x_D, position):
    """RoPE as complex numbers: feature e is the real part, e + D/2 the imaginary part."""
    half = len(x_D) // 2
    angle = position * TINY.rope_base ** (-np.arange(half) / half)
    z = (x_D[:half] + 1j * x_D[half:]) * np.exp(1j * angle)
    return np.concatenate((z.real, z.imag))


def close(got, expected, tolerance=1e-5):
    """Compares on the scale of the largest value."""
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)


def test_it_is_the_formula():
    params = drawn()
    logits = apply(TINY, params)
    assert logits.dtype == jnp.float32
    close(logits, reference(params, tokens()))


def random_prefix(slots=3):
    rng = np.random.default_rng(2)
    shape = (2, TINY.layers, slots, TINY.kv_heads, TINY.features)
    return tuple(rng.normal(size=shape).astype(np.float32))


def test_a_prefix_is_not_rotated_and_shifts_no_position():
    params, prefix = drawn(), random_prefix()
    logits = apply(TINY, params, prefix)
    close(logits, reference(params, tokens(), prefix))
    for wrong in ({"rotate_prefix": True}, {"start": 3}):
        assert np.abs(logits - reference(params, tokens(), prefix, **wrong)).max() > 0.01


def test_scanned_is_unrolled_and_recomputing_changes_nothing():
    def value_and_gradient(**changes):
        decoder = dataclasses.replace(TINY, **changes)
        return jax.jit(jax.value_and_grad(partial(loss, decoder)))(drawn())

    base = value_and_gradient()
    for changes in ({"scanned": False}, {"rematerialized": True}):
        jax.tree.map(close, value_and_gradient(**changes), base)


def loss(decoder, params):
    log_chance = jax.nn.log_softmax(decoder.apply(params, tokens()[:, :-1]))
    return -jnp.mean(jnp.take_along_axis(log_chance, tokens()[:, 1:, None], axis=-1))


def drawn_attention(slots, length, kv_heads, scale=1.0, dtype=np.float32):
    """Returns a query, key and value whose scores grow with `scale`, squared."""
    rng = np.random.default_rng(3)
    query = scale * rng.normal(size=(2, length, 4, 8))
    key, value = scale * rng.normal(size=(2, 2, slots + length, kv_heads, 8))
    return [jnp.asarray(array, dtype) for array in (query, key, value)]


@pytest.mark.parametrize("kv_heads", [2, 4])
@pytest.mark.parametrize(("slots", "length"), [(0, BLOCK), (5, 1), (5, BLOCK + 1)])
def test_attention_in_blocks_is_that_of_jax(slots, length, kv_heads):
    inputs = drawn_attention(slots, length, kv_heads)
    jitted = jax.jit(attend, static_argnums=3)
    close(jitted(*inputs, "blocks"), jitted(*inputs, "xla"), 1e-6)


@pytest.mark.parametrize("kv_heads", [2, 4])
def test_its_gradient_is_that_of_jax_also_where_scores_are_large(kv_heads):
    inputs = drawn_attention(5, BLOCK + 1, kv_heads, scale=4.0)

    def gradient(implementation):
        def square(*inputs):
            return jnp.sum(jnp.square(attend(*inputs, implementation)))

        return jax.jit(jax.grad(square, (0, 1, 2)))(*inputs)

    for found, expected in zip(gradient("blocks"), gradient("xla"), strict=True):
        close(found, expected, 1e-4)


@pytest.mark.parametrize("kv_heads", [2, 4])
def test_in_bfloat16_products_are_narrow_forward_and_backward(kv_heads):
    inputs = drawn_attention(5, BLOCK + 1, kv_heads, scale=2.0, dtype=jnp.bfloat16)
    exact = attend(*(array.astype(np.float32) for array in inputs), "blocks")
    found = attend(*inputs, "blocks")
    assert found.dtype == jnp.bfloat16
    close(found.astype(np.float32), exact, 0.02)

    def total(*inputs):
        return jnp.sum(attend(*inputs, "blocks").astype(np.float32))

    jaxpr = jax.make_jaxpr(jax.grad(total, (0, 1, 2)))(*inputs).jaxpr
    products = [e for e in jaxpr.eqns if e.primitive.name == "dot_general"]
    assert len(products) == 2 * 6  # two blocks; scores and values, and two gradients of each
    assert {x.aval.dtype for e in products for x in e.invars} == {jnp.dtype(jnp.bfloat16)}


def test_no_token_reads_a_later_one():
    decoder = dataclasses.replace(TINY, attention="xla")
    for causal in (TINY, decoder):
        forward = jax.jit(causal.apply)
        assert late_change(forward, BLOCK + 5) == BLOCK + 5
        assert late_change(forward, 3) == 3


def late_change(forward, at):
    """Changes the token at `at` and returns the first position whose logits move at all."""
    params, before = drawn(), tokens(1, BLOCK + 9)
    after = before.copy()
    after[0, at] = (before[0, at] + 1) % TINY.vocabulary
    moved = np.not_equal(forward(params, before), forward(params, after))
    return int(np.flatnonzero(np.any(moved[0], axis=-1))[0])


def test_bfloat16_is_near_and_its_logits_are_float32():
    decoder = dataclasses.replace(TINY, dtype="bfloat16")
    params = jax.jit(TINY.init)(jax.random.key(0))
    logits = apply(decoder, params)
    assert logits.dtype == jnp.float32
    close(logits, apply(TINY, params), 0.02)
    assert np.abs(logits - apply(TINY, params)).max() > 0


def test_initial_weights_are_those_of_the_paper():
    decoder = dataclasses.replace(TINY, width=128, heads=8)
    params = jax.jit(decoder.init)(jax.random.key(1))
    for name, leaf in params["layers"].items():
        if "bias" in name or "norm" in name:
            assert np.all(np.asarray(leaf) == float("norm" in name))
        else:
            assert np.std(leaf) == pytest.approx(0.02, rel=0.05)
            assert not np.array_equal(leaf[0], leaf[1])
    assert np.std(params["embedding_VxM"]) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"width": 30}, "multiple of 8"),
        ({"kv_heads": 3}, "multiple of kv_heads"),
        ({"attention": "flash"}, "none of"),
    ],
)
def test_shapes_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **wrong)


@pytest.mark.parametrize(
    ("features", "dtype", "packed", "message"),
    [
        (64, "bfloat16", False, None),
        (64, "float32", False, "'cudnn' needs 16 bits, and the computation is in float32"),
        (12, "bfloat16", False, "multiple of 8 features, 128 at most.*has 12"),
        (64, "bfloat16", True, "'cudnn' knows no documents that share a row"),
    ],
)
def test_what_fused_attention_cannot_do_is_refused(features, dtype, packed, message, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    if message is None:
        check_fused(features, dtype, packed)
        return
    with pytest.raises(ValueError, match=message):
        check_fused(features, dtype, packed)


def test_documents_never_reach_a_fused_kernel():
    query = np.zeros((1, 4, 2, 8), np.float32)
    with pytest.raises(ValueError, match="knows no documents"):
        attend(query, query, query, "cudnn", np.zeros((1, 4), np.int32))
