"""The sizes in which the configs of text run, and what all of them share."""

from __future__ import annotations

from experiments.parscale import text
from jaxlab.config import Config

# For accelerators: 0.2 billion parameters, and prefixes of 48 positions as published. The text has
# to be prepared beforehand. A second stage goes on after 20,000 steps.
LARGE = {
    "task.dataset": "wiki40b/en:1.3.0",
    "task.vocabulary": 4096,
    "task.length": 1024,
    "model.width": 1024,
    "model.hidden": 2816,
    "model.layers": 16,
    "model.heads": 16,
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
    "train.steps": 20_000,
    "optimizer.learning_rate": 5e-4,
    "records.every_steps": 1000,
    "eval.batches": 32,
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
# The study on packages, for tests: bytes of the standard library.
TINY_STUDY = {
    **TINY,
    "task.dataset": "python_source",
    "task.vocabulary": 256,
    "eval.batches": 2,
}


def study() -> Config:
    """Returns what the trunk, its branches, the ladder of rates and the widths share.

    468,352 parameters in 6 layers, of which each stream adds 1.5 % with learned weights (0.65 % its
    prefix, 0.87 % its part of the aggregator) and 0.66 % with the plain mean. Half as many layers
    with an MLP twice as wide as in 12 layers of 64: the same parameters at twice the tokens per
    second on a CPU, and a smaller part of them in prefixes. Rows lie in one document, nothing is
    read twice, and everyone evaluates the same rows.
    """
    config = text.config()
    config.task.dataset = "python_packages"
    config.task.vocabulary = 1024
    config.task.length = 256
    config.task.fixed_held_out = True
    config.model.width = 64
    config.model.hidden = 352
    config.model.layers = 6
    config.model.heads = 4
    config.model.kv_heads = 1
    config.model.deviation = 0.1  # at width 64, the activations that 0.02 gives a published one
    config.streams.prefix = 16
    config.train.batch_size = 8
    config.optimizer.learning_rate = 6e-3
    config.schedule.name = "linear"
    config.schedule.final = 0.0
    config.eval.batches = 512  # 1,048,576 tokens
    config.seeds = 8
    config.first_seed = 300  # pilots had lower ones
    return config


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
