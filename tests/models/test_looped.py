"""The looped transformer against the decoder that it is made of."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.analysis.serial_depth import measure
from jaxlab.models.decoder import Decoder
from jaxlab.models.looped import Looped

DECODER = Decoder(
    vocabulary=4,
    width=8,
    layers=1,
    heads=2,
    kv_heads=2,
    hidden=12,
    rope_base=10_000,
    dtype="float32",
    attention="blocks",
    scanned=False,
    rematerialized=False,
)
LOOPED = Looped(decoder=DECODER, classes=5, loops=3, injected=True, positions=False)
PLAIN = Looped(
    decoder=dataclasses.replace(DECODER, layers=2),
    classes=5,
    loops=1,
    injected=False,
    positions=True,
)
TOKENS = np.random.default_rng(0).integers(0, 3, (3, 6))
APPLY = jax.jit(LOOPED.apply, static_argnums=2)


def test_one_loop_is_the_decoder(drawn):
    params = drawn(PLAIN)
    begun = np.pad(TOKENS, ((0, 0), (1, 0)), constant_values=3)

    def expected(params):
        states = PLAIN.decoder.states(params["decoder"], begun)[:, 1:]
        return states @ params["head_MxC"] + params["head_bias_C"][None, None]

    logits = jax.jit(PLAIN.apply)(params, TOKENS)
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, jax.jit(expected)(params), rtol=1e-4, atol=1e-5)


def test_every_loop_is_the_block_on_states_and_embeddings_again(drawn):
    params = drawn(LOOPED)

    turn, x = LOOPED.turn(params, TOKENS)
    turn, read = jax.jit(turn), jax.jit(LOOPED.read)

    def loss(params):
        each = LOOPED.after_each(params, TOKENS)
        return jnp.sum(jnp.square(each[-1])), each

    (_, each), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    for logits in each:
        x, _ = turn(x, None)
        np.testing.assert_allclose(logits, read(params, x), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(APPLY(params, TOKENS), each[2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(APPLY(params, TOKENS, 1), each[0], rtol=1e-4, atol=1e-5)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_what_is_injected_at_first_is_a_tenth_of_the_embedding():
    @jax.jit
    def started(key):
        params = LOOPED.init(key)
        return params["injection_2xMxM"], params["decoder"]["embedding_VxM"]

    injection_2xMxM, embedding_VxM = started(jax.random.key(0))
    np.testing.assert_allclose(injection_2xMxM, [np.eye(8), 0.1 * np.eye(8)])
    assert np.std(embedding_VxM) == pytest.approx(1, rel=0.5)


def test_a_token_depends_on_itself_and_all_before(drawn):
    params = drawn(LOOPED)
    before = APPLY(params, TOKENS)
    for place in (0, 3):
        changed = TOKENS.copy()
        changed[:, place] = (changed[:, place] + 1) % 3
        moved_N = np.any(APPLY(params, changed) != before, axis=(0, 2))
        np.testing.assert_array_equal(moved_N, np.arange(6) >= place)


def test_without_positions_order_is_seen_through_the_last_token_alone_and_bos_counts(drawn):
    """In one layer the places before the last may be exchanged; repetitions are counted."""
    params = drawn(LOOPED)

    def run(params, tokens):
        return APPLY(params, tokens, 1)

    exchanged = TOKENS[:, [1, 0, 3, 2, 4, 5]]
    np.testing.assert_allclose(
        run(params, exchanged)[:, -1], run(params, TOKENS)[:, -1], rtol=1e-4, atol=1e-5
    )
    same_N = run(params, np.ones_like(TOKENS))[0, :, 0]
    assert len(np.unique(np.round(same_N, 5))) == 6


def test_parameters_are_those_of_one_loop_and_depth_is_linear_in_loops():
    def cost(loops):
        return measure(dataclasses.replace(LOOPED, loops=loops), 6)

    one, two, nine = map(cost, (1, 2, 9))
    assert one.parameters == nine.parameters
    assert nine.serial_depth - two.serial_depth == 7 * (two.serial_depth - one.serial_depth) > 0
    assert nine.flops - two.flops == 7 * (two.flops - one.flops)
    doubled = dataclasses.replace(DECODER, width=16)
    wide = measure(dataclasses.replace(LOOPED, decoder=doubled, loops=1), 6)
    assert 0 < wide.serial_depth - one.serial_depth < 20
