"""Qwen2 and Qwen2.5 (arXiv 2407.10671), and ParScale on top of them (arXiv 2505.10475)."""

from __future__ import annotations

from typing import Any

from jaxlab.checkpoints.released.layout import (
    TRANSPOSED,
    Entry,
    Family,
    ReleasedConfig,
    outside,
    simple,
)
from jaxlab.models.decoder import Decoder

ATTENTION = "model.layers.{}.self_attn."


def read(config: ReleasedConfig) -> dict[str, Any]:
    """Returns the keys of the decoder."""
    config.require(hidden_act="silu", rope_scaling=None, use_sliding_window=False)
    heads = config.count("num_attention_heads")
    return {
        "vocabulary": config.count("vocab_size"),
        "width": config.count("hidden_size"),
        "layers": config.count("num_hidden_layers"),
        "heads": heads,
        "kv_heads": config.count("num_key_value_heads", heads),
        "head_dim": config.count("head_dim") if config.get("head_dim") else 0,
        "hidden": config.count("intermediate_size"),
        "rope_base": config.rope_base("rope_theta"),
        "epsilon": config.number("rms_norm_eps"),
        "tied": config.flag("tie_word_embeddings", False),
    }


def write(decoder: Decoder) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return {
        "model_type": "qwen2",
        "architectures": ["Qwen2ForCausalLM"],
        "vocab_size": decoder.vocabulary,
        "hidden_size": decoder.width,
        "num_hidden_layers": decoder.layers,
        "num_attention_heads": decoder.heads,
        "num_key_value_heads": decoder.kv_heads,
        **({"head_dim": decoder.head_dim} if decoder.head_dim else {}),
        "intermediate_size": decoder.hidden,
        "hidden_act": "silu",
        "rope_theta": decoder.rope_base,
        "rms_norm_eps": decoder.epsilon,
        "tie_word_embeddings": decoder.tied,
    }


def entries(decoder: Decoder) -> list[Entry]:
    """Returns where each leaf lies."""
    layer = "model.layers.{}.{}.weight"
    matrices = {
        "query_LxMxM": "self_attn.q_proj",
        "key_LxMxC": "self_attn.k_proj",
        "value_LxMxC": "self_attn.v_proj",
        "output_LxMxM": "self_attn.o_proj",
        "gate_LxMxF": "mlp.gate_proj",
        "up_LxMxF": "mlp.up_proj",
        "down_LxFxM": "mlp.down_proj",
    }
    norms = {
        "attention_norm_LxM": "input_layernorm",
        "mlp_norm_LxM": "post_attention_layernorm",
    }
    biases = {
        "query_bias_LxM": "self_attn.q_proj",
        "key_bias_LxC": "self_attn.k_proj",
        "value_bias_LxC": "self_attn.v_proj",
    }
    return [
        *outside(decoder, "model.embed_tokens", "model.norm", "lm_head"),
        *simple(matrices, layer, TRANSPOSED),
        *simple(norms, layer),
        *simple(biases, "model.layers.{}.{}.bias"),
    ]


FAMILY = Family(("qwen2", "qwen2_parscale"), read, write, entries, "model.", ATTENTION)
