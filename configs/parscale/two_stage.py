"""Two stages: streams that are switched on in a trained decoder, for a share of its tokens.

Claim: the loss jumps when streams are switched on, recovers within 1 % of the second stage, and
ends below one stream, the lower the more streams there are (arXiv 2505.10475, Sec. 4 and Fig. 5).
The one stream here sees the same tokens of the second stage; so do one with a prefix, and streams
under the plain mean, which has no parameters. Run `stage_one` before.
Size `quick` (the default): a fifth of the tokens of the first stage, 6 seeds; 4 minutes on two CPU
cores. Size `paper`: width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/two_stage.py --workdir=runs/two_stage
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {"paper": sizes.PAPER_SECOND_STAGE, "quick": {}, "tiny": sizes.TINY_SECOND_STAGE}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = sizes.base("two_stage")
    config.start.study = "runs/stage_one"
    config.task.first_step = 4000
    config.schedule.name = "linear"
    config.schedule.warmup = 0.02
    config.train.steps = 800
    config.records.every_steps = 100
    config.records.per_decade = 8
    config.eval.batches = 32
    config.counts = size.get("counts", (1, 2, 4, 8))  # an override keeps the number of values
    config.mean_count = min(4, max(config.counts))  # streams under the plain mean
    return override(config, size)


def sweep(add, config):
    """Adds a member per number of streams and seed, and for the two controls."""
    cells = [(count, False, "learned") for count in config.counts]
    cells += [(1, True, "learned"), (config.mean_count, False, "mean")]
    for count, lone, aggregation in cells:
        for seed in range(config.seeds):
            add(
                **{
                    "streams.count": count,
                    "streams.lone": lone,
                    "streams.aggregation": aggregation,
                    "seed": config.first_seed + seed,
                }
            )
