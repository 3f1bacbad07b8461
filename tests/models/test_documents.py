"""Documents that share a row see nothing of each other."""

import dataclasses
from functools import partial

import jax
import numpy as np
import pytest

from jaxlab.models.attention import BLOCK, attend
from jaxlab.models.decoder import Decoder
from jaxlab.models.rotary import positions_within
from jaxlab.models.streams import Streams
from jaxlab.tasks.packing import pack, read_rows

DECODER = Decoder(
    vocabulary=64,
    width=16,
    layers=2,
    heads=2,
    kv_heads=1,
    hidden=32,
    rope_base=10_000,
    dtype="float32",
    attention="blocks",
    scanned=True,
    rematerialized=False,
)
T = BLOCK + 16
LENGTHS = np.array([30, 45, 5, 70, 3, T])  # of documents that fill three rows, with padding
TOKENS_N = np.random.default_rng(0).integers(0, 64, LENGTHS.sum(), np.int32)
PIECES, ROWS = pack(LENGTHS, T)
MODELS = [(1, "xla"), (2, "blocks")]


def model_of(count, attention):
    decoder = dataclasses.replace(DECODER, attention=attention)
    return Streams(
        decoder=decoder,
        count=count,
        transform="prefix",
        prefix=3,
        code=0,
        code_hidden=0,
        rank=0,
        tied=False,
        lone_prefix=False,
        aggregation="learned",
    )


def drawn(model):
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.normal(0, 0.3, leaf.shape).astype(np.float32), shapes)


@partial(jax.jit, static_argnums=0)
def forward(model, params, tokens_BxT, documents_BxT=None):
    return model.apply(params, tokens_BxT, documents_BxT=documents_BxT)


@jax.jit
def rows_of(tokens_N):
    return read_rows(PIECES, tokens_N, np.arange(ROWS), T)


def packed(model, params, tokens_N):
    rows = rows_of(tokens_N)
    return forward(model, params, rows.tokens_BxT, rows.documents_BxT)


def of_piece(logits_BxTxV, piece):
    start, size = PIECES.place_K[piece], PIECES.tokens_K[piece]
    return np.asarray(logits_BxTxV).reshape(-1, logits_BxTxV.shape[-1])[start : start + size]


@pytest.mark.parametrize(("count", "attention"), MODELS)
def test_a_document_in_a_row_is_that_document_alone(count, attention):
    model = model_of(count, attention)
    params = drawn(model)
    logits = packed(model, params, TOKENS_N)
    # Every document from the beginning of a row of its own: what follows cannot matter.
    own_2xRxT = np.zeros((2, ROWS, T), np.int32)
    own_KxT = own_2xRxT.reshape(-1, T)[: len(PIECES.token_K)]
    for row_T, token, tokens in zip(own_KxT, PIECES.token_K, PIECES.tokens_K, strict=True):
        row_T[:tokens] = TOKENS_N[token : token + tokens]
    expected = np.concatenate([forward(model, params, tokens_RxT) for tokens_RxT in own_2xRxT])
    scale = float(np.abs(expected).max())
    for piece, tokens in enumerate(PIECES.tokens_K):
        got = of_piece(logits, piece)
        np.testing.assert_allclose(got, expected[piece, :tokens], rtol=0, atol=1e-5 * scale)
    undivided = np.asarray(forward(model, params, rows_of(TOKENS_N).tokens_BxT))
    assert np.abs(undivided - logits).max() > 0.01 * scale  # it is no accident


@pytest.mark.parametrize(("count", "attention"), MODELS)
def test_a_changed_document_changes_no_other(count, attention):
    model = model_of(count, attention)
    params = drawn(model)
    before = packed(model, params, TOKENS_N)
    for changed in range(len(PIECES.token_K)):
        tokens_N = TOKENS_N.copy()
        tokens_N[PIECES.token_K[changed]] ^= 1
        after = packed(model, params, tokens_N)
        for piece in range(len(PIECES.token_K)):
            same = np.array_equal(of_piece(before, piece), of_piece(after, piece))
            assert same == (piece != changed)


def test_one_document_per_row_is_no_documents():
    model = model_of(2, "blocks")
    params = drawn(model)
    tokens_BxT = rows_of(TOKENS_N).tokens_BxT
    one = forward(model, params, tokens_BxT, np.full((ROWS, T), 7, np.int32))
    np.testing.assert_array_equal(one, forward(model, params, tokens_BxT))


def test_attention_in_blocks_is_that_of_jax_behind_slots():
    rng, slots = np.random.default_rng(2), 5
    query = rng.normal(size=(ROWS, T, 4, 8)).astype(np.float32)
    key, value = rng.normal(size=(2, ROWS, slots + T, 2, 8)).astype(np.float32)
    documents = rows_of(TOKENS_N).documents_BxT
    jitted = jax.jit(attend, static_argnums=3)
    both = [jitted(query, key, value, name, documents) for name in ("blocks", "xla")]
    np.testing.assert_allclose(*both, rtol=0, atol=1e-5)


def test_positions_count_from_the_beginning_of_each_document():
    documents = np.array([[4, 4, 4, 2, 2, -1], [0, 1, 2, 2, 2, 2]])
    expected = [[0, 1, 2, 0, 1, 0], [0, 0, 0, 1, 2, 3]]
    np.testing.assert_array_equal(positions_within(documents), expected)
