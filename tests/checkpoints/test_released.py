"""Released models: their logits are those of NumPy, and they come back tensor for tensor."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import released_models as reference
from released_models import GPT_NEOX, OLMO2, QWEN2, SEQUENTIAL, UNTIED, parscale

from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError, released
from jaxlab.checkpoints.released import writing
from jaxlab.checkpoints.released.gpt_neox import _share
from jaxlab.checkpoints.released.layout import ReleasedConfig
from jaxlab.models import decoding

TOKENS_T = np.array([3, 19, 0, 7, 7, 12], np.int32)
MODELS = {  # every kind with one, two and eight streams
    "qwen2": QWEN2,
    "qwen2_2": parscale(UNTIED, 2),
    "qwen2_8": parscale(QWEN2, 8),
    "gpt_neox": GPT_NEOX,
    "gpt_neox_2": parscale(SEQUENTIAL, 2),
    "gpt_neox_8": parscale(GPT_NEOX, 8),
    "olmo2": OLMO2,
    "olmo2_2": parscale(OLMO2, 2),
    "olmo2_8": parscale(OLMO2, 8),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of each model, one of them in three shards."""
    parent = tmp_path_factory.mktemp("released")
    return {
        name: reference.write(
            parent / name, config, reference.drawn(config), 3 if name == "qwen2_2" else 1
        )
        for name, config in MODELS.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_numpy_in_prefill_and_decoding(name, folders, monkeypatch):
    if (
        "_" in name.removeprefix("gpt_") and name != "qwen2_2"
    ):  # streams in one batch compile faster
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    expected_TxV = reference.logits(MODELS[name], reference.drawn(MODELS[name]), TOKENS_T)
    model = released.open_model(folders[name])

    @jax.jit
    def run(params, tokens_BxT):
        at_once_BxTxV = model.streams.apply(params, tokens_BxT, model.smoothing)
        logits, cache = [], decoding.empty_cache(model.streams, params, jnp.zeros(1, int), 6)
        for part_BxT in jnp.split(tokens_BxT, (5,), axis=1):  # a prompt, and a token after it
            of_next_BxV, cache = decoding.extend(
                model.streams, params, cache, part_BxT, model.smoothing
            )
            logits.append(of_next_BxV[0])
        return at_once_BxTxV[0], jnp.stack(logits)

    at_once_TxV, decoded_TxV = run(model.params(), TOKENS_T[None])
    np.testing.assert_allclose(at_once_TxV, expected_TxV, atol=1e-5)
    np.testing.assert_allclose(decoded_TxV, expected_TxV[4:], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_round_trip_is_equal_tensor_for_tensor(name, folders, tmp_path):
    model = released.open_model(folders[name])
    config = released.describe(model.streams, model.smoothing, model.config)
    released.write_model(model.streams, model.params(), config, tmp_path / "back")
    assert json.loads((tmp_path / "back" / "config.json").read_text()) == MODELS[name]
    assert_same_tensors(folders[name], tmp_path / "back")


def assert_same_tensors(before, after):
    before, after = (
        {name: tensor.read() for name, tensor in checkpoints.open(folder).tensors.items()}
        for folder in (before, after)
    )
    assert before.keys() == after.keys()
    for name, values in before.items():
        assert values.dtype == after[name].dtype
        assert values.tobytes() == after[name].tobytes()


def test_large_models_are_written_in_shards(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SHARD_BYTES", 2000)
    model = released.open_model(folders["olmo2_2"])
    (tmp_path / ".back.tmp").mkdir()  # what an export that was killed left behind
    released.write_model(model.streams, model.params(), model.config, tmp_path / "back")
    shards = sorted(path.name for path in (tmp_path / "back").glob("model-*.safetensors"))
    assert shards[0] == f"model-00001-of-{len(shards):05d}.safetensors"
    assert len(shards) > 2
    assert_same_tensors(folders["olmo2_2"], tmp_path / "back")


def test_a_decoder_of_the_lab_can_be_written_as_a_released_one(folders):
    for name in ("qwen2", "gpt_neox", "olmo2"):
        model = released.open_model(folders[name])
        config = released.describe(model.streams, 0.0)
        described = model.family.decoder(ReleasedConfig(config))
        assert described == model.family.decoder(model.config)
    odd = dataclasses.replace(
        model.streams, decoder=dataclasses.replace(model.streams.decoder, mlp="gelu")
    )
    with pytest.raises(CheckpointError, match="no released layout"):
        released.describe(odd, 0.0)
    several = dataclasses.replace(model.streams, count=2, tied=True)
    with pytest.raises(CheckpointError, match="a prefix of its own for each"):
        released.describe(several, 0.1)


def changed(folder, tmp_path, config=None, tensors=None, without=()):
    """A copy of a model with other keys and tensors."""
    own = json.loads((folder / "config.json").read_text()) | (config or {})
    arrays = {n: t.read() for n, t in checkpoints.open(folder).tensors.items()} | (tensors or {})
    kept = {name: values for name, values in arrays.items() if name not in without}
    new = {key: value for key, value in own.items() if key not in without}
    return reference.write(tmp_path / "changed", new, kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"without": ("model.norm.weight",)},
            "lacks 1 tensors.*model.norm.weight: it needs config",
        ),
        ({"tensors": {"model.norm.weight": np.ones(3, np.float32)}}, r"\(3,\), and \(12,\)"),
        ({"tensors": {"model.extra": np.ones(3, np.float32)}}, "no place here: model.extra"),
        ({"without": ("hidden_size",)}, "config.json has no 'hidden_size'"),
        ({"config": {"hidden_size": 11}}, r"and \(20, 11\) by its config"),
        ({"config": {"model_type": "llama"}}, "'llama': only qwen2, .* can be read"),
        ({"config": {"hidden_act": "relu"}}, "hidden_act = 'relu': only 'silu'"),
        ({"config": {"rope_theta": 0.5}}, "it must be an integer"),
        ({"config": {"num_attention_heads": 3}}, "multiple of kv_heads"),
        ({"config": {"parscale_n": 2}}, "lacks 8 tensors.*prefix_k.* and others"),
    ],
)
def test_what_is_not_whole_or_not_known_is_one_clear_error(change, message, folders, tmp_path):
    config = {"parscale_attn_smooth": 0.1} | change.pop("config", {})
    folder = changed(folders["qwen2"], tmp_path, config, **change)
    with pytest.raises(CheckpointError, match=message):
        released.open_model(folder).params()


