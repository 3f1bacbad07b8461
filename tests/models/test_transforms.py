"""Every transformation of a stream against its definition, with one program for each."""

import dataclasses
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from drawn_streams import close, drawn

from jaxlab.models import transforms
from jaxlab.models.decoder import Decoder
from jaxlab.models.streams import Streams

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
    scanned=False,
    rematerialized=False,
)
PREFIX = Streams(
    decoder=DECODER,
    count=3,
    transform="prefix",
    prefix=4,
    code=0,
    code_hidden=16,
    rank=3,
    tied=False,
    lone_prefix=False,
    aggregation="learned",
)
CODE = dataclasses.replace(PREFIX, code=32, code_hidden=64)
LORA = dataclasses.replace(PREFIX, transform="lora")
BIAS = dataclasses.replace(PREFIX, transform="bias")
ALL = {"prefix": PREFIX, "code": CODE, "lora": LORA, "bias": BIAS}
every = pytest.mark.parametrize("model", ALL.values(), ids=ALL)

ROWS_BxT = np.random.default_rng(0).integers(0, 64, (2, 17), np.int32)
FAST = {"xla_backend_optimization_level": 0}  # the programs are tiny, compiling them is not


def cross_entropy(logits_BxTxV, rows_BxT):
    loss_BxT = optax.softmax_cross_entropy_with_integer_labels(logits_BxTxV, rows_BxT[:, 1:])
    return jnp.mean(loss_BxT)


fast = partial(jax.jit, compiler_options=FAST)


def pulled_back(function, at, slopes):
    """Returns the gradient by what `function` takes from that by what it returns."""
    return jax.vjp(function, at)[1](slopes)[0]


def run(model, params, rows_BxT=ROWS_BxT, smoothing=0.1):
    """Returns logits, the states of the streams, and the gradient of the loss."""
    return compiled(model, params, rows_BxT, smoothing)


@partial(fast, static_argnums=0)
def compiled(model, params, rows_BxT, smoothing):

    def loss(params):
        states = model.states(params, rows_BxT[:, :-1])
        logits = model.decoder.logits(params["decoder"], model.mix(params, states, smoothing))
        return cross_entropy(logits, rows_BxT), (logits, states)

    gradient, (logits, states) = jax.grad(loss, has_aux=True)(params)
    return logits, states, gradient


@fast
def run_one_by_one(layers_P, params):
    """The same, by a loop over decoders with layers of their own; gradients for these too."""

    def loss(layers_P, params):
        def stream(layers):
            own = params["decoder"] | {"layers": layers}
            return DECODER.states(own, jnp.asarray(ROWS_BxT[:, :-1]))

        states = jax.lax.map(stream, layers_P)
        logits = DECODER.logits(params["decoder"], LORA.mix(params, states))
        return cross_entropy(logits, ROWS_BxT), logits

    gradients, logits = jax.grad(loss, (0, 1), has_aux=True)(layers_P, params)
    return logits, *gradients


@cache
def initial(model):
    return model.init(jax.random.key(0))


def own_layers(transform, params):
    """The layers of every stream's decoder, stream by stream."""
    layers, added, streams = params["decoder"]["layers"], params["streams"], []
    for p in range(3):
        own = dict(layers)
        if transform == "lora":
            for name, axis in (("query", "M"), ("value", "C")):
                down, up = added[f"{name}_down_PxLxMxR"][p], added[f"{name}_up_PxLxRx{axis}"][p]
                products = [down[index] @ up[index] for index in range(2)]
                own[f"{name}_LxMx{axis}"] = layers[f"{name}_LxMx{axis}"] + jnp.stack(products)
        else:
            for name in ("query_bias_LxM", "key_bias_LxC", "value_bias_LxC"):
                own[name] = layers[name] + added[name.replace("_Lx", "_PxLx")][p]
        streams.append(own)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *streams)


