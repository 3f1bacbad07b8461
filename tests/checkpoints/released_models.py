"""Small random checkpoints in the released layouts, and their forward pass in NumPy.

Written from the papers, the tensors of the released files and nothing of the lab: arrays are used
as they lie in the file, token by token and head by head, in double precision.
"""

import json
from math import erf

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

WIDTH, LAYERS, HEADS, KV_HEADS, HIDDEN, SLOTS = 12, 2, 4, 2, 16, 3
QWEN2 = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "vocab_size": 20,
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "head_dim": 8,  # not width / heads, which is odd
    "intermediate_size": HIDDEN,
    "hidden_act": "silu",
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "max_position_embeddings": 2048,
}
UNTIED = QWEN2 | {"tie_word_embeddings": False, "torch_dtype": "bfloat16", "rms_norm_eps": 1e-5}
OLMO2 = QWEN2 | {
    "model_type": "olmo2",
    "architectures": ["Olmo2ForCausalLM"],
    "attention_bias": False,
    "rope_theta": 500000,
    "tie_word_embeddings": False,
}
GPT_NEOX = {
    "model_type": "gpt_neox",
    "architectures": ["GPTNeoXForCausalLM"],
    "vocab_size": 20,
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": HIDDEN,
    "hidden_act": "gelu",
    "rotary_pct": 0.25,
    "rotary_emb_base": 10000,
    "layer_norm_eps": 1e-5,
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}
SEQUENTIAL = GPT_NEOX | {"use_parallel_residual": False}


def parscale(config, count):
    """The config of P streams around a decoder; of Qwen2 as it is released."""
    own = {"parscale_n": count, "parscale_n_tokens": SLOTS, "parscale_attn_smooth": 0.1}
    if config["model_type"] == "qwen2":
        own |= {"model_type": "qwen2_parscale", "architectures": ["Qwen2ParScaleForCausalLM"]}
    return config | own if count > 1 else config


def drawn(config):
    """Random tensors by their released names, all of which matter."""
    rng = np.random.default_rng(0)
    dtype = {"bfloat16": ml_dtypes.bfloat16}.get(config["torch_dtype"], config["torch_dtype"])

    def draw(name, shape):
        about = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        return (about + 0.3 * rng.normal(size=shape)).astype(dtype)

    return {name: draw(name, shape) for name, shape in shapes(config).items()}


def shapes(config):
    neox = config["model_type"] == "gpt_neox"
    return (shapes_neox if neox else shapes_qwen2)(config) | shapes_streams(config)


def shapes_streams(config):
    count, width = config.get("parscale_n", 1), config["hidden_size"]
    if count == 1:
        return {}
    neox = config["model_type"] == "gpt_neox"
    base, attention = ("gpt_neox", "attention") if neox else ("model", "self_attn")
    heads = config.get("num_key_value_heads", HEADS)
    found = {
        f"{base}.layers.{layer}.{attention}.prefix_{kind}": (count, heads, SLOTS, 8)
        for layer in range(LAYERS)
        for kind in "kv"
    }
    mixer = {"0.weight": (width, count * width), "0.bias": (width,)}
    mixer |= {"2.weight": (count, width), "2.bias": (count,)}
    return found | {f"{base}.aggregate_layer.{name}": shape for name, shape in mixer.items()}


