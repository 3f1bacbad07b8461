"""The law: decoders of several widths, each with P streams, on the same text from the same start.

Claim: P streams lower the loss as if the decoder had (k ln P + 1) times its parameters; the loss
falls by 1.4 to 2.0 % at P = 2 and by 3.5 to 4.3 % at P = 8 (arXiv 2505.10475, Eq. 5 and Fig. 2, at
0.5 to 4.4 billion parameters). Here pairs of equal seed are compared: the same rows in the same
order, the same initial decoder. The control is a single stream with a prefix.
Size `quick` (the default): 6,000 to 25,000 parameters, 1.2 million bytes of Python, 6 seeds;
45 minutes on two CPU cores. Size `paper`: widths 256 to 1024 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/widths.py --workdir=runs/widths
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {
    "paper": {**sizes.PAPER, "widths": (256, 512, 1024)},
    "quick": {},
    "tiny": {**sizes.TINY, "widths": (4, 8, 12), "counts": (1, 2, 4, 8)},
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = sizes.base("widths")
    config.widths = (16, 24, 32)
    config.counts = (1, 2, 4, 8)
    return override(config, choose(arg, SIZES, default="quick"))


def sweep(add, config):
    """Adds a member per width, number of streams and seed; and one stream with a prefix."""
    cells = [(1, True), *((count, False) for count in config.counts)]
    for width in config.widths:
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
