"""The sizes in which the configs of text run, and what all of them share."""

from __future__ import annotations

from experiments.parscale import text
from jaxlab.config import Config

# For an accelerator: 12 layers, a learned vocabulary, and prefixes of 48 positions as published.
LARGE = {
    "task.vocabulary": 4096,
    "task.length": 1024,
    "task.packed": True,
    "model.width": 512,
    "model.hidden": 1408,
    "model.layers": 12,
    "model.heads": 8,
    "model.kv_heads": 2,
    "model.deviation": 0.02,
    # Eight streams: 16 GiB of activations, and to evaluate 16 GiB, which by xla would be 54.
    "model.attention": "blocks",
    "model.scanned": True,
    "model.rematerialized": True,
    "streams.prefix": 48,
    "train.compute_dtype": "bfloat16",
    "train.batch_size": 64,
    "train.accumulate": 4,
    "devices.members_at_once": 1,
    "train.steps": 20_000,
    "optimizer.learning_rate": 1e-3,
    "records.every_steps": 1000,
    "eval.batches": 32,
}
# A second stage takes a twentieth of the steps of the first, and goes on with its data.
LARGE_SECOND_STAGE = {
    **LARGE,
    "train.steps": 1000,
    "task.first_step": 20_000,
    "records.every_steps": 100,
    "eval.batches": 16,
}
# For tests.
TINY = {
    "seeds": 2,
    "task.length": 8,
    "model.width": 8,
    "model.hidden": 8,
    "model.layers": 1,
    "streams.prefix": 2,
    "train.batch_size": 4,
    "train.steps": 4,
    "records.every_steps": 2,
    "eval.batches": 1,
}
TINY_SECOND_STAGE = {**TINY, "task.first_step": 4, "counts": (1, 2)}


def base() -> Config:
    """Returns the config of one cell on two CPU cores: a byte-level decoder of 3,600 parameters.

    What the pilots chose (seeds 0 and 1, widths 12 to 32, one and four streams; then 100 to 105, at
    width 8 and in part 12): decoders so narrow that two million bytes fill them, since up to a
    million bytes streams gained nothing at width 16; short prefixes, since 48 positions before 64
    tokens hold up learning; matrices of standard deviation 0.1, which gives a narrow decoder the
    activations that 0.02 gives a published one; small batches, for many steps; a rate that ends at
    0, for less noise between pairs.
    """
    config = text.config()
    config.task.length = 64
    config.model.width = 12
    config.model.hidden = 36
    config.model.layers = 2
    config.model.heads = 2
    config.model.kv_heads = 1
    config.model.deviation = 0.1
    config.streams.prefix = 4
    config.train.batch_size = 8
    config.train.steps = 4000
    config.optimizer.learning_rate = 1e-2
    config.schedule.final = 0.0
    config.records.every_steps = 1000
    config.eval.batches = 96
    config.seeds = 6  # two devices share them evenly
    config.first_seed = 200  # pilots had lower ones
    return config
