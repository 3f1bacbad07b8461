"""The plain loops do the work of the lab's models, so that their speeds can be compared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.analysis.serial_depth import product_flops
from jaxlab.benchmark import plain_decoder, plain_recurrent
from jaxlab.models.decoder import Decoder
from jaxlab.models.recurrent import Recurrent

SIZES = plain_decoder.Sizes(
    vocabulary=16, width=8, layers=2, heads=2, hidden=12, length=6, batch=2, dtype="float32"
)


def test_the_plain_decoder_is_the_decoder_of_the_lab():
    decoder = Decoder(
        vocabulary=16,
        width=8,
        layers=2,
        heads=2,
        kv_heads=2,
        hidden=12,
        rope_base=10_000,
        dtype="float32",
        attention="blocks",
        scanned=False,
        rematerialized=False,
    )
    plain = plain_decoder.init(SIZES)
    names = {
        "attention_norm_LxM": "norm_1",
        "mlp_norm_LxM": "norm_2",
        "query_bias_LxM": "query_bias",
        "key_bias_LxC": "key_bias",
        "value_bias_LxC": "value_bias",
        "query_LxMxM": "query",
        "key_LxMxC": "key",
        "value_LxMxC": "value",
        "output_LxMxM": "output",
        "gate_LxMxF": "gate",
        "up_LxMxF": "up",
        "down_LxFxM": "down",
    }
    params = {
        "embedding_VxM": plain["embedding"],
        "norm_M": plain["norm"],
        "layers": {
            name: jnp.stack([layer[own] for layer in plain["layers"]])
            for name, own in names.items()
        },
    }
    tokens_BxT = np.random.default_rng(0).integers(0, 16, (2, 6), np.int32)
    with jax.numpy_rank_promotion("allow"):
        found = plain_decoder.logits(plain, tokens_BxT, SIZES)
    np.testing.assert_allclose(found, decoder.apply(params, tokens_BxT), rtol=1e-5, atol=1e-6)


def test_the_plain_recurrent_network_does_as_many_products():
    own = plain_recurrent
    model = Recurrent(
        vocabulary=own.LETTERS, classes=own.ELEMENTS, width=own.WIDTH, depth=1, cell="gru"
    )
    letters_BxN = np.zeros((own.BATCH, own.LENGTH), np.int32)
    with jax.numpy_rank_promotion("allow"):
        plain = product_flops(lambda: own.logits(own.init(), letters_BxN))
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert product_flops(model.apply, params, letters_BxN) == plain


@pytest.mark.parametrize(
    "training",
    [
        lambda: plain_decoder.training(SIZES, np.arange(100, dtype=np.uint8) % 16),
        plain_recurrent.training,
    ],
)
def test_plain_loops_train(training):
    with jax.numpy_rank_promotion("allow"):
        *_, first = training()(1)
        *_, last = training()(30)
    assert np.isfinite(last)
    assert last < first
