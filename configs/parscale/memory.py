"""Memory against reasoning: what P streams add to each, and how many parameters that is worth.

Claim: parameters carry memorisation and computation carries reasoning, so streams help a task of
reasoning more than one of memory (a conjecture of arXiv 2505.10475, from its benchmarks). Here the
two are apart, on the same decoders: a table of random pairs that can only be learned by heart
(the bits per parameter of arXiv 2404.05405), and a ball under one of five cups that are swapped,
new at every step, whose place can only be computed. Paired seeds: all numbers of streams see the
same data from the same decoder. Streams are mixed by learned constants: the published MLP on their
states would add a fifth to the parameters of so shallow a decoder, and N is what counts here.
Size `quick` (the default): widths 8 to 24, up to 4 streams, 6 seeds; 15 minutes on two CPU cores.
Size `paper`: widths 64 to 384, up to 8 streams, for an accelerator.

python scripts/sweep.py --config=configs/parscale/memory.py --workdir=runs/memory
"""

from experiments.parscale import composition, recall
from jaxlab.config import choose, override
from jaxlab.tasks.composition import vocabulary

SIZES = {
    "paper": {
        "widths": (64, 96, 128, 192),
        "ends": (48, 256, 384),
        "counts": (2, 4, 8),
        "model.layers": 4,
        "model.heads": 4,
        "streams.prefix": 48,
        "task.pairs": 2**18,
        "task.base": 64,
        "recall_values": 256,
        "recall_batch": 4096,
        "task.swaps": 24,
        "composition_batch": 1024,
        "train.steps": 20_000,
        "devices.members_at_once": 1,
    },
    "quick": {},
    "tiny": {
        "widths": (8,),
        "ends": (),
        "counts": (2,),
        "lone": False,
        "seeds": 2,
        "model.layers": 1,
        "task.pairs": 64,
        "task.swaps": 2,
        "recall_batch": 32,
        "composition_batch": 8,
        "train.steps": 10,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = recall.config()
    config.study = "memory"
    config.task.update(composition.config().task)
    config.model.heads = 2
    config.model.kv_heads = 1
    config.streams.prefix = 4
    config.streams.aggregation = "static"
    config.train.steps = 1600  # 100 exposures of every pair
    config.records.every_steps = 20_000
    config.records.per_decade = 8
    config.recall_values = 64
    config.recall_batch = 256
    config.composition_batch = 128
    config.rate = 0.16  # learning rate x width: what either task learned best with in the pilots
    config.seeds = 6
    config.first_seed = 200  # pilots had lower ones
    config.lone = True  # a single stream with a prefix as well, the control
    config.widths = size.get("widths", (12, 16))  # an override keeps the number of values
    config.ends = size.get("ends", (8, 24))  # of one stream alone: what the others are read off
    config.counts = size.get("counts", (2, 4))
    return override(config, size)


def sweep(add, config):
    """Adds a member per task, width, number of streams and seed."""
    tasks = {
        "recall": (config.recall_values, config.recall_batch, config.task.pairs),
        "composition": (vocabulary(config.task.places), config.composition_batch, 2048),
    }
    for name, (tokens, batch_size, evaluated) in tasks.items():
        for width in sorted((*config.widths, *config.ends)):
            streams = [(1, False)]
            if width in config.widths:
                streams += [(1, True)] * config.lone + [(count, False) for count in config.counts]
            for count, lone in streams:
                for seed in range(config.seeds):
                    add(
                        **{
                            "task.name": name,
                            "task.vocabulary": tokens,
                            "train.batch_size": batch_size,
                            "eval.batches": max(evaluated // batch_size, 1),
                            "model.width": width,
                            "model.hidden": 3 * width,
                            "optimizer.learning_rate": config.rate / width,
                            "streams.count": count,
                            "streams.lone": lone,
                            "seed": config.first_seed + seed,
                        }
                    )
