"""Decoding with a cache against the forward pass without one."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models import decoding
from jaxlab.models.decoder import Decoder
from jaxlab.models.streams import Streams

DECODER = Decoder(
    vocabulary=16,
    width=16,
    layers=2,
    heads=4,
    kv_heads=2,
    hidden=24,
    rope_base=10_000,
    dtype="float32",
    attention="blocks",
    scanned=True,
    rematerialized=False,
)
B, T, S = 2, 7, 3
TOKENS_BxT = np.random.default_rng(0).integers(0, 16, (B, T), np.int32)
NO_PADDING_B = np.zeros(B, np.int32)


PREFIXED = Streams(
    decoder=DECODER,
    count=2,
    transform="prefix",
    prefix=S,
    code=0,
    code_hidden=0,
    rank=0,
    tied=False,
    lone_prefix=False,
    aggregation="learned",
)


def streams(count, decoder=DECODER, **changes):
    return dataclasses.replace(PREFIXED, count=count, decoder=decoder, **changes)


def drawn(model):
    """Parameters with which streams, their weights and the next tokens differ."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        about = 1.0 if "norm" in jax.tree_util.keystr(path) else 0.0
        return (about + 0.4 * rng.normal(size=leaf.shape)).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(model.init, jax.random.key(0)))


@partial(jax.jit, static_argnums=0)
def forward(model, params, tokens_BxT):
    return model.apply(params, tokens_BxT, 0.1)


@partial(jax.jit, static_argnums=0)
def both_ways(model, params):
    """Returns logits_BxTxV of the forward pass and of a cache that reads one token at a time."""

    def read(cache, token_B):
        logits_BxV, cache = decoding.extend(model, params, cache, token_B[:, None], 0.1)
        return cache, logits_BxV

    cache = decoding.empty_cache(model, params, NO_PADDING_B, T)
    cache, logits_TxBxV = jax.lax.scan(read, cache, TOKENS_BxT.T)
    whole = model.apply(params, TOKENS_BxT, 0.1)
    return whole, jnp.swapaxes(logits_TxBxV, 0, 1), cache


PROMPT = 5  # tokens; one length, so that the tests share their programs


def served(model, params, tokens_BxT=TOKENS_BxT, padding_B=NO_PADDING_B):
    """Returns logits_BxTxV from the end of a prompt on, by `prefill` and `step`."""
    prompt_BxT = tokens_BxT[:, :PROMPT]
    logits, cache = decoding.prefill(model, params, prompt_BxT, padding_B, 0.1, tokens=T - PROMPT)
    found = [logits]
    for t in range(PROMPT, T):
        logits, cache = decoding.step(model, params, cache, tokens_BxT[:, t], 0.1)
        found.append(logits)
    return np.stack(found, axis=1)


def close(got, expected, tolerance=1e-5):
    """Compares on the scale of the largest value."""
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)


UNROLLED = dataclasses.replace(DECODER, scanned=False)


@pytest.mark.parametrize(
    ("model", "slots"),
    [
        (streams(1), 0),
        (streams(1, lone_prefix=True, decoder=UNROLLED), S),
        (streams(2, prefix=0), 0),
        (streams(2, decoder=UNROLLED), S),
        (streams(4), S),
        (streams(2, transform="lora", rank=2, decoder=UNROLLED), 0),
    ],
    ids=["plain", "lone", "no_slots", "two", "four", "lora"],
)
def test_token_by_token_is_the_forward_pass(model, slots):
    expected, logits, cache = both_ways(model, drawn(model))
    close(logits, expected)
    for leaf in (cache.key_PxLxBxUxKxD, cache.value_PxLxBxUxKxD):
        assert leaf.shape == (model.count, 2, B, slots + T, 2, 4)
    assert int(cache.length) == T