def shapes_qwen2(config):
    olmo2 = config["model_type"] == "olmo2"
    queries, keys = HEADS * config["head_dim"], KV_HEADS * config["head_dim"]
    found = {
        "model.embed_tokens.weight": (config["vocab_size"], WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (config["vocab_size"], WIDTH)
    names = (
        ("post_attention_layernorm", "post_feedforward_layernorm")
        if olmo2
        else ("input_layernorm", "post_attention_layernorm")
    )
    for number in range(LAYERS):
        layer = f"model.layers.{number}."
        found |= {f"{layer}{name}.weight": (WIDTH,) for name in names}
        for name, size in (("q", queries), ("k", keys), ("v", keys)):
            found[f"{layer}self_attn.{name}_proj.weight"] = (size, WIDTH)
            if not olmo2:
                found[f"{layer}self_attn.{name}_proj.bias"] = (size,)
            elif name != "v":
                found[f"{layer}self_attn.{name}_norm.weight"] = (size,)
        found[f"{layer}self_attn.o_proj.weight"] = (WIDTH, queries)
        found[f"{layer}mlp.gate_proj.weight"] = (HIDDEN, WIDTH)
        found[f"{layer}mlp.up_proj.weight"] = (HIDDEN, WIDTH)
        found[f"{layer}mlp.down_proj.weight"] = (WIDTH, HIDDEN)
    return found


def shapes_neox(config):
    width = config["hidden_size"]
    found = dict.fromkeys(
        ("gpt_neox.embed_in.weight", "embed_out.weight"), (config["vocab_size"], width)
    )
    of_layer = {"attention.query_key_value": (3 * width, width), "attention.dense": (width, width)}
    of_layer |= {"mlp.dense_h_to_4h": (HIDDEN, width), "mlp.dense_4h_to_h": (width, HIDDEN)}
    of_layer |= dict.fromkeys(("input_layernorm", "post_attention_layernorm"), (width,))
    modules = {
        f"gpt_neox.layers.{number}.{name}": shape
        for number in range(LAYERS)
        for name, shape in of_layer.items()
    } | {"gpt_neox.final_layer_norm": (width,)}
    for name, shape in modules.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found


def write(folder, config, tensors, shards=1):
    """Writes a released folder: one file, or shards and their index."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    weight_map = {}
    for number in range(shards):
        file = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        own = {name: tensors[name] for name in list(tensors)[number::shards]}
        save_file(own, folder / file)
        weight_map |= dict.fromkeys(own, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def logits(config, tensors, tokens_T):
    """The logits_TxV of the token that follows each."""
    wide = {name: values.astype(np.float64) for name, values in tensors.items()}
    neox = config["model_type"] == "gpt_neox"
    run, base = (states_neox, "gpt_neox") if neox else (states_qwen2, "model")
    count = config.get("parscale_n", 1)
    states_PxTxM = np.stack([run(config, wide, tokens_T, stream) for stream in range(count)])
    readout = "embed_out" if neox else "lm_head"
    if config["tie_word_embeddings"]:
        readout = "model.embed_tokens"
    return mixed(config, wide, base, states_PxTxM) @ wide[f"{readout}.weight"].T


def mixed(config, tensors, base, states_PxTxM):
    """The weighted sum of the streams; the MLP reads (hidden, stream), the stream fastest."""
    if len(states_PxTxM) == 1:
        return states_PxTxM[0]
    mlp = {
        name: tensors[f"{base}.aggregate_layer.{name}"]
        for name in ("0.weight", "0.bias", "2.weight", "2.bias")
    }
    eps, count = config["parscale_attn_smooth"], len(states_PxTxM)
    rows = []
    for states_PxM in np.moveaxis(states_PxTxM, 1, 0):
        flat = np.array(
            [states_PxM[p, m] for m in range(states_PxM.shape[1]) for p in range(count)]
        )
        scores = mlp["2.weight"] @ silu(mlp["0.weight"] @ flat + mlp["0.bias"]) + mlp["2.bias"]
        weights = (1 - eps) * softmax(scores) + eps / count
        rows.append(weights @ states_PxM)
    return np.array(rows)


def states_qwen2(config, tensors, tokens_T, stream):
    olmo2, eps = config["model_type"] == "olmo2", config["rms_norm_eps"]
    x = tensors["model.embed_tokens.weight"][tokens_T]
    for number in range(LAYERS):
        w = below(tensors, f"model.layers.{number}.")

        def norm(name, y, w=w):
            return rms(y, eps) * w[f"{name}.weight"]

        y = x if olmo2 else norm("input_layernorm", x)
        q, k, v = (y @ w[f"self_attn.{name}_proj.weight"].T for name in "qkv")
        if olmo2:
            q, k = norm("self_attn.q_norm", q), norm("self_attn.k_norm", k)
        else:
            q, k, v = (
                z + w[f"self_attn.{n}_proj.bias"] for z, n in zip((q, k, v), "qkv", strict=True)
            )
        heads = [z.reshape(len(x), -1, config["head_dim"]) for z in (q, k, v)]
        prefix = [w[f"self_attn.prefix_{n}"][stream] for n in "kv" if "self_attn.prefix_k" in w]
        a = attention(*heads, prefix, config["rope_theta"], config["head_dim"])
        a = a @ w["self_attn.o_proj.weight"].T
        x = x + (norm("post_attention_layernorm", a) if olmo2 else a)
        y = x if olmo2 else norm("post_attention_layernorm", x)
        gated = silu(y @ w["mlp.gate_proj.weight"].T) * (y @ w["mlp.up_proj.weight"].T)
        f = gated @ w["mlp.down_proj.weight"].T
        x = x + (norm("post_feedforward_layernorm", f) if olmo2 else f)
    return rms(x, eps) * tensors["model.norm.weight"]


def states_neox(config, tensors, tokens_T, stream):
    def norm(w, name, y):
        centered = y - y.mean(axis=-1, keepdims=True)
        unit = rms(centered, config["layer_norm_eps"])
        return unit * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(w, name, y):
        return y @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = tensors["gpt_neox.embed_in.weight"][tokens_T]
    for number in range(LAYERS):
        w = below(tensors, f"gpt_neox.layers.{number}.")
        # Head after head: its query, its key, its value.
        fused = linear(w, "attention.query_key_value", norm(w, "input_layernorm", x))
        heads = np.split(fused.reshape(len(x), HEADS, 3 * 8), 3, axis=-1)
        prefix = [w[f"attention.prefix_{n}"][stream] for n in "kv" if "attention.prefix_k" in w]
        a = attention(*heads, prefix, config["rotary_emb_base"], int(8 * config["rotary_pct"]))
        a = linear(w, "attention.dense", a)
        read = x if config["use_parallel_residual"] else x + a
        h = linear(w, "mlp.dense_h_to_4h", norm(w, "post_attention_layernorm", read))
        gelu = h * (1 + np.vectorize(erf)(h / 2**0.5)) / 2
        x = x + a + linear(w, "mlp.dense_4h_to_h", gelu)
    return norm(tensors, "gpt_neox.final_layer_norm", x)


def attention(query_TxHxD, key_TxKxD, value_TxKxD, prefix, base, rotated):
    """Causal attention behind a prefix (keys_KxSxD, values_KxSxD) that is not rotated."""
    length, heads, features = query_TxHxD.shape
    group = heads // key_TxKxD.shape[1]
    out = np.zeros((length, heads, features))
    for head in range(heads):
        shared = head // group
        for t in range(length):
            keys = [turned(key_TxKxD[s, shared], s, base, rotated) for s in range(t + 1)]
            values = list(value_TxKxD[: t + 1, shared])
            if prefix:
                keys, values = [*prefix[0][shared], *keys], [*prefix[1][shared], *values]
            query = turned(query_TxHxD[t, head], t, base, rotated)
            out[t, head] = softmax(np.array(keys) @ query / features**0.5) @ np.array(values)
    return out.reshape(length, -1)


def turned(x_D, position, base, rotated):
    """RoPE of the first features as complex numbers: e and e + half are one."""
    half = rotated // 2
    angle = position * base ** (-np.arange(half) / half)
    z = (x_D[:half] + 1j * x_D[half:rotated]) * np.exp(1j * angle)
    return np.concatenate((z.real, z.imag, x_D[rotated:]))


def rms(x, eps):
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps)


def silu(x):
    return x / (1 + np.exp(-x))


def softmax(x):
    shares = np.exp(x - x.max())
    return shares / shares.sum()


def below(tensors, base):
    return {name.removeprefix(base): x for name, x in tensors.items() if name.startswith(base)}
