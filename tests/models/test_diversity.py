"""How streams differ, against the definitions written out."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.decoder import Decoder
from jaxlab.models.diversity import diversity
from jaxlab.models.streams import Streams

DECODER = Decoder(
    vocabulary=16,
    width=8,
    layers=1,
    heads=2,
    kv_heads=1,
    hidden=8,
    rope_base=10_000,
    dtype="float32",
    attention="blocks",
    scanned=False,
    rematerialized=False,
)
MODEL = Streams(
    decoder=DECODER,
    count=3,
    transform="prefix",
    prefix=2,
    code=0,
    code_hidden=0,
    rank=0,
    tied=False,
    lone_prefix=False,
    aggregation="learned",
)
RNG = np.random.default_rng(0)
PARAMS = jax.tree.map(
    lambda leaf: RNG.normal(size=leaf.shape).astype(np.float32),
    jax.eval_shape(MODEL.init, jax.random.key(0)),
)
STATES_PxBxTxM = RNG.normal(size=(3, 2, 5, 8)).astype(np.float32)
TARGETS_BxT = RNG.integers(0, 16, (2, 5))
COUNTED_BxT = np.arange(10).reshape(2, 5) % 3 > 0
measured = partial(jax.jit(diversity, static_argnums=0), targets_BxT=TARGETS_BxT)


def measure(model, states_PxBxTxM, counted_BxT=COUNTED_BxT):
    return measured(
        model, PARAMS, states_PxBxTxM, counted_BxT=counted_BxT, smoothing=np.float32(0.1)
    )


def test_it_is_what_it_says():
    got = measure(MODEL, STATES_PxBxTxM)
    weights_PxBxT = np.asarray(MODEL.weights(PARAMS, jnp.asarray(STATES_PxBxTxM), 0.1), float)
    logits = STATES_PxBxTxM @ PARAMS["decoder"]["embedding_VxM"].T
    mixed = np.sum(weights_PxBxT[..., None] * logits, axis=0)
    single, ensemble, loss, entropy, smallest = [], [], [], [], []
    for b, t in np.argwhere(COUNTED_BxT):
        chances_P = [softmax(logits[p, b, t])[TARGETS_BxT[b, t]] for p in range(3)]
        single.append(-np.mean(np.log(chances_P)))
        ensemble.append(-np.log(np.mean(chances_P)))
        loss.append(-np.log(softmax(mixed[b, t])[TARGETS_BxT[b, t]]))
        weights = weights_PxBxT[:, b, t]
        entropy.append(-np.sum(weights * np.log(weights)))
        smallest.append(weights.min())
    expected = {
        "loss": loss,
        "stream_loss": single,
        "ensemble_loss": ensemble,
        "weight_entropy": entropy,
        "weight_min": smallest,
    }
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], np.mean(values), rtol=1e-5)
    assert got["ensemble_loss"] < got["stream_loss"] - 0.01
    assert abs(got["ensemble_loss"] - got["loss"]) > 0.01
    assert got["weight_entropy"] < np.log(3) - 0.01


def test_a_batch_without_a_counted_token_is_finite():
    got = measure(MODEL, STATES_PxBxTxM, np.zeros_like(COUNTED_BxT))
    assert set(map(float, got.values())) == {0.0}


def softmax(logits_V):
    chance_V = np.exp(np.float64(logits_V) - logits_V.max())
    return chance_V / chance_V.sum()


@pytest.mark.parametrize("count", [1, 3])
def test_streams_that_agree_gain_nothing(count):
    same = np.broadcast_to(STATES_PxBxTxM[:1], (count, 2, 5, 8))
    model = dataclasses.replace(MODEL, count=count, aggregation="mean")
    got = measure(model, same)
    for name in ("stream_loss", "ensemble_loss"):
        np.testing.assert_allclose(got[name], got["loss"], rtol=1e-6)
    np.testing.assert_allclose(got["weight_entropy"], np.log(count), atol=1e-6)
    np.testing.assert_allclose(got["weight_min"], 1 / count, rtol=1e-6)
