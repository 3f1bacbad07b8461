"""Do iterate averaging, growing rates and growing weights lower the loss on real text?

Next byte of the Python standard library (see configs/one_third/text.py), Adam, 4 000 steps of 512
bytes, each condition tuned on three rates. Prediction: language has an entropy of its own (arXiv
2602.03685, Fig. 6a), so the sharpness that its model needs is finite, and growth of the logit scale
helps less here than on one-hot labels.
What this study cannot decide: when it ran, the best rate of all four conditions, of the final and
of the averaged iterate, was the end of its ladder, and only q = 0.1 was tried for growing weights.
So its numbers compare rates that are not yet the best; --config.rates=5 lengthens every ladder at
both ends.
Time: 4 conditions x 3 rates x 3 seeds; 6 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/text_ways.py --workdir=runs/text_ways
"""

from math import inf

from experiments.one_third import methods, text
from experiments.one_third.methods import GROWTH, POWER, Side
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

# Powers of the learning rate and of the weights; the middle of the ladder of learning rates.
CONDITIONS = {
    "constant rate": (0.0, 0.0, 3e-3),
    "rate ~ t^1/3": (1 / 3, 0.0, 1e-3),
    "rate ~ t^-1/2": (-0.5, 0.0, 1e-2),
    "weights also ~ t^0.1": (0.0, 0.1, 3e-3),
}
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32, "model.hidden": 8},
}
WINDOW = (100.0, 4_000.0)  # of steps


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = text.config()
    config.schedule.name = "power"
    config.average.name = "polynomial"
    config.train.steps = 4_000
    config.train.batch_size = 512
    config.records.every_steps = 4_000
    config.records.per_decade = 10
    config.eval.batches = 32
    config.rates = 3  # steps of 10^(1/2)
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds every condition at its ladder of learning rates, each with all seeds."""
    for power, growth, middle in CONDITIONS.values():
        for number in range(config.rates):
            rate = middle * 10 ** ((number - config.rates // 2) / 2)
            for seed in range(config.seeds):
                add(
                    **{
                        "schedule.power": power,
                        "schedule.weight_growth": growth,
                        "optimizer.learning_rate": rate,
                        "seed": config.first_seed + seed,
                    }
                )


SIDES = {
    label: Side(label, {POWER: power, GROWTH: growth})
    for label, (power, growth, _) in CONDITIONS.items()
}
FINAL, AVERAGED = SIDES["constant rate"].both()


def _gain(id, sentence, before, after, expected):
    return Claim(
        id,
        f"Text, Adam, each at the best rate of its ladder: {sentence} (gain in nats per byte)",
        expected=expected,
        measure=methods.gain(before, after),
        source="docs/methods.md; measured by this lab",
        free=(*methods.FREE, "model.*", "task.context", "task.vocabulary"),
    )


CLAIMS = (
    _gain(
        "text_average",
        "the averaged iterate has a lower validation loss than the final one",
        FINAL,
        AVERAGED,
        (0.0, inf),
    ),
    _gain(
        "text_growing_rate",
        "with averaged iterates a rate ~ t^1/3 has a lower validation loss than a constant one",
        AVERAGED,
        SIDES["rate ~ t^1/3"].both()[1],
        (0.0, inf),
    ),
    _gain(
        "text_growing_scale",
        "as text has entropy, weights that also grow as t^0.1 gain less than 0.02 over no growth",
        FINAL,
        SIDES["weights also ~ t^0.1"],
        (-inf, 0.02),
    ),
)
FIGURES = (
    methods.curves(
        "text_ways",
        "Averaging and growth on real text",
        "Next byte of the Python standard library, Adam: the lowest validation loss over each "
        "condition's rates at every step. The table says which best rates end their ladder; where "
        "they do, the comparison is not settled.",
        {
            "final iterate": SIDES,
            "averaged iterate": {label: side.both()[1] for label, side in SIDES.items()},
        },
    ),
)
TABLES = (
    methods.table(
        "text_ways: validation loss in nats per byte at the end, at equal cost; exponents of the "
        "envelopes against steps, without a floor",
        list(SIDES.values()),
        WINDOW,
    ),
)
