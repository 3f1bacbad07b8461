"""The law: decoders of several widths, each with P streams, on the same text from the same start.

Claim: P streams lower the loss as if the decoder had (k ln P + 1) times its parameters; the loss
falls by 1.4 to 2.0 % at P = 2 and by 3.5 to 4.3 % at P = 8 (arXiv 2505.10475, Eq. 5 and Fig. 2, at
0.5 to 4.4 billion parameters). Here pairs of equal seed are compared: the same rows in the same
order, the same initial decoder. The control is a single stream with a prefix. Plain decoders that
are wider still show how many parameters have the loss of P streams.
Size `quick` (the default): 1,600 to 6,300 parameters, 2 million bytes of Python, 6 seeds;
45 minutes on two CPU cores. Size `paper`: widths 256 to 1024 in 12 layers, for an accelerator.
Size `brief`: one width, up to two streams, one to two minutes. Size `speed`: one wider decoder, for
scripts/benchmark.py.

python scripts/sweep.py --config=configs/parscale/widths.py --workdir=runs/widths
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {
    "paper": {**sizes.PAPER, "widths": (256, 512, 1024), "ends": (1536, 2048)},
    "quick": {},
    "brief": {
        "widths": (12,),
        "ends": (),
        "counts": (1, 2),
        "train.steps": 600,
        "records.every_steps": 300,
    },
    "speed": {  # what scripts/benchmark.py measures
        "seeds": 1,
        "widths": (128,),
        "ends": (),
        "model.layers": 4,
        "model.heads": 4,
        "model.kv_heads": 4,
        "task.length": 256,
        "streams.prefix": 48,
        "train.steps": 20,
        "records.every_steps": 20,
        "eval.batches": 1,
    },
    "tiny": {**sizes.TINY, "widths": (8,), "ends": (), "counts": (1, 2)},
}


def get_config(arg=None):
    """Returns the config of a size, one of SIZES."""
    size = choose(arg, SIZES, default="quick")
    config = sizes.base("widths")
    config.widths = size.get("widths", (8, 12, 16))  # an override keeps the number of values
    config.ends = size.get("ends", (24, 32))  # of one stream: what the others are read off
    config.counts = size.get("counts", (1, 2, 4, 8))
    return override(config, size)


def sweep(add, config):
    """Adds a member per width, number of streams and seed; and one stream with a prefix."""
    for width in (*config.widths, *config.ends):
        cells = [(1, False)]
        if width in config.widths:
            cells = [*((count, False) for count in config.counts), (1, True)]
        for count, lone in cells:
            for seed in range(config.seeds):
                add(
                    **{
                        "model.width": width,
                        "model.hidden": 3 * width,
                        "streams.count": count,
                        "streams.lone": lone,
                        "seed": config.first_seed + seed,
                    }
                )
