"""GPT-NeoX (arXiv 2204.06745) and Pythia (arXiv 2304.01373)."""

from __future__ import annotations

import math
from typing import Any

from jaxlab.checkpoints.released.layout import (
    TRANSPOSED,
    Entry,
    Family,
    ReleasedConfig,
    outside,
    simple,
)
from jaxlab.checkpoints.tensors import CheckpointError
from jaxlab.models.decoder import Decoder

ATTENTION = "gpt_neox.layers.{}.attention."


def read(config: ReleasedConfig) -> dict[str, Any]:
    """Returns the keys of the decoder."""
    config.require(hidden_act="gelu", rope_scaling=None, attention_bias=True)
    heads, width = config.count("num_attention_heads"), config.count("hidden_size")
    newer = config.rope.get("partial_rotary_factor") is not None
    rotated = config.rope.number("partial_rotary_factor") if newer else config.number("rotary_pct")
    features = width // heads
    rotary = int(features * rotated)
    if not 0 < rotary <= features:
        raise CheckpointError(
            f"config.json turns {rotary} of {features} features of a head by RoPE"
        )
    parallel = config.flag("use_parallel_residual", True)
    return {
        "vocabulary": config.count("vocab_size"),
        "width": width,
        "layers": config.count("num_hidden_layers"),
        "heads": heads,
        "kv_heads": heads,
        "hidden": config.count("intermediate_size"),
        "rope_base": config.rope_base("rotary_emb_base"),
        "rotary": rotary if rotary < features else 0,
        "epsilon": config.number("layer_norm_eps"),
        "tied": config.flag("tie_word_embeddings", False),
        "norm": "layer",
        "residual": "parallel" if parallel else "sequential",
        "biases": "all",
        "mlp": "gelu",
    }


def write(decoder: Decoder) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return {
        "model_type": "gpt_neox",
        "architectures": ["GPTNeoXForCausalLM"],
        "vocab_size": decoder.vocabulary,
        "hidden_size": decoder.width,
        "num_hidden_layers": decoder.layers,
        "num_attention_heads": decoder.heads,
        "intermediate_size": decoder.hidden,
        "hidden_act": "gelu",
        "rotary_emb_base": decoder.rope_base,
        "rotary_pct": _share(decoder.rotary or decoder.features, decoder.features),
        "layer_norm_eps": decoder.epsilon,
        "use_parallel_residual": decoder.residual == "parallel",
        "attention_bias": True,
        "tie_word_embeddings": decoder.tied,
    }


def _share(rotary: int, features: int) -> float:
    """Returns the share that makes so many features when its product is rounded down."""
    share = rotary / features
    return share if int(features * share) == rotary else math.nextafter(share, 1.0)


def entries(decoder: Decoder) -> list[Entry]:
    """Returns where each leaf lies: one matrix has the query, key and value of head after head."""
    names = {
        "output_LxMxM": "attention.dense",
        "up_LxMxF": "mlp.dense_h_to_4h",
        "down_LxFxM": "mlp.dense_4h_to_h",
    }
    biases = {
        "attention_norm_bias_LxM": "input_layernorm",
        "mlp_norm_bias_LxM": "post_attention_layernorm",
        "output_bias_LxM": "attention.dense",
        "up_bias_LxF": "mlp.dense_h_to_4h",
        "down_bias_LxM": "mlp.dense_4h_to_h",
    }
    norms = {
        "attention_norm_LxM": "input_layernorm",
        "mlp_norm_LxM": "post_attention_layernorm",
    }
    sizes = {"c": 3, "h": decoder.heads}
    fused = [
        Entry(
            tuple(f"decoder/layers/{leaf}" for leaf in leaves),
            f"{ATTENTION}query_key_value.{kind}",
            pattern,
            sizes,
        )
        for kind, pattern, leaves in (
            (
                "weight",
                "c l m (h d) -> l (h c d) m",
                ("query_LxMxM", "key_LxMxC", "value_LxMxC"),
            ),
            (
                "bias",
                "c l (h d) -> l (h c d)",
                ("query_bias_LxM", "key_bias_LxC", "value_bias_LxC"),
            ),
        )
    ]
    return [
        *outside(decoder, "gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"),
        *fused,
        *simple(names, "gpt_neox.layers.{}.{}.weight", TRANSPOSED),
        *simple(norms, "gpt_neox.layers.{}.{}.weight"),
        *simple(biases, "gpt_neox.layers.{}.{}.bias"),
    ]


FAMILY = Family(("gpt_neox",), read, write, entries, "gpt_neox.", ATTENTION)
