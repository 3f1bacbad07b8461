"""Gated recurrences and state spaces against their recurrences, token by token in NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.analysis.serial_depth import measure
from jaxlab.models.recurrent import Recurrent
from jaxlab.models.state_space import StateSpace, states

GRU = Recurrent(vocabulary=3, classes=4, width=5, depth=2, cell="gru")
LSTM = Recurrent(vocabulary=3, classes=4, width=5, depth=2, cell="lstm")
SIGNED = StateSpace(vocabulary=3, classes=4, width=5, depth=2, signed=True)
UNSIGNED = StateSpace(vocabulary=3, classes=4, width=5, depth=2, signed=False)
TOKENS = np.random.default_rng(0).integers(0, 3, (4, 7))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(layer, x_NxBxW):
    h = np.zeros_like(x_NxBxW[0])
    for x in x_NxBxW:
        xr, xz, xn = np.split(x @ layer["kernel_WxG"] + layer["bias_G"], 3, axis=1)
        hr, hz, hn = np.split(h @ layer["recurrent_WxG"], 3, axis=1)
        new = np.tanh(xn + sigmoid(xr + hr) * (hn + layer["candidate_bias_W"]))
        z = sigmoid(xz + hz)
        h = (1 - z) * new + z * h
        yield h


def lstm(layer, x_NxBxW):
    h, c = np.zeros_like(x_NxBxW[0]), np.zeros_like(x_NxBxW[0])
    for x in x_NxBxW:
        gates = x @ layer["kernel_WxG"] + layer["bias_G"] + h @ layer["recurrent_WxG"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def rms(x):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True))


def state_space(squash):
    def block(layer, x_NxBxW):
        h = np.zeros_like(x_NxBxW[0])
        for x in x_NxBxW:
            inner = rms(x) @ layer["inner_WxG"] + layer["inner_bias_G"]
            a, u, gate = np.split(inner, 3, axis=1)
            h = squash(a) * h + u
            x = x + h * gate * sigmoid(gate) @ layer["outer_WxW"]
            hidden = np.maximum(rms(x) @ layer["hidden_WxH"] + layer["hidden_bias_H"], 0)
            yield x + hidden @ layer["down_HxW"]

    return block


@pytest.mark.parametrize(
    ("model", "layer", "last"),
    [
        (GRU, gru, lambda x: x),
        (LSTM, lstm, lambda x: x),
        (SIGNED, state_space(np.tanh), rms),
        (UNSIGNED, state_space(sigmoid), rms),
    ],
)
def test_it_is_the_recurrence_and_learns_everywhere(drawn, model, layer, last):
    params = drawn(model)

    def loss(params):
        logits = model.apply(params, TOKENS)
        return jnp.sum(jnp.square(logits)), logits

    (_, logits), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    p = jax.tree.map(np.float64, params)
    x_NxBxW = np.swapaxes(p["embedding_VxW"][TOKENS], 0, 1)
    for own in p["layers"]:
        x_NxBxW = np.stack(list(layer(own, x_NxBxW)))
    expected = last(np.swapaxes(x_NxBxW, 0, 1)) @ p["head_WxC"] + p["head_bias_C"]
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_signed_decays_keep_parity_for_ever():
    bits = np.random.default_rng(1).integers(0, 2, (1, 200, 1))
    signs = jax.jit(states)(1.0 - 2 * bits, np.eye(1, 200)[..., None])
    parity = np.cumsum(bits[:, 1:], axis=1) % 2
    np.testing.assert_array_equal(signs[:, 1:], 1 - 2 * parity)


def test_the_depth_of_a_recurrence_grows_with_the_tokens_and_that_of_a_scan_with_their_logarithm():
    def depth(model, length):
        return measure(model, length).serial_depth

    for model, step in ((GRU, 4 + 8), (LSTM, 4 + 6)):  # a product of five terms, and what follows
        assert depth(model, 64) - depth(model, 16) == 48 * 2 * step
    assert 0 < depth(SIGNED, 64) - depth(SIGNED, 16) <= 2 * 2 * 10
    assert depth(SIGNED, 1024) - depth(SIGNED, 256) == depth(SIGNED, 64) - depth(SIGNED, 16)


def test_an_lstm_starts_orthogonal_and_remembering():
    layer = jax.jit(LSTM.init_layer)(jax.random.key(0))
    for square in np.split(np.asarray(layer["recurrent_WxG"]), 4, axis=1):
        np.testing.assert_allclose(square @ square.T, np.eye(5), atol=1e-5)
    np.testing.assert_array_equal(layer["bias_G"], np.repeat([0, 1, 0, 0], 5))


def test_another_cell_is_refused():
    with pytest.raises(ValueError, match="cell 'rnn' is none of"):
        dataclasses.replace(GRU, cell="rnn")


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_no_draw_calls_lapack(cell):
    """Its batches on two devices of one CPU can wait for each other for ever."""
    keys = jax.random.split(jax.random.key(0), 3)
    model = Recurrent(vocabulary=4, classes=3, width=8, depth=1, cell=cell)
    assert "custom_call" not in jax.jit(jax.vmap(model.init)).lower(keys).as_text()
