"""What a run would cost, from its config alone: parameters, FLOPs, memory, standard error."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parscale import model
from experiments.parscale.words import PAIRED_SD
from jaxlab.config import Config
from jaxlab.experiment import random_key
from jaxlab.models.streams import Streams

GIB = 2**30
LENGTHS = {"text": "length", "recall": "digits", "composition": "swaps"}  # tokens of a row, by task


def outline(config: Config) -> str:
    """Returns a line with what a member costs, and the standard error of a gain over all seeds.

    FLOPs: 6 a token for each parameter of the decoder and each stream, its attention, and the
    read-out; half as many again with rematerialisation (a third of the forward and backward pass).
    Memory: parameters, gradients and the two moments of Adam in float32, and the activations of a
    micro-batch on one device.
    """
    whole = model.streams(config)
    shapes = jax.eval_shape(whole.init, random_key(0))
    leaves = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
    length = config.task[LENGTHS[config.task.name]]
    tokens = config.train.steps * config.train.batch_size * length
    total = tokens * flops_of_token(whole, length)
    memory = (16 * leaves + activation_bytes(config, whole, length)) / GIB
    text = f"{model.info(_alone(config), whole)['parameters']:,} parameters, "
    text += f"{total:.2g} FLOPs and about {memory:.1f} GiB a member"
    if config.start.study or config.task.get("first_step"):
        errors = [f"{sd / config.seeds**0.5:.3f} % over {base}" for base, sd in PAIRED_SD.items()]
        text += f"; expected standard error of a gain: {' and '.join(errors)}"
    return text


def flops_of_token(whole: Streams, length: int) -> float:
    """Returns the FLOPs of the forward and the backward pass for one token."""
    own = whole.decoder
    kv_width = own.kv_heads * own.features
    hidden = (3 if own.mlp == "swiglu" else 2) * own.hidden
    matrices = own.layers * own.width * (2 * own.query_width + 2 * kv_width + hidden)
    slots = 0 if whole.plain or whole.transform != "prefix" else whole.prefix
    attention = 2 * own.layers * own.query_width * (length / 2 + slots)
    mixing = own.width**2 if whole.count > 1 and whole.aggregation == "learned" else 0
    forward = 2 * (whole.count * (matrices + attention + mixing) + own.width * own.vocabulary)
    again = 2 * whole.count * (matrices + attention) if own.rematerialized else 0
    return 3 * forward + again


def activation_bytes(config: Config, whole: Streams, length: int) -> float:
    """Returns about how many bytes the backward pass keeps of a micro-batch of one member.

    Of each layer its input alone with rematerialisation, besides one whole layer; else some ten
    vectors of the width and three of the MLP. The logits are there twice, in float32.
    """
    own = whole.decoder
    rows = config.train.batch_size // config.train.accumulate * length
    layer = 10 * own.width + 3 * own.hidden
    kept = own.layers * own.width + layer if own.rematerialized else own.layers * layer
    width = jnp.dtype(own.dtype).itemsize
    return rows * (whole.count * kept * width + 2 * 4 * own.vocabulary)


def _alone(config: Config) -> Config:
    """Returns the config without its start, which need not be there yet."""
    alone = config.copy_and_resolve_references()
    alone.start.study = alone.start.model = ""
    return alone
