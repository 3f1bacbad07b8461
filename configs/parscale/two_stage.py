"""What do streams gain over a single stream with a prefix, switched on in a trained decoder?

Prediction: the loss jumps when streams are switched on, recovers within 1 % of the second stage,
and ends below one stream, the lower the more streams there are (arXiv 2505.10475, Sec. 4 and Fig.
5). A prefix alone could do the same, so the gain over the single-stream prefix control is what
streams add. All cells start from the same decoders and see the same tokens; under the plain mean
streams have no parameters that mix them. Run `stage_one` before.
Time: a fifth of the tokens of the first stage, 6 seeds: 4 minutes on two CPU cores. Size `large`:
width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/two_stage.py --workdir=runs/two_stage
"""

from functools import partial
from math import inf

import numpy as np

from experiments.parscale import sizes
from experiments.parscale.cells import PLAIN, PREFIX_CONTROL, final, gain, paired, sizes_table
from experiments.parscale.words import BY_LAB, CONTROLS, PAPER, SWITCHED_ON
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels

SIZES = {
    "default": {},
    "large": sizes.LARGE_SECOND_STAGE,
    "tiny": {**sizes.TINY_SECOND_STAGE, "mean_count": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = sizes.base()
    config.start.study = "runs/stage_one"
    config.task.first_step = 4000
    config.schedule.name = "linear"
    config.schedule.warmup = 0.02
    config.train.steps = 800
    config.records.every_steps = 100
    config.records.per_decade = 8
    config.eval.batches = 32
    config.counts = (1, 2, 4, 8)
    config.mean_count = 4  # streams under the plain mean
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per number of streams and seed, and for the two controls."""
    conditions = [(count, False, "learned") for count in config.counts]
    conditions += [(1, True, "learned"), (config.mean_count, False, "mean")]
    for count, lone, aggregation in conditions:
        for seed in range(config.seeds):
            add(
                **{
                    "streams.count": count,
                    "streams.lone": lone,
                    "streams.aggregation": aggregation,
                    "seed": config.first_seed + seed,
                }
            )


COUNTS = (2, 4, 8)
MEAN = {"streams.aggregation": "mean"}


def streams(count):
    """Returns the values of P streams with learned weights."""
    return {"streams.count": count, "streams.aggregation": "learned"}


def gain_over_time(study, values):
    """Returns steps [R], and the gain of a cell over one stream in percent [S, R]."""
    final(study)  # refuses members that diverged
    own, one = (cell(study.data, part).transpose("member", "step") for part in (values, PLAIN))
    return study.data["step"].values, paired(own, one)


def jump(study, count):
    """Measures by how many percent the loss is above that of one stream at the switch."""
    step_R, gain_SxR = gain_over_time(study, streams(count))
    return over_seeds(-gain_SxR[:, 0], f"at step {step_R[0]} of the second stage")


def recovery(study, count):
    """Measures the part of the stage, percent, after which P streams stay no worse than one."""
    step_R, gain_SxR = gain_over_time(study, streams(count))
    never = int((gain_SxR[:, -1] < 0).sum())
    detail = f"of {step_R[-1]} steps, evaluated {len(step_R)} times"
    detail += f"; {never} of {len(gain_SxR)} seeds never" if never else ""
    control = _recovered(*gain_over_time(study, PREFIX_CONTROL)).mean()
    detail += f"; the single-stream prefix control after {control:.0f} %"
    return over_seeds(_recovered(step_R, gain_SxR), detail)


def _recovered(step_R, gain_SxR):
    """Returns the first evaluation from which on no gain is negative, in percent of the steps: [S].

    100 where the last one still is.
    """
    worse_SxR = gain_SxR < 0
    after_S = worse_SxR.shape[1] - np.argmax(worse_SxR[:, ::-1], axis=1)  # one past the last worse
    after_S = np.where(worse_SxR.any(axis=1), after_S, 0)
    last = len(step_R) - 1
    return 100 * step_R[np.minimum(after_S, last)] / step_R[-1]


def more_streams(study):
    """Measures the gain of eight streams less that of two, in percent of the loss of one."""
    data = final(study, *PLAIN, *streams(1))
    one = cell(data, PLAIN)
    eight_S, two_S = (paired(cell(data, streams(count)), one) for count in (8, 2))
    return over_seeds(eight_S - two_S)


finding = partial(Claim, expected=(0.0, inf), free=("counts", "mean_count"))
CLAIMS = (
    finding(
        "two_stage_over_lone",
        "Switched on in a trained decoder, four streams end with a lower loss than the "
        "single-stream prefix control that saw the same tokens (gain, percent of the loss)",
        measure=gain(streams(4), PREFIX_CONTROL),
        source=BY_LAB,
        heading=SWITCHED_ON,
        label="4 streams instead of one with a prefix",
    ),
    finding(
        "two_stage_lone",
        "Control: the single-stream prefix control, switched on, ends no better than one stream "
        "without a prefix (gain, percent of the loss)",
        expected=(-inf, 0.2),
        measure=gain(PREFIX_CONTROL, PLAIN),
        source=BY_LAB,
        kind=Kind.CONTROL,
        heading=CONTROLS,
        label="a prefix alone, switched on",
    ),
    *(
        finding(
            f"two_stage_gain_{P}",
            f"Switched on in a trained decoder, {P} streams end with a lower loss than one that "
            "saw the same tokens, part of which a prefix alone gains too (gain, percent of the "
            "loss)",
            measure=gain(streams(P), PLAIN),
            source=f"{PAPER}, Fig. 5: no numbers",
            heading=SWITCHED_ON,
            label=f"{P} streams instead of one",
        )
        for P in COUNTS
    ),
    finding(
        "two_stage_more",
        "Switched on in a trained decoder, eight streams end with a lower loss than two (percent "
        "of the loss of one)",
        measure=more_streams,
        source=BY_LAB,
    ),
    finding(
        "two_stage_mean",
        "Switched on in a trained decoder, four streams under the plain mean, which has no "
        "parameters, end with a lower loss than one stream (gain, percent of the loss)",
        measure=gain({"streams.count": 4} | MEAN, PLAIN),
        source=BY_LAB,
    ),
    *(
        finding(
            f"two_stage_jump_{P}",
            f"Switching on {P} streams raises the loss at first (rise, percent of the loss)",
            measure=partial(jump, count=P),
            source=f"{PAPER}, Fig. 5: no numbers",
        )
        for P in COUNTS
    ),
    *(
        finding(
            f"two_stage_recovery_{P}",
            f"{P} streams fall below one that saw the same tokens within a tenth of the second "
            "stage (part of its steps, percent)",
            expected=(-inf, 10.0),
            published=1.0,
            measure=partial(recovery, count=P),
            source=f"{PAPER}, Fig. 5: recovered after 1 % of 20 B tokens",
        )
        for P in COUNTS
    ),
)


def gains(study):
    """Returns the gain over one stream against steps, and over the prefix control at the end."""
    data = final(study, *PLAIN, *streams(1))
    several = [count for count in levels(data, "streams.count") if count > 1]
    named = {f"{count} streams": streams(count) for count in several}
    averaged = select(data, MEAN)
    named |= {
        f"{count} streams, plain mean": {"streams.count": count} | MEAN
        for count in levels(averaged, "streams.count")
    }
    named["single-stream prefix control"] = PREFIX_CONTROL
    figure, (left, right) = panels(1, 2)
    for place, (name, values) in enumerate(named.items()):
        colour = CATEGORY_COLOURS[place]
        step_R, gain_SxR = gain_over_time(study, values)
        left.plot(step_R, gain_SxR.mean(axis=0), color=colour, label=name)
        left.fill_between(step_R, *_range(gain_SxR), color=colour, alpha=0.1, lw=0)
        if values != PREFIX_CONTROL:
            found = gain(values, PREFIX_CONTROL)(study)
            right.plot([found.low, found.high], [place, place], color=colour, lw=2.5)
            right.plot(found.value, place, "o", color=colour, mec="white", ms=8)
            right.text(found.value, place - 0.15, name, ha="center", va="bottom", fontsize=9.5)
    left.axhline(0, color=GREY, lw=1)
    left.set_xscale("symlog", linthresh=max(step_R[1], 1))
    left.set_xlim(0, step_R[-1])
    left.set(xlabel="steps of the second stage", ylabel="gain over one stream, % of the loss")
    left.set_title("over one stream that goes on")
    plots.legend(left)
    right.axvline(0, color=GREY, lw=1)
    right.set(yticks=[], ylim=(len(named) - 1.4, -0.6))
    right.margins(x=0.15)
    right.set_xlabel("gain at the end, % of the loss")
    right.set_title("over the single-stream prefix control")
    caption = (
        f"All start from the same trained decoders and see the same tokens, {len(gain_SxR)} seeds. "
        "Left: mean and range over seeds; the recovery is the prefix control's too. Right: what "
        "streams add to a prefix, paired by seed, 95 % intervals."
    )
    return Figure("two_stage", "Streams switched on in the second stage", caption, figure)


def _range(gain_SxR):
    return gain_SxR.min(axis=0), gain_SxR.max(axis=0)


FIGURES = (gains,)
TABLES = (sizes_table,)
