"""Is it the number of streams that lowers the loss, or a prefix, training compute, or parameters?

Prediction: four streams lower the loss by 2.6 to 3.1 % (arXiv 2505.10475, Fig. 2), and it is their
number that does it. The paper lacks these controls: one stream with a prefix; four streams with
one and the same prefix; four streams under the plain mean; one stream with as much training
compute, as tokens; one stream with as many parameters more, in its MLP. One stream, the prefix, the
four streams and the wider MLP run at three learning rates each; the best of them counts. Where that
ends the three, which every detail says, the rate is not tuned.
Time: width 12, 2500 steps, 6 seeds: 20 minutes on two CPU cores. Size `large`: width 512 in 12
layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/controls.py --workdir=runs/controls
"""

from functools import partial
from math import inf

from experiments.parscale import sizes
from experiments.parscale.cells import PLAIN, compared, final, gain, sizes_table
from experiments.parscale.figures import gain_rows
from experiments.parscale.words import BY_LAB, CONTROLS, FROM_SCRATCH, MEAN_GAIN, PUBLISHED_GAINS
from jaxlab.analysis.cells import cell, levels, select
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "large": {**sizes.LARGE, "wider_hidden": 1496},
    "tiny": {**sizes.TINY, "wider_hidden": 16},
}
RATE = "optimizer.learning_rate"


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = sizes.base()
    config.train.steps = 2500
    config.records.every_steps = 500
    config.wider_hidden = 50  # with which one stream has the parameters of four
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per cell, learning rate and seed."""
    steps, rate = config.train.steps, config.optimizer.learning_rate
    plain = {
        "streams.count": 1,
        "streams.lone": False,
        "streams.tied": False,
        "streams.aggregation": "learned",
        "model.hidden": config.model.hidden,
        "train.steps": steps,
        RATE: rate,
    }
    at_three_rates = [
        {},
        {"streams.lone": True},
        {"streams.count": 4},
        {"model.hidden": config.wider_hidden},
    ]
    others = [
        {"streams.count": 4, "streams.tied": True},
        {"streams.count": 4, "streams.aggregation": "mean"},
        {"train.steps": 4 * steps},
    ]
    rates = [rate / 2, rate, 2 * rate]
    tried = [change | {RATE: own} for change in at_three_rates for own in rates]
    for change in [*tried, *others]:
        for seed in range(config.seeds):
            add(**plain | change, seed=config.first_seed + seed)


ONE, PREFIX, FOUR = "one stream", "one stream with a prefix", "four streams"
IDENTICAL, MEAN = "four identical streams", "four streams, plain mean"
TOKENS, WIDER = "one stream, tokens of four", "one stream, wider MLP"


def conditions(study):
    """Returns the values of every condition but its learning rate."""
    data = final(study, "train.steps", "model.hidden")
    steps, hidden = levels(data, "train.steps"), levels(data, "model.hidden")
    one = PLAIN | {
        "streams.tied": False,
        "streams.aggregation": "learned",
        "train.steps": steps[0],
        "model.hidden": hidden[0],
    }
    four = one | {"streams.count": 4}
    return {
        ONE: one,
        PREFIX: one | {"streams.lone": True},
        FOUR: four,
        IDENTICAL: four | {"streams.tied": True},
        MEAN: four | {"streams.aggregation": "mean"},
        TOKENS: one | {"train.steps": 4 * steps[0]},
        WIDER: one | {"model.hidden": hidden[-1]},
    }


def losses_by_rate(study, name):
    """Returns the mean loss over seeds of a condition at each of its learning rates."""
    values = conditions(study)[name]
    data = select(final(study, *values, RATE), values)
    found = {rate: cell(data, {RATE: rate})["eval_loss"].values for rate in levels(data, RATE)}
    return {rate: float(loss_S.mean()) for rate, loss_S in found.items()}


def rates(study, better, base):
    """Returns the learning rates at which two conditions are compared, and what to say of them.

    Each has its best one; where one of them has a single rate, the other has it too: then nothing
    is chosen for either.
    """
    by_rate = [losses_by_rate(study, name) for name in (better, base)]
    if min(len(losses) for losses in by_rate) > 1:
        chosen = [min(losses, key=lambda rate: losses[rate]) for losses in by_rate]
        at_end = [
            rate in (min(losses), max(losses)) for losses, rate in zip(by_rate, chosen, strict=True)
        ]
        note = f"the best of {len(by_rate[0])} each"
        if any(at_end):
            which = "both end" if all(at_end) else "one of them ends"
            note += f", but {which} the rates that were tried, so they are not tuned"
        return chosen, note
    if not (shared := set(by_rate[0]) & set(by_rate[1])):
        raise NotMeasurable("the two cells have no learning rate in common")
    return [min(shared)] * 2, "the same for both"


def over(study, better, base):
    """Measures the gain of one condition over another, paired by seed."""
    known, ((first, second), note) = conditions(study), rates(study, better, base)
    pair = known[better] | {RATE: first}, known[base] | {RATE: second}
    detail = f"{compared(study, *pair)}; rates {first:g} and {second:g}, {note}"
    return gain(*pair)(study).noting(detail)


control = partial(Claim, kind=Kind.CONTROL)
CLAIMS = (
    Claim(
        "controls_streams",
        "Trained from scratch at one width, four streams have a lower loss than one (gain, percent "
        "of the loss)",
        expected=(0.0, inf),
        published=PUBLISHED_GAINS[4],
        measure=partial(over, better=FOUR, base=ONE),
        source=f"{MEAN_GAIN}; at this size the law predicts otherwise, see `widths`",
        heading=FROM_SCRATCH,
        label="4 streams instead of one, at one width",
    ),
    Claim(
        "controls_over_prefix",
        "Trained from scratch at one width, four streams have a lower loss than the single-stream "
        "prefix control (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(over, better=FOUR, base=PREFIX),
        source=BY_LAB,
        heading=FROM_SCRATCH,
        label="4 streams instead of one with a prefix",
    ),
    Claim(
        "controls_over_wider",
        "Four streams gain more than their own parameters would in a wider MLP of one stream (gain "
        "over that, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(over, better=FOUR, base=WIDER),
        source=BY_LAB,
        heading=FROM_SCRATCH,
        label="4 streams instead of a wider MLP",
    ),
    Claim(
        "controls_mean",
        "Four streams gain without learned weights too: their plain mean over one stream at the "
        "same learning rate (gain, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(over, better=MEAN, base=ONE),
        source=BY_LAB,
    ),
    control(
        "controls_prefix",
        "Control: the single-stream prefix control is no better than one stream without a prefix "
        "(gain, percent of the loss)",
        expected=(-inf, 0.2),
        measure=partial(over, better=PREFIX, base=ONE),
        source=BY_LAB,
        heading=CONTROLS,
        label="a prefix alone, from scratch, one width",
    ),
    control(
        "controls_tokens",
        "Control: the training compute of four streams takes off more as tokens of one stream, at "
        "the same learning rate (gain over four streams, percent of the loss)",
        expected=(0.0, inf),
        measure=partial(over, better=TOKENS, base=FOUR),
        source=f"{BY_LAB}; a decoder this small has not seen enough",
        heading=CONTROLS,
        label="four times the tokens instead of 4 streams",
    ),
    control(
        "controls_tied",
        "Noise floor: four streams with the same prefix (the identical-streams control) compute "
        "what one with it does, so what they differ by is rounding that training has enlarged "
        "(gain, percent of the loss)",
        expected=(-0.2, 0.2),
        measure=partial(over, better=IDENTICAL, base=PREFIX),
        source=BY_LAB,
        kind=Kind.CHECK,
    ),
)
PAIRS = (
    *((FOUR, ONE), (PREFIX, ONE), (IDENTICAL, PREFIX), (FOUR, PREFIX)),
    *((MEAN, ONE), (FOUR, WIDER), (TOKENS, FOUR)),
)


def gains(study):
    """Returns the gain of every pair."""
    found = {}
    for better, base in PAIRS:
        (first, second), _ = rates(study, better, base)
        label = f"{better}\nover {base} (rates {first:g}, {second:g})"
        found[label] = over(study, better, base)
    caption = (
        f"What the first cell's loss is below that of the second, at width "
        f"{study.config.model.width}, paired by seed, with 95 % intervals. Each has the learning "
        "rate with its lowest mean loss of three, chosen on these same seeds, unless one of them "
        "ran at a single rate, which the other then has too; the table has all. A best rate that "
        "ends the three is not tuned. Identical streams compute four times the same; "
        "the tokens of four streams cost the same training."
    )
    return gain_rows("controls", "Streams and what else could do it", caption, found)


FIGURES = (gains,)
TABLES = (sizes_table,)
