"""What do four streams gain over a single stream with a prefix, switched on in a trained decoder?

Prediction: streams end with a lower loss (arXiv 2505.10475, Sec. 4). The single-stream prefix is
the control that tells streams from what their prefixes alone would do.
All cells start from the decoders of `first_stage` and see the same tokens; the study
`parscale/branches` has a larger decoder, more conditions and seeds.
Time: 40 s on two CPU cores.

python scripts/sweep.py --config=configs/quickstart/second_stage.py --workdir=runs/second_stage
"""

from math import inf

from experiments.parscale import sizes
from experiments.parscale.cells import PREFIX_CONTROL, final, gain, paired
from experiments.parscale.words import PAPER
from jaxlab.analysis.cells import cell
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim
from jaxlab.report.figures import GREY, Figure, panels

SIZES = {"default": {}, "tiny": {**sizes.TINY, "task.first_step": 4}}
STREAMS = {"streams.count": 4, "streams.lone": False}


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = sizes.base()
    config.start.study = "runs/first_stage"
    config.task.first_step = 1000
    config.schedule.name = "linear"
    config.schedule.warmup = 0.02
    config.train.steps = 300
    config.records.every_steps = 50
    config.eval.batches = 16
    config.seeds = 3
    config.first_seed = 0
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds four streams, and the single-stream prefix control, with all seeds."""
    for cell_values in (STREAMS, PREFIX_CONTROL):
        for seed in range(config.seeds):
            add(**cell_values, seed=config.first_seed + seed)


def gain_figure(study):
    """Returns the gain of every seed over the second stage."""
    final(study)  # refuses members that diverged
    pair = [
        cell(study.data, values).transpose("member", "step") for values in (STREAMS, PREFIX_CONTROL)
    ]
    figure, (ax,) = panels()
    for number, gain_R in enumerate(paired(*pair)):
        ax.plot(study.data["step"].values, gain_R, "o-", ms=4, label=f"seed {number}")
    ax.axhline(0, color=GREY, lw=1, ls=":")
    ax.set(xlabel="steps of the second stage", ylabel="gain of four streams, % of the loss")
    figure.legend(loc="outside upper left", ncols=3, frameon=False)
    caption = (
        "By how many percent the loss of four streams is below that of a single stream with a "
        "prefix, both switched on in the same trained decoder and shown the same tokens."
    )
    return Figure("second_stage", "Four streams against one with a prefix", caption, figure)


CLAIMS = (
    Claim(
        "quick_streams",
        "Switched on in a trained decoder, four streams end with a lower loss than a single stream "
        "with a prefix (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=gain(STREAMS, PREFIX_CONTROL),
        source=f"{PAPER}, Sec. 4; control and size by this lab",
    ),
)
FIGURES = (gain_figure,)
