"""Does growth of the weights also help Adam, Muon, and SGD at finite temperatures?

The weights are scaled by (1 + t/100)^q beside training, q = 0 or 1; batch 512, 10 000 steps, three
rates each. Prediction (docs/methods.md; the law that growth changes: arXiv 2602.03685): growth
lowers the loss of other optimizers and of finite temperatures too. At a finite temperature the
logit scale must end at β* = 0.577/T, so growth is of use until then alone.
There are two comparisons. That of final iterates was predicted. That of the better iterate on each
side, averaged ones among them, was added afterwards: at T = 6e-3 it goes against growth.
Three rates were too few in places: a claim's remark says where the best rate ends its ladder, and
--config.rates=5 lengthens every ladder at both ends.
Time: 5 settings x 2 growths x 3 rates x 3 seeds; 5 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/carry.py --workdir=runs/carry
"""

from experiments.one_third import methods, teacher
from experiments.one_third.methods import AFTERWARDS, GROWTH, THEORY, Side, loss_ratio
from jaxlab.config import choose, override

HARD = {"task.labels": "hard", "task.temperature": 0.0}
COLD, WARM = ({"task.labels": "soft", "task.temperature": t} for t in (1e-3, 6e-3))
SETTINGS = {  # label, middle of the ladder of learning rates (from pilots), what it sets
    "carry_sgd_cold": ("SGD, T = 1e-3", 30.0, COLD | {"optimizer.name": "sgd"}),
    "carry_sgd_warm": ("SGD, T = 6e-3", 30.0, WARM | {"optimizer.name": "sgd"}),
    "carry_adam_hard": ("Adam, one-hot labels", 0.1, HARD | {"optimizer.name": "adam"}),
    "carry_adam_cold": ("Adam, T = 1e-3", 0.1, COLD | {"optimizer.name": "adam"}),
    "carry_muon_hard": ("Muon, one-hot labels", 0.3, HARD | {"optimizer.name": "muon"}),
}
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32}
    | {"task.classes": 16},
}
WINDOW = (300.0, 10_000.0)  # of steps, as rates differ between settings


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.average.name = "polynomial"
    config.train.steps = 10_000
    config.train.batch_size = 512
    config.records.every_steps = 5_000
    config.records.per_decade = 12
    config.eval.batches = 32
    config.eval.channels = True
    config.rates = 3  # steps of 10^(1/2)
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds every setting with and without growth at its rates, each with all seeds."""
    for _, middle, values in SETTINGS.values():
        for growth in (0.0, 1.0):
            for number in range(config.rates):
                rate = middle * 10 ** ((number - config.rates // 2) / 2)
                for seed in range(config.seeds):
                    add(
                        **values,
                        **{
                            "schedule.weight_growth": growth,
                            "optimizer.learning_rate": rate,
                            "seed": config.first_seed + seed,
                        },
                    )


SIDES = {
    name: [
        Side(f"{label}, {growth}", values | {GROWTH: power})
        for growth, power in (("no growth", 0.0), ("weights also ~ t", 1.0))
    ]
    for name, (label, _, values) in SETTINGS.items()
}


def _claims(name):
    label, (still, grown) = SETTINGS[name][0], SIDES[name]
    words = "each at the best rate of its ladder: weights that also grow as t over no growth"
    return (
        loss_ratio(name, f"{label}, final iterates, {words}", [grown], [still], (0.0, 0.8), THEORY),
        loss_ratio(
            f"{name}_fair",
            f"{label}, the better of final and averaged iterate on both sides, {words}",
            grown.both(),
            still.both(),
            (0.0, 0.8),
            AFTERWARDS,
        ),
    )


CLAIMS = tuple(claim for name in SETTINGS for claim in _claims(name))
FIGURES = (
    methods.curves(
        "carry",
        "Do growing weights help elsewhere?",
        "Envelopes over the ladder of rates, without growth and with weights that also grow as t. "
        "At T = 6e-3 the logit scale needed is 96, at T = 1e-3 it is 577, and one-hot labels need "
        "an infinite one.",
        {
            SETTINGS[name][0]: {
                str(part).removeprefix(f"{SETTINGS[name][0]}, "): part
                for side in sides
                for part in side.both()
            }
            for name, sides in SIDES.items()
        },
        rows=2,
    ),
)
TABLES = (
    methods.table(
        "carry: envelopes over the ladder of rates, against steps",
        [side for sides in SIDES.values() for side in sides],
        WINDOW,
    ),
)
