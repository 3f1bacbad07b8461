"""OLMo-2 (arXiv 2501.00656): norms after attention and MLP, and of all queries and keys."""

from __future__ import annotations

from typing import Any

from jaxlab.checkpoints.released import qwen2
from jaxlab.checkpoints.released.layout import Entry, Family, ReleasedConfig, simple
from jaxlab.models.decoder import Decoder


def read(config: ReleasedConfig) -> dict[str, Any]:
    """Returns the keys of the decoder."""
    config.require(attention_bias=False, clip_qkv=None)
    return qwen2.read(config) | {"biases": "none", "residual": "post_norm", "qk_norm": True}


def write(decoder: Decoder) -> dict[str, Any]:
    """Returns the keys of config.json."""
    own = {"model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"], "attention_bias": False}
    return qwen2.write(decoder) | own


def entries(decoder: Decoder) -> list[Entry]:
    """Returns where each leaf lies: matrices as in Qwen2."""
    norms = {
        "query_norm_LxM": "self_attn.q_norm",
        "key_norm_LxC": "self_attn.k_norm",
        "attention_norm_LxM": "post_attention_layernorm",
        "mlp_norm_LxM": "post_feedforward_layernorm",
    }
    shared = [
        entry
        for entry in qwen2.entries(decoder)
        if "layernorm" not in entry.name and not entry.name.endswith("bias")
    ]
    return [*shared, *simple(norms, "model.layers.{}.{}.weight")]


FAMILY = Family(("olmo2",), read, write, entries, "model.", qwen2.ATTENTION)