HOSTILE = (0, -1, 2.5, float("inf"), float("nan"), 10**400, None, "x", [], {"a": 1}, True)


def test_a_config_with_any_other_value_opens_or_is_one_clear_error(folders, tmp_path):
    for name in ("qwen2", "gpt_neox"):
        config = json.loads((folders[name] / "config.json").read_text())
        config |= {"parscale_n": 2, "parscale_attn_smooth": 0.1, "rope_parameters": {}}
        for key in config:
            for value in HOSTILE:
                (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
                try:
                    decoder = released.open_model(tmp_path).streams.decoder
                except CheckpointError:
                    continue
                assert min(decoder.layers, decoder.heads, decoder.rope_base) > 0


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_attention_heads": 0}, "num_attention_heads = 0: it must be a whole number"),
        ({"rope_theta": float("inf")}, "rope_theta = inf: it must be a finite number"),
        ({"num_hidden_layers": 2.0}, r"num_hidden_layers = 2\.0: it must be a whole number"),
        ({"rope_parameters": "x"}, "rope_parameters = 'x': not a table"),
        ({"parscale_n": 2, "parscale_attn_smooth": None}, "attn_smooth = None: it must be a fin"),
    ],
)
def test_a_value_of_a_wrong_type_is_named(config, message, folders, tmp_path):
    own = json.loads((folders["qwen2"] / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(own | config))
    with pytest.raises(CheckpointError, match=message):
        released.open_model(tmp_path)


def test_missing_files_are_named(folders, tmp_path):
    with pytest.raises(CheckpointError, match=r"no folder .*needs config\.json, model\.safeten"):
        released.open_model(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"lacks config\.json"):
        released.open_model(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(QWEN2))
    with pytest.raises(CheckpointError, match=r"lacks model\.safetensors"):
        released.open_model(tmp_path).params()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        released.open_model(tmp_path)


def test_tables_of_older_files_are_left_out(folders, tmp_path):
    layer = "gpt_neox.layers.0.attention."
    tables = {
        f"{layer}bias": np.ones((1, 1, 4, 4), bool),
        f"{layer}rotary_emb.inv_freq": np.ones(1),
    }
    folder = changed(folders["gpt_neox"], tmp_path, tensors=tables)
    assert released.open_model(folder).params().keys() == {"decoder"}


def test_a_read_out_beside_tied_embeddings_is_theirs_or_refused(tmp_path):
    tensors = reference.drawn(QWEN2)
    embedding_VxM = tensors["model.embed_tokens.weight"]
    copied = reference.write(tmp_path / "a", QWEN2, tensors | {"lm_head.weight": embedding_VxM})
    released.open_model(copied).params()
    own = reference.write(tmp_path / "b", QWEN2, tensors | {"lm_head.weight": embedding_VxM + 1})
    with pytest.raises(CheckpointError, match=r"lm_head\.weight"):
        released.open_model(own).params()


@pytest.mark.parametrize("features", [8, 44, 80])
def test_the_share_of_turned_features_comes_back(features):
    for rotary in range(2, features, 2):
        share = _share(rotary, features)
        assert int(features * share) == rotary
        assert share == pytest.approx(rotary / features)