@pytest.mark.parametrize("model", [LORA, BIAS], ids=["lora", "bias"])
def test_streams_are_decoders_of_their_own(model):
    params = drawn(model)
    own = partial(own_layers, model.transform)
    layers_P = fast(own)(params)
    expected, of_layers, of_rest = run_one_by_one(layers_P, params | {"streams": mixer(params)})
    expected_gradient = fast(partial(pulled_back, own))(params, of_layers)
    unused = {name: 0.0 for name in params["streams"] if name not in of_rest["streams"]}
    of_rest = of_rest | {"streams": of_rest["streams"] | unused}
    logits, _, gradient = run(model, params)
    close(logits, expected)
    jax.tree.map(lambda got, a, b: close(got, a + b, 1e-4), gradient, expected_gradient, of_rest)


def mixer(params):
    """What is not of one stream alone: the same leaves for every transformation."""
    names = ("mixer_PxMxM", "mixer_bias_M", "head_MxP", "head_bias_P")
    return {name: params["streams"][name] for name in names}


def decoded(added):
    """Prefixes out of codes, slot by slot and layer by layer."""
    prefix = {}
    for name in ("key", "value"):
        kernel, bias = added[f"code_{name}_FxLxKxD"], added[f"code_{name}_bias_LxKxD"]

        def slot(code_E, kernel=kernel, bias=bias):
            hidden_F = jnp.tanh(code_E @ added["code_kernel_ExF"] + added["code_bias_F"])
            return jnp.stack([jnp.tensordot(hidden_F, kernel[:, i], 1) + bias[i] for i in (0, 1)])

        slots = [[slot(code_E) for code_E in of_stream] for of_stream in added["code_PxSxE"]]
        stacked_PxSxLxKxD = jnp.stack([jnp.stack(of_stream) for of_stream in slots])
        prefix[f"prefix_{name}_PxLxSxKxD"] = jnp.moveaxis(stacked_PxSxLxKxD, 1, 2)
    return prefix


def test_codes_are_the_prefixes_into_which_they_merge():
    params = drawn(CODE)
    merged = CODE.merged(params)
    assert jax.tree.structure(merged) == jax.tree.structure(drawn(PREFIX))
    prefix = fast(decoded)(params["streams"])
    jax.tree.map(close, {name: merged["streams"][name] for name in prefix}, prefix)
    expected, _, of_merged = run(PREFIX, merged)
    logits, _, gradient = run(CODE, params)
    close(logits, expected)
    slopes = {name: of_merged["streams"][name] for name in prefix}
    of_codes = fast(partial(pulled_back, decoded))(params["streams"], slopes)
    codes = [name for name in of_codes if name.startswith("code")]
    assert len(codes) == 7
    for name in codes:
        close(gradient["streams"][name], of_codes[name], 1e-4)


@pytest.mark.parametrize("model", [PREFIX, LORA, BIAS], ids=["prefix", "lora", "bias"])
def test_what_has_no_codes_is_merged_already(model):
    params = drawn(model)
    jax.tree.map(np.testing.assert_array_equal, model.merged(params), params)


@every
def test_the_order_of_the_streams_does_not_matter(model):
    params, order = drawn(model), np.array([2, 0, 1])
    added = params["streams"]
    moved = added | {name: leaf[order] for name, leaf in added.items() if "_Px" in name}
    moved["head_bias_P"] = added["head_bias_P"][order]
    moved["head_MxP"] = added["head_MxP"][:, order]
    logits, states, _ = run(model, params)
    same, permuted, _ = run(model, params | {"streams": moved})
    close(same, logits)
    close(permuted, states[order])
    assert np.abs(states[order] - states).max() > 0.01


@every
def test_no_token_reads_a_later_one(model):
    changed, at = ROWS_BxT.copy(), 9
    changed[:, at] = (changed[:, at] + 1) % 64
    params = drawn(model)
    moved = np.not_equal(run(model, params)[0], run(model, params, changed)[0])
    assert not np.any(moved[:, :at])
    assert np.all(np.any(moved[:, at:], axis=-1))


