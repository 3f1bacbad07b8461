"""Do streams help reasoning more than memory, and what is their effective parameter multiplier?

Prediction: parameters carry memorisation and computation carries reasoning, so streams help a task
of reasoning more than one of memory (a conjecture of arXiv 2505.10475, from its benchmarks). Here
the two are apart, on the same decoders: a table of random pairs that can only be learned by heart
(the bits per parameter of arXiv 2404.05405), and a ball under one of five cups that are swapped,
new at every step, whose place can only be computed. Paired seeds: all numbers of streams see the
same data from the same decoder. Streams are mixed by learned constants: the published MLP on their
states would add a fifth to the parameters of so shallow a decoder, and N is what counts here.
The ranges were written before a run of several streams. Pilots of one stream on seeds 0 and 1,
which chose the tasks and the learning rate, had been seen; one of several streams at one width came
after, and moved nothing.
Time: widths 8 to 24, up to 4 streams, 6 seeds: 15 minutes on two CPU cores. Size `large`: widths 64
to 384, up to 8 streams, for an accelerator.

python scripts/sweep.py --config=configs/parscale/memory.py --workdir=runs/memory
"""

from functools import partial
from math import inf

from experiments.parscale import composition, recall
from experiments.parscale.cells import sizes_table
from experiments.parscale.multiplier import multiplier, ratio
from experiments.parscale.studies import memory
from experiments.parscale.words import BY_LAB, PAPER
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind
from jaxlab.tasks.composition import vocabulary

SIZES = {
    "default": {},
    "large": {
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
    },
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
    """Returns the config of a size: default, large or tiny."""
    config = recall.config()
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
    config.widths = (12, 16)
    config.ends = (8, 24)  # of one stream alone: what the others are compared with
    config.counts = (2, 4)
    return override(config, choose(arg, SIZES))


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


COUNTS = (2, 4)
CONJECTURE = f"{PAPER}: its conjecture, parameters memorise and computation reasons"
finding = partial(Claim, free=("widths", "ends", "counts"))
control = partial(finding, kind=Kind.CONTROL)
CLAIMS = (
    *(
        finding(
            f"memory_{task}_gain_{P}",
            sentence.format(P=P) + " (gain, nats, mean over widths)",
            expected=expected,
            measure=partial(memory.gain, task=task, count=P),
            source=CONJECTURE,
        )
        for task, sentence, expected in (
            ("composition", "Reasoning: {P} streams follow the ball better than one", (0.0, inf)),
            ("recall", "Memory: {P} streams store hardly more than one", (-inf, 0.15)),
        )
        for P in COUNTS
    ),
    *(
        finding(
            f"memory_{task}_multiplier_{P}",
            f"{name}: the effective parameter multiplier of {P} streams {what} (N of one stream "
            "with their loss over their own N, mean over widths)",
            expected=expected,
            measure=partial(multiplier, task=task, count=P),
            source=CONJECTURE,
        )
        for task, name, what, expected in (
            ("composition", "Reasoning", "is above 1", (1.0, inf)),
            ("recall", "Memory", "is hardly above 1", (-inf, 1.2)),
        )
        for P in COUNTS
    ),
    *(
        finding(
            f"memory_ratio_{P}",
            f"The effective parameter multiplier of {P} streams is larger in reasoning than in "
            "memory (ratio)",
            expected=(1.0, inf),
            measure=partial(ratio, count=P),
            source=CONJECTURE,
        )
        for P in COUNTS
    ),
    *(
        control(
            f"memory_{task}_lone",
            "Control: streams and not their prefixes gain; a prefix alone takes off less than half "
            f"of what two streams do (half of theirs minus its own, nats); {what}",
            expected=(0.0, inf),
            measure=partial(memory.prefix_share, task=task),
            source=BY_LAB,
        )
        for task, what in memory.TASKS.items()
    ),
    finding(
        "memory_bits",
        "The narrowest decoder with one stream is full (bits stored per parameter, embedding "
        "included)",
        expected=(0.7, 2.3),
        published=2.0,
        measure=memory.stored_bits,
        source="arXiv 2404.05405: 2 bits per parameter after 1000 exposures, 1 after 100",
    ),
    control(
        "memory_first",
        "Control: one stream follows one swap without fail, at the widest (accuracy)",
        expected=(0.98, inf),
        measure=memory.first_swap,
        source="this lab: a chain of one is a look-up in a table of 50 results",
    ),
    control(
        "memory_last",
        "Control: the last swap of a chain costs one stream more than the second (difference of "
        "the losses, nats, mean over widths)",
        expected=(0.1, inf),
        measure=memory.last_swap,
        source="this lab: more swaps take more computation",
    ),
)
FIGURES = (memory.overview,)
TABLES = (sizes_table,)
