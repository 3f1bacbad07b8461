"""What the tasks of this experiment share: the decoder with its streams, and where they start."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxlab import config as configs
from jaxlab.config import Config, check, one_of
from jaxlab.experiment import Params, Values, random_key
from jaxlab.models.attention import IMPLEMENTATIONS, check_fused
from jaxlab.models.decoder import Decoder
from jaxlab.models.streams import AGGREGATIONS, Streams, count_parameters
from jaxlab.models.transforms import TRANSFORMS
from jaxlab.training import warm_start


def base() -> Config:
    """Returns the base of the configs of this experiment; a task adds `task`."""
    config = configs.base()
    config.experiment = "parscale"
    config.model = ConfigDict(
        {
            "width": 64,
            "layers": 2,
            "heads": 4,
            "kv_heads": 2,
            "hidden": 192,  # units of the SwiGLU
            "rope_base": 10_000,
            "head_dim": 0,  # features of a head; 0: width / heads
            "rotary": 0,  # of them, those that RoPE rotates; 0: all
            "norm": "rms",  # layer
            "epsilon": "1e-06",  # of the norms; text, since it shapes the program
            "residual": "sequential",  # parallel, post_norm: see Decoder
            "qk_norm": False,
            "biases": "qkv",  # all, none
            "mlp": "swiglu",  # gelu
            "tied": True,  # logits by the embedding
            "deviation": 0.02,  # of the initial matrices and prefixes; as published
            "attention": "blocks",  # the fastest on a CPU; "xla"; "cudnn", see check_fused
            "scanned": False,  # True compiles faster, which pays for many layers
            "rematerialized": False,  # True saves memory for a third more computation
        }
    )
    config.streams = ConfigDict(
        {
            "count": 1,  # P
            "transform": "prefix",  # what makes streams differ: lora, bias
            "prefix": 48,  # its length: positions of each layer and stream
            "code": 0,  # numbers per position that an MLP maps to it; 0: they are parameters
            "code_hidden": 512,  # units between the two
            "rank": 4,  # of lora
            "tied": False,  # the identical-streams control: all share one transformation
            "lone": False,  # the single-stream prefix control: one stream, with a prefix
            "aggregation": "learned",  # static, mean
            "smoothing": 0.1,  # ε of w ← (1 - ε) w + ε/P
        }
    )
    config.start = ConfigDict(
        {
            "study": "",  # a folder of finished runs whose decoders, seed by seed, are the start
            "model": "",  # or the folder of a released model, the start of every seed
            "streams": False,  # whether the streams start from there too, or are drawn
            "frozen": False,  # whether they stay as they are: only the streams learn
        }
    )
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 3e-3
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 0.1
    config.optimizer.clip_norm = 1.0
    config.schedule.name = "cosine"
    config.schedule.warmup = 0.05
    return config


def validate(config: Config) -> None:
    """Checks decoder, streams and start; raises ConfigError."""
    one_of(config, "model.attention", IMPLEMENTATIONS)
    one_of(config, "streams.aggregation", AGGREGATIONS)
    one_of(config, "streams.transform", TRANSFORMS)
    deviation, smoothing = config.model.deviation, config.streams.smoothing
    check(deviation > 0, f"model.deviation is {deviation}: it must be above 0")
    check(0 <= smoothing <= 1, f"streams.smoothing is {smoothing}: it must lie in [0, 1]")
    try:
        whole = streams(config)
        if config.model.attention == "cudnn":
            packed = config.task.get("packed", False)
            check_fused(whole.decoder.features, whole.decoder.dtype, packed)
    except ValueError as error:
        raise configs.ConfigError(f"model or streams: {error}") from error
    if config.start.study:
        warm_start.check_seed(config.start.study, config.seed)
    if config.start.model:
        check(not config.start.study, "start.study and start.model are set: choose one of them")
        warm_start.check_model(config.start.model, whole, config.start.streams)
    check(
        not config.start.streams or bool(config.start.model),
        "start.streams takes the streams of a released model: set start.model",
    )
    started = bool(config.start.study or config.start.model)
    check(
        not config.start.frozen or (started and not whole.plain),
        "start.frozen leaves only the streams to learn: set start.study or start.model to what was "
        "trained before, and streams.count above 1 or streams.lone",
    )


def unused_keys(config: Config) -> set[str]:
    """Returns the keys of the streams that a model does not use."""
    own, plain = config.streams, streams(config).plain
    prefixed, several = not plain and own.transform == "prefix", own.count > 1
    read = {
        "transform": not plain,
        "prefix": prefixed,
        "code": prefixed,
        "code_hidden": prefixed and own.code > 0,
        "rank": not plain and own.transform == "lora",
        "tied": several,
        "lone": not several,
        "aggregation": several,
        "smoothing": several and own.aggregation != "mean",
    }
    return {f"streams.{key}" for key in read if not read[key]}


def streams(config: Config) -> Streams:
    """Returns the model of a config, static or complete."""
    model, own = config.model.to_dict(), config.streams
    model.pop("deviation", None)  # traced, so a static config lacks it
    if "epsilon" in model:  # older runs have none
        model["epsilon"] = float(model["epsilon"])
    return Streams(
        decoder=Decoder(
            vocabulary=config.task.vocabulary, dtype=config.train.compute_dtype, **model
        ),
        count=own.count,
        transform=own.transform,
        prefix=own.prefix,
        code=own.code,
        code_hidden=own.code_hidden,
        rank=own.rank,
        tied=own.tied,
        lone_prefix=own.lone,
        aggregation=own.aggregation,
    )


def initializer(config: Config, whole: Streams):
    """Returns `init(key, values) -> params`: fresh, or with the decoder that `start.study` names.

    A static config has no seed, so the decoders of all seeds are constants of the program that
    draws the start; no other program holds them.
    """
    if config.start.model:  # `start` takes the place of this decoder, so it is not drawn
        shapes = jax.eval_shape(whole.decoder.init, random_key(0))
        zeros = functools.partial(jax.tree.map, lambda leaf: jnp.zeros(leaf.shape), shapes)
        return lambda key, values: whole.init(key, values["model.deviation"]) | {"decoder": zeros()}
    if not config.start.study:
        return lambda key, values: whole.init(key, values["model.deviation"])
    seeds_S, decoders_S = warm_start.load(config.start.study, "decoder")
    expected = jax.eval_shape(whole.decoder.init, random_key(0))
    warm_start.check_shapes(config.start.study, decoders_S, expected)

    def init(key: jax.Array, values: Values) -> Params:
        number = jnp.argmax(seeds_S == values["seed"])
        decoder = jax.tree.map(lambda leaf_S: jnp.asarray(leaf_S)[number], decoders_S)
        return whole.init(key, values["model.deviation"]) | {"decoder": decoder}

    return init


def start(config: Config) -> Params:
    """Returns the parts of the parameters that are those of a released model."""
    if not config.start.model:
        return {}
    return warm_start.load_model(config.start.model, config.start.streams)


def frozen(config: Config) -> tuple[str, ...]:
    """Returns the parts of the parameters that do not learn."""
    return ("decoder",) if config.start.frozen else ()


def info(config: Config, whole: Streams) -> dict[str, Any]:
    """Returns the parameter counts, without the embedding: all, and what the streams add.

    Prefixes from codes count as the prefixes into which they merge. With a start, the hashes of
    what is there go with them: trained again, it makes another run. Of a released model config.json
    goes with them too.
    """
    shapes = jax.eval_shape(lambda key: whole.merged(whole.init(key)), random_key(0))
    added = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes.get("streams", {})))
    parameters = int(count_parameters(shapes))
    found: dict[str, Any] = {"parameters": parameters, "added_parameters": added}
    if config.start.study:
        found["start"] = warm_start.content_hashes(config.start.study, "decoder")
    if config.start.model:
        found["start"] = warm_start.describe_model(config.start.model)
    return found