def test_bfloat16_decodes_as_it_reads():
    model = streams(1, dataclasses.replace(DECODER, dtype="bfloat16"))
    expected, logits, cache = both_ways(model, drawn(model))
    assert cache.key_PxLxBxUxKxD.dtype == jnp.bfloat16
    assert logits.dtype == jnp.float32
    close(logits, expected, 0.02)


@pytest.fixture(scope="module")
def params():
    """Of `PREFIXED`."""
    return drawn(PREFIXED)


def test_padding_is_invisible_and_shifts_no_position(params):
    padding_B = np.array([3, 0], np.int32)
    expected = np.asarray(forward(PREFIXED, params, TOKENS_BxT))
    moved_BxT = np.roll(TOKENS_BxT, 3, axis=1)  # row 0 is to come behind three tokens of padding
    moved_BxT[1] = TOKENS_BxT[1]
    filled_BxT = moved_BxT.copy()
    filled_BxT[0, :3] = 9
    for tokens_BxT in (moved_BxT, filled_BxT):
        got = served(PREFIXED, params, tokens_BxT, padding_B)
        close(got[0], expected[0, PROMPT - 1 - 3 : T - 3])
        close(got[1], expected[1, PROMPT - 1 :])
    seen = served(PREFIXED, params, moved_BxT)
    assert np.abs(seen[0] - got[0]).max() > 0.01
    close(seen, forward(PREFIXED, params, moved_BxT)[:, PROMPT - 1 :])


def test_a_prompt_may_be_read_in_parts(params):
    @jax.jit
    def in_parts(params):
        cache = decoding.empty_cache(PREFIXED, params, NO_PADDING_B, T)
        _, cache = decoding.extend(PREFIXED, params, cache, TOKENS_BxT[:, :3], 0.1)
        return decoding.extend(PREFIXED, params, cache, TOKENS_BxT[:, 3:], 0.1)[0]

    close(in_parts(params), forward(PREFIXED, params, TOKENS_BxT)[:, -1])


def test_prompts_are_padded_on_the_left():
    prompt_BxT, padding_B = decoding.left_pad([[5], [1, 2, 3]])
    np.testing.assert_array_equal(prompt_BxT, [[0, 0, 5], [1, 2, 3]])
    np.testing.assert_array_equal(padding_B, [2, 0])
    for wrong in ([], [[1], []]):
        with pytest.raises(ValueError, match="every prompt needs a token at least"):
            decoding.left_pad(wrong)


N = T - 3  # tokens to write


def write(params, temperature, stop=None, seeds=(0, 1)):
    """Writes on from prompts of one and of three tokens."""
    prompt_BxT, padding_B = decoding.left_pad([TOKENS_BxT[0, :1], TOKENS_BxT[1, :3]])
    key_B = jax.vmap(jax.random.key)(np.array(seeds))
    texts = (prompt_BxT, padding_B, key_B)
    return np.asarray(
        decoding.generate(PREFIXED, params, *texts, temperature, 0.1, tokens=N, stop=stop)
    )


def test_the_likeliest_text_is_that_of_the_forward_pass(params):
    written_BxN = write(params, 0.0)
    for prompt, written_N in zip((TOKENS_BxT[0, :1], TOKENS_BxT[1, :3]), written_BxN, strict=True):
        whole = np.concatenate((prompt, written_N))
        padded = np.zeros_like(TOKENS_BxT)  # zeros behind a text change nothing in it
        padded[:, : len(whole)] = whole
        likeliest = np.argmax(forward(PREFIXED, params, padded)[0], axis=-1)
        np.testing.assert_array_equal(likeliest[len(prompt) - 1 : len(whole) - 1], written_N)
    assert len(np.unique(written_BxN)) > 2


