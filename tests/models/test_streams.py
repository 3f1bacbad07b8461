"""Streams against a loop over streams, and what must not change anything."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_streams import close, drawn

from jaxlab.models.decoder import Decoder
from jaxlab.models.streams import Streams, count_parameters

DECODER = Decoder(
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
TOKENS_BxT = np.random.default_rng(0).integers(0, 64, (2, 16), np.int32)


PLAIN = Streams(
    decoder=DECODER,
    count=1,
    transform="prefix",
    prefix=4,
    code=0,
    code_hidden=16,
    rank=3,
    tied=False,
    lone_prefix=False,
    aggregation="learned",
)


def streams(count, aggregation="learned", **changes):
    return dataclasses.replace(PLAIN, count=count, aggregation=aggregation, **changes)


@partial(jax.jit, static_argnums=0)
def forward(model, params, smoothing=0.1, tokens_BxT=TOKENS_BxT):
    return model.apply(params, tokens_BxT, smoothing)


@partial(jax.jit, static_argnums=0)
def states_of(model, params):
    return model.states(params, TOKENS_BxT)


@partial(jax.jit, static_argnums=0)
def value_and_gradient(model, params):
    """Returns the mean square of the logits, the logits, and the gradient of the former."""
    return differentiated(partial(model.apply, tokens_BxT=TOKENS_BxT), params)


def differentiated(logits_of, params):
    def square(params):
        logits = logits_of(params)
        return jnp.mean(logits**2), logits

    return jax.value_and_grad(square, has_aux=True)(params)


def one_by_one(model, smoothing, params):
    """The definition: a loop over streams, then the aggregation, written out."""
    added, width, count = params["streams"], model.decoder.width, model.count

    def stream(prefix):
        return model.decoder.states(params["decoder"], TOKENS_BxT, prefix)

    pairs = (added["prefix_key_PxLxSxKxD"], added["prefix_value_PxLxSxKxD"])
    states = list(jax.lax.map(stream, pairs))
    # The layout of the released code: hidden index slow, stream index fast.
    joined_BxTx_MP = jnp.stack(states, axis=-1).reshape(*TOKENS_BxT.shape, width * count)
    first_MPxM = added["mixer_PxMxM"].transpose(1, 0, 2).reshape(width * count, width)
    hidden = jax.nn.silu(joined_BxTx_MP @ first_MPxM + added["mixer_bias_M"][None, None])
    scores_BxTxP = hidden @ added["head_MxP"] + added["head_bias_P"][None, None]
    chance_BxTxP = jnp.exp(scores_BxTxP) / jnp.exp(scores_BxTxP).sum(axis=-1, keepdims=True)
    chance_BxTxP = (1 - smoothing) * chance_BxTxP + smoothing / count
    mixed = sum(chance_BxTxP[..., p, None] * state for p, state in enumerate(states))
    return mixed @ params["decoder"]["embedding_VxM"].T


def test_one_stream_is_the_decoder_bit_for_bit():
    model, params = streams(1), drawn(streams(1))
    assert list(params) == ["decoder"]
    for compiled in (jax.jit, lambda function: function):
        plain = compiled(DECODER.apply)(params["decoder"], TOKENS_BxT)
        np.testing.assert_array_equal(compiled(model.apply)(params, TOKENS_BxT), plain)


@pytest.mark.parametrize(("count", "scanned"), [(4, True), (2, False)])
def test_streams_in_one_batch_are_a_loop_over_streams(as_on_an_accelerator, count, scanned):
    model = streams(count, decoder=dataclasses.replace(DECODER, scanned=scanned))
    check_against_the_loop(model, drawn(model), 1e-5, 1e-4)


@pytest.mark.parametrize(("count", "scanned"), [(4, True), (2, False)])
def test_streams_one_after_another_are_a_loop_over_streams(count, scanned):
    model = streams(count, decoder=dataclasses.replace(DECODER, scanned=scanned))
    check_against_the_loop(model, drawn(model), 1e-5, 1e-4)


def test_streams_are_a_loop_over_streams_in_float64():
    with jax.enable_x64(True):
        model = streams(4, decoder=dataclasses.replace(DECODER, dtype="float64"))
        params = jax.tree.map(lambda leaf: leaf.astype(np.float64), drawn(model))
        check_against_the_loop(model, params, 1e-12, 1e-10)


def check_against_the_loop(model, params, tolerance, of_gradient):
    (_, logits), gradient = value_and_gradient(model, params)
    loop = partial(differentiated, partial(one_by_one, model, 0.1))
    (_, expected), expected_gradient = jax.jit(loop)(params)
    close(logits, expected, tolerance)
    jax.tree.map(partial(close, tolerance=of_gradient), gradient, expected_gradient)


def test_streams_with_the_same_prefix_are_one_stream():
    model, alone = streams(4), streams(1, lone_prefix=True)
    params = drawn(model)
    tied = params | {"streams": same_prefix(params["streams"])}
    lone = params | {"streams": jax.tree.map(lambda leaf: leaf[:1], tied["streams"])}
    for smoothing in (0, 0.1, 1):
        close(forward(model, tied, smoothing), forward(alone, lone))
    assert np.abs(forward(model, params) - forward(alone, lone)).max() > 0.01


def same_prefix(added):
    return added | {
        name: np.broadcast_to(leaf[:1], leaf.shape)
        for name, leaf in added.items()
        if name.startswith("prefix")
    }


def test_without_slots_streams_are_the_decoder():
    model = streams(4, prefix=0)
    params = drawn(model)
    close(forward(model, params), forward(streams(1), {"decoder": params["decoder"]}))


@pytest.mark.parametrize("aggregation", ["learned", "static"])
@pytest.mark.parametrize("loud", [1, 10_000])
def test_weights_sum_to_one_and_no_stream_is_lost(aggregation, loud):
    model, count = streams(4, aggregation), 4
    params = drawn(model)
    scale = {"head_MxP": loud, "head_bias_P": loud, "preference_P": loud}
    added = {name: leaf * scale.get(name, 1.0) for name, leaf in params["streams"].items()}
    params = params | {"streams": added}
    states = np.random.default_rng(1).normal(size=(count, *TOKENS_BxT.shape, 32))
    weights_of = jax.jit(partial(model.weights, params, states.astype(np.float32)))
    for smoothing in (0.1, 0.5):
        weights = np.asarray(weights_of(smoothing))
        assert weights.shape == (count, *TOKENS_BxT.shape)
        np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
        assert weights.min() >= smoothing / count - 1e-7
        assert weights.max() <= 1 - smoothing + smoothing / count + 1e-7
        assert np.ptp(weights) > 0.01
    np.testing.assert_allclose(weights_of(1.0), 1 / count, atol=1e-7)


def test_a_silent_head_and_a_smoothing_of_one_are_the_mean():
    model, mean = streams(4), streams(4, "mean")
    params = drawn(model)
    expected = forward(mean, params)
    close(forward(model, params, 1.0), expected)
    zeros = {name: np.zeros_like(params["streams"][name]) for name in ("head_MxP", "head_bias_P")}
    silent = params | {"streams": params["streams"] | zeros}
    np.testing.assert_array_equal(model.weights(silent, states_of(model, silent)), 0.25)
    assert np.abs(forward(model, params) - expected).max() > 0.01


def test_the_order_of_the_streams_does_not_matter():
    model = streams(4)
    params, order = drawn(model), np.array([2, 0, 3, 1])
    added = params["streams"]
    permuted = added | {name: leaf[order] for name, leaf in added.items() if "_Px" in name}
    permuted["head_bias_P"] = added["head_bias_P"][order]
    half = forward(model, params | {"streams": permuted})
    permuted["head_MxP"] = added["head_MxP"][:, order]
    close(forward(model, params | {"streams": permuted}), forward(model, params))
    assert np.abs(half - forward(model, params)).max() > 0.01


def test_mixing_states_is_mixing_logits_and_not_probabilities():
    model = streams(4)
    params = drawn(model)
    states = states_of(model, params)
    weights = model.weights(params, states)[..., None]
    logits = states @ params["decoder"]["embedding_VxM"].T
    mixed = forward(model, params)
    close(mixed, np.sum(weights * logits, axis=0))
    chances = np.sum(weights * jax.nn.softmax(logits), axis=0)
    assert np.abs(jax.nn.softmax(mixed) - chances).max() > 0.001


@pytest.mark.parametrize("count", [1, 4])
def test_no_token_reads_a_later_one(count):
    model = streams(count)
    params, at = drawn(model), 9
    changed = TOKENS_BxT.copy()
    changed[:, at] = (changed[:, at] + 1) % 64
    logits = [forward(model, params, tokens_BxT=row) for row in (TOKENS_BxT, changed)]
    moved = np.not_equal(*logits)
    assert not np.any(moved[:, :at])
    assert np.all(np.any(moved[:, at:], axis=-1))


def test_every_slot_reaches_the_first_token():
    model = streams(4)

    def first(params):
        return jnp.sum(model.apply(params, TOKENS_BxT[:, :1]) ** 2)

    gradient = jax.jit(jax.grad(first))(drawn(model))
    for name in ("prefix_key_PxLxSxKxD", "prefix_value_PxLxSxKxD"):
        assert np.all(np.linalg.norm(gradient["streams"][name], axis=-1) > 0)


@pytest.mark.parametrize(
    ("aggregation", "dtype"),
    [("learned", "bfloat16"), ("static", "float32")],
)
def test_training_is_finite_from_the_first_step(aggregation, dtype):
    model = streams(4, aggregation, decoder=dataclasses.replace(DECODER, dtype=dtype))
    params = jax.jit(model.init)(jax.random.key(0))
    (_, logits), gradient = value_and_gradient(model, params)
    assert logits.dtype == jnp.float32
    for tree in (params, gradient):
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(tree))
    of_values = np.asarray(gradient["streams"]["prefix_value_PxLxSxKxD"], np.float32)
    assert np.all(np.any(of_values != 0, axis=(1, 2, 3, 4)))


def test_the_decoder_starts_the_same_for_every_number_of_streams():
    key = jax.random.key(3)
    trees = [jax.jit(streams(count).init)(key)["decoder"] for count in (1, 4)]
    jax.tree.map(np.testing.assert_array_equal, *trees)


PUBLISHED = {  # arXiv 2505.10475, parametric_fit.py: width, hidden, N at P = 1, 2, 4, 8
    (896, 4864): (535_813_376, 538_195_842, 540_577_412, 545_340_552),
    (1024, 5504): (693_753_856, 696_738_818, 699_722_756, 705_690_632),
    (1280, 6912): (1_088_376_320, 1_092_762_882, 1_097_148_164, 1_105_918_728),
    (1536, 8320): (1_571_472_384, 1_577_522_690, 1_583_571_460, 1_595_669_000),
    (2048, 11008): (2_774_773_760, 2_784_937_986, 2_795_100_164, 2_815_424_520),
    (2560, 13824): (4_353_203_200, 4_368_529_922, 4_383_854_084, 4_414_502_408),
}


@pytest.mark.parametrize("size", PUBLISHED)
def test_the_published_models_have_the_published_numbers_of_parameters(size):
    width, hidden = size
    decoder = dataclasses.replace(
        DECODER, vocabulary=151_936, width=width, hidden=hidden, layers=36, heads=16, kv_heads=2
    )
    for count, expected in zip((1, 2, 4, 8), PUBLISHED[size], strict=True):
        model = streams(count, prefix=48, decoder=decoder)
        assert count_parameters(jax.eval_shape(model.init, jax.random.key(0))) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "at least 1 stream"),
        ({"prefix": -1}, "at least 0 slots"),
        ({"aggregation": "max"}, "none of"),
    ],
)
def test_streams_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(streams(2), **wrong)