@every
def test_every_parameter_learns_within_two_steps(model):
    params = initial(model)
    moved = jax.tree.map(np.zeros_like, params)
    for _ in range(2):
        gradient = run(model, params)[2]
        params = jax.tree.map(lambda leaf, slope: leaf - 10 * slope, params, gradient)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(params))
        moved = jax.tree.map(lambda most, slope: np.maximum(most, abs(slope)), moved, gradient)
    for name, most in moved["streams"].items():
        of_streams = most.T if name == "head_MxP" else most if "_P" in name else most[None]
        assert np.all(of_streams.reshape(len(of_streams), -1).max(axis=1) > 1e-8), name


@pytest.mark.parametrize(("model", "apart"), [(LORA, False), (BIAS, True), (CODE, True)])
def test_only_lora_starts_as_the_decoder(model, apart):
    params = initial(model)
    assert (spread(model, params) > 1e-4) == apart


def test_lora_streams_part_though_they_start_the_same_and_weigh_the_same():
    params = initial(LORA)
    assert spread(LORA, params) < 1e-5
    assert spread(LORA, step(params)) > 1e-2
    twins = {
        name: np.broadcast_to(leaf[:1], leaf.shape) if "_down_" in name else leaf
        for name, leaf in params["streams"].items()
    }
    assert spread(LORA, step(params | {"streams": twins})) < 1e-5


def step(params):
    """Descends once from the loss of the plain mean of the streams."""
    gradient = run(LORA, params, smoothing=1.0)[2]
    return jax.tree.map(lambda leaf, slope: leaf - 10 * slope, params, gradient)


def spread(model, params):
    return float(np.max(np.ptp(run(model, params)[1], axis=0)))


def test_prefixes_from_codes_start_as_large_as_direct_ones():
    for prefix in transforms.prefixes(initial(CODE)["streams"]):
        assert np.std(prefix) == pytest.approx(0.02, rel=0.2)


@every
def test_tied_streams_hold_and_add_what_one_does(model):
    tied = dataclasses.replace(model, tied=True)
    lone = dataclasses.replace(model, count=1, lone_prefix=True)
    params, alone = (drawn(m) | {"streams": drawn(lone)["streams"]} for m in (tied, lone))
    of_transform = jax.eval_shape(tied.init_transform, jax.random.key(0))
    assert jax.tree.map(np.shape, of_transform) == jax.tree.map(np.shape, alone["streams"])

    def check(leaf, one):
        np.testing.assert_array_equal(leaf, np.broadcast_to(one, (3, *one.shape[1:])))

    jax.tree.map(check, tied.additions(params), lone.additions(alone))


def test_activations_take_memory_by_the_stream_and_recomputing_saves_it(as_on_an_accelerator):
    one, four = (bytes_of_gradient(count, rematerialized=False) for count in (1, 4))
    assert four == pytest.approx(4 * one, rel=0.1)
    assert bytes_of_gradient(4, rematerialized=True) < four / 2


def bytes_of_gradient(count, rematerialized):
    """What a gradient needs beside parameters, tokens and the result."""
    decoder = dataclasses.replace(DECODER, layers=4, scanned=True, rematerialized=rematerialized)
    changes = {"count": count, "lone_prefix": True, "aggregation": "mean"}
    model = dataclasses.replace(PREFIX, decoder=decoder, **changes)

    def loss(params, rows_BxT):
        return cross_entropy(model.apply(params, rows_BxT[:, :-1]), rows_BxT)

    params = jax.eval_shape(model.init, jax.random.key(0))
    rows_BxT = jax.ShapeDtypeStruct((8, 65), np.int32)
    memory = fast(jax.grad(loss)).lower(params, rows_BxT).compile().memory_analysis()
    assert memory is not None
    return memory.temp_size_in_bytes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transform": "adapter"}, "none of"),
        ({"transform": "lora", "rank": 0}, "rank must be at least 1"),
        ({"code": -1}, "code must be at least 0"),
        ({"code": 8, "code_hidden": 0}, "code_hidden must be at least 1"),
    ],
)
def test_transformations_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PREFIX, **wrong)
