"""Do more streams lower the loss when only prefixes and the weights of the streams learn?

Prediction: around a frozen decoder more streams give a lower loss (arXiv 2505.10475, Fig. 6; its
sets of prefixes are swapped at serving time). Here streams are also held against one stream with as
many prefix positions as all of theirs, which has fewer parameters: it lacks the weights.
Run `stage_one` before.
Time: a fifth of the tokens of the first stage, 6 seeds: 5 minutes on two CPU cores. Size `large`:
width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/frozen.py --workdir=runs/frozen
"""

from functools import partial
from math import inf

from experiments.parscale import sizes
from experiments.parscale.cells import final, gain, sizes_table
from experiments.parscale.figures import gain_rows
from experiments.parscale.words import BY_LAB, FROZEN, PAPER
from jaxlab.analysis.cells import levels, select
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

SIZES = {"default": {}, "large": sizes.LARGE_SECOND_STAGE, "tiny": sizes.TINY_SECOND_STAGE}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = sizes.base()
    config.start.study = "runs/stage_one"
    config.start.frozen = True
    config.task.first_step = 4000
    config.train.steps = 800
    config.records.every_steps = 400
    config.counts = (1, 2, 4, 8)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per number of streams, or of prefix positions of one stream, and seed."""
    length = config.streams.prefix
    cells = [(count, False, length) for count in config.counts if count > 1]
    cells += [(1, True, count * length) for count in config.counts]
    for count, lone, own_length in cells:
        for seed in range(config.seeds):
            add(
                **{
                    "streams.count": count,
                    "streams.lone": lone,
                    "streams.prefix": own_length,
                    "seed": config.first_seed + seed,
                }
            )


LENGTH = 4  # of the prefix of each stream, by default
LARGER_IS_BETTER = f"{PAPER}, Fig. 6: larger P is better; no losses given"


def cell(count, times=1):
    """Returns the values of P streams, or of one whose prefix is so many times as long."""
    return {"streams.count": count, "streams.prefix": times * LENGTH}


learning = partial(gain, counted="added")
finding = partial(Claim, expected=(0.0, inf), free=("counts",))
CLAIMS = (
    *(
        finding(
            f"frozen_step_{P}",
            f"Around a frozen decoder {P} streams have a lower loss than {P // 2} (gain, percent "
            "of the loss)",
            measure=learning(cell(P), cell(P // 2)),
            source=LARGER_IS_BETTER,
        )
        for P in (2, 4, 8)
    ),
    *(
        finding(
            f"frozen_slots_{P}",
            f"Around a frozen decoder {P} streams have a lower loss than one whose prefix has as "
            "many positions as all of theirs (gain, percent of the loss)",
            measure=learning(cell(P), cell(1, times=P)),
            source=BY_LAB,
            heading=FROZEN if P == 4 else "",
            label="4 streams instead of one with all their positions",
        )
        for P in (2, 4, 8)
    ),
    finding(
        "frozen_gain",
        "Around a frozen decoder, which does not change by construction, eight streams have a "
        "lower loss than the single-stream prefix control (gain, percent of the loss)",
        measure=learning(cell(8), cell(1)),
        source=LARGER_IS_BETTER,
        heading=FROZEN,
        label="8 streams instead of one with a prefix",
    ),
)


def gains(study):
    """Returns what streams and longer prefixes gain over the single-stream prefix control."""
    data = final(study, "streams.count", "streams.prefix")
    lengths = levels(data, "streams.prefix")
    named = {
        f"{count} streams": {"streams.count": count, "streams.prefix": lengths[0]}
        for count in levels(data, "streams.count")
        if count > 1
    }
    one = {"streams.count": 1, "streams.prefix": lengths[0]}
    named |= {
        f"one stream, {length} positions": one | {"streams.prefix": length}
        for length in lengths[1:]
    }
    found = {
        f"{name} ({int(select(data, values)['added'][0]):,} learn)": gain(values, one)(study)
        for name, values in named.items()
    }
    few = select(data, one)["added"].values
    caption = (
        "Only prefixes and weights learn, around decoders of the first stage: gain over one stream "
        f"with a prefix of {lengths[0]} positions ({few[0]} parameters learn), paired over "
        f"{few.size} seeds, 95 % intervals. Below, one stream whose prefix has all positions of "
        "several."
    )
    return gain_rows("frozen", "Streams around a frozen decoder", caption, found)


FIGURES = (gains,)
TABLES = (sizes_table,)