def test_a_text_ends_with_its_stop_token(params):
    free_BxN = write(params, 0.0)
    stop = int(free_BxN[1, 1])
    stopped_BxN = write(params, 0.0, stop)
    for free_N, stopped_N in zip(free_BxN, stopped_BxN, strict=True):
        found = np.flatnonzero(free_N == stop)
        end = found[0] if found.size else N
        np.testing.assert_array_equal(stopped_N[:end], free_N[:end])
        assert np.all(stopped_N[end:] == stop)
    assert np.any(free_BxN != stopped_BxN)


def test_a_text_is_decided_by_its_own_key(params):
    first = write(params, 2.0)
    np.testing.assert_array_equal(write(params, 2.0), first)
    other = write(params, 2.0, seeds=(0, 7))
    np.testing.assert_array_equal(other[0], first[0])
    assert np.any(other[1] != first[1])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_the_softmax_says(temperature):
    logits_V, draws = np.array([1.0, 0.0, -0.5, 2.0], np.float32), 20_000
    drawn_N = np.asarray(draws_of(logits_V, temperature, draws))
    assert drawn_N.dtype == np.int32
    chance_V = np.exp(logits_V / temperature) / np.sum(np.exp(logits_V / temperature))
    frequency_V = np.bincount(drawn_N, minlength=4) / draws
    error_V = np.sqrt(chance_V * (1 - chance_V) / draws)
    assert np.all(np.abs(frequency_V - chance_V) < 4 * error_V)


@partial(jax.jit, static_argnums=2)
def draws_of(logits_V, temperature, draws):
    """Half of the draws from keys of their own, half from later tokens of these keys."""
    key_N = jax.random.split(jax.random.key(0), draws // 2)
    logits_NxV = jnp.broadcast_to(logits_V, (draws // 2, 4))
    return jnp.concatenate(
        [decoding.draw(key_N, jnp.int32(n), logits_NxV, temperature) for n in (0, 5)]
    )


def test_sets_of_streams_are_swapped_and_swapped_back(params):
    """One frozen decoder serves sets that were trained for 2 and for 4 streams."""
    two, four = PREFIXED, streams(4)
    sets = {two: params["streams"], four: drawn(four)["streams"]}

    def of(model):
        whole = {"decoder": params["decoder"], "streams": sets[model]}
        return served(model, whole)

    before, other, after = of(two), of(four), of(two)
    np.testing.assert_array_equal(after, before)
    assert np.abs(other - before).max() > 0.01


def flops(function, *arguments):
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


def test_a_layer_costs_p_times_as_much_and_the_read_out_once():
    """By the compiler's count. The first queries, keys and values are computed once for all P."""
    shallow = dataclasses.replace(UNROLLED, layers=1, width=128, hidden=512, vocabulary=512)
    deep = dataclasses.replace(shallow, layers=2)
    tokens = jax.ShapeDtypeStruct((1, 32), jnp.int32)
    layer, read_out = {}, {}
    for count in (1, 4):
        one, two = (streams(count, decoder, aggregation="mean") for decoder in (shallow, deep))
        params, more = (jax.eval_shape(model.init, jax.random.key(0)) for model in (one, two))
        states = flops(one.states, params, tokens)
        layer[count] = flops(two.states, more, tokens) - states
        read_out[count] = flops(one.apply, params, tokens) - states
        assert read_out[count] == pytest.approx(2 * 32 * 128 * 512, rel=0.05)
    assert layer[4] == pytest.approx(4 * layer[1], rel=0.02)


def test_products_are_as_precise_as_in_training_and_prefixes_are_computed_once(
    as_on_an_accelerator,
):
    model = streams(2, code=4, code_hidden=8)
    params = jax.eval_shape(model.init, jax.random.key(0))
    keys = jax.random.split(jax.random.key(0), B)
    write = partial(decoding.generate, model, tokens=3, stop=None)
    program = str(jax.make_jaxpr(write)(params, TOKENS_BxT, NO_PADDING_B, keys, 0.0, 0.1))
    assert program.count("precision=") == program.count("dot_general[") > 0
    assert "precision=None" not in program
    assert program.count("tanh") == 1
