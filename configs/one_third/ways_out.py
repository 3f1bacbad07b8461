"""Which methods change the exponent 1/3 when all are tuned alike and cost the same?

One-hot labels (temperature 0), batch 512, 10 000 steps: every method sees the same examples. Each
is run at a ladder of learning rates, and judged by its *envelope*: at every horizon t the lowest
loss that any of its rates has there (tuned for that t, the same effort for all). An average of the
iterates (polynomial, power 8: about the last ninth of the run) is evaluated beside the final one.

Prediction (docs/methods.md): two causes hold the final iterate at 1/3, a logit scale that grows as
τ^(1/3) (arXiv 2602.03685) and gradient noise. Iterate averaging or a decaying rate removes the
second, growth of the weights or a large first rate the first. Envelopes fall as t^-1/3 for what
changes neither, t^-2/3 for averaged iterates, t^-r for a rate ~ t^-r, and t^-q for weights that
also grow as t^q, q <= 1.
Three seeds leave intervals over windows wide; --config.seeds=8 adds more.
Time: 22 methods x 5 rates x 3 seeds; 15 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/ways_out.py --workdir=runs/ways_out
"""

from math import inf

from experiments.one_third import methods, teacher
from experiments.one_third.envelopes import AVERAGE, LAST
from experiments.one_third.methods import AFTERWARDS, Side, falls, loss_ratio
from experiments.one_third.words import THIRD
from jaxlab.config import choose, get, override
from jaxlab.report.claims import Kind


def _power(power):
    return {"schedule.name": "power", "schedule.power": power}


def _loss(name, strength=0.0):
    return {"task.loss": name} | ({"task.loss_strength": strength} if strength else {})


# Name -> label, middle of the ladder of learning rates (from pilots), and what the method sets.
# docs/methods.md says which part of the theory explains each.
METHODS = {
    "sgd": ("SGD", 100.0, {}),
    "momentum": ("momentum", 10.0, {"optimizer.name": "momentum"}),
    "normalized": ("normalised gradient", 3.0, {"optimizer.name": "normalized"}),
    "sign": ("sign descent", 0.003, {"optimizer.name": "sign"}),
    "adam": ("Adam", 0.1, {"optimizer.name": "adam"}),
    "muon": ("Muon", 0.3, {"optimizer.name": "muon"}),
    "growing_rate": ("SGD, rate ~ t^1/3", 30.0, _power(1 / 3)),
    "growing_rate_half": ("SGD, rate ~ t^1/2", 10.0, _power(0.5)),
    "decaying_rate": ("SGD, rate ~ t^-1/2", 300.0, _power(-0.5)),
    "decaying_rate_fast": ("SGD, rate ~ t^-3/4", 1000.0, _power(-0.75)),
    "decay_at_the_end": (
        "SGD, rate to 0 over the last half",
        100.0,
        {"schedule.name": "wsd", "schedule.decay": 0.5, "schedule.final": 0.0},
    ),
    "growing_scale_half": ("SGD, weights also ~ t^1/2", 30.0, {"schedule.weight_growth": 0.5}),
    "growing_scale": ("SGD, weights also ~ t", 30.0, {"schedule.weight_growth": 1.0}),
    "growing_scale_too_fast": ("SGD, weights also ~ t^1.5", 30.0, {"schedule.weight_growth": 1.5}),
    "learned_scale": (
        "SGD, learned logit scale",
        0.1,
        {"model.logit_scale": "learned", "model.init_scale": 1.0},
    ),
    "ema": ("SGD, EMA of iterates", 100.0, {"average.name": "ema"}),
    "polyak": ("SGD, plain mean of iterates", 100.0, {"average.power": 0.0}),
    "smoothed": ("label smoothing", 100.0, _loss("smoothed", 0.01)),
    "focal": ("focal loss", 100.0, _loss("focal", 2.0)),
    "brier": ("Brier loss", 10.0, _loss("brier")),
    "squared": ("squared loss", 10.0, _loss("squared", 100.0)),
    "z_loss": ("z-loss", 100.0, _loss("z_loss", 1e-4)),
}
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "rates": 2, "every_method": 4, "train.steps": 20}
    | {"train.batch_size": 32, "task.classes": 16},
}
WINDOW = (300.0, 10_000.0)  # of steps, as rates differ between methods


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.optimizer.name = "sgd"
    config.average.name = "polynomial"
    config.train.steps = 10_000
    config.train.batch_size = 512
    config.records.every_steps = 5_000
    config.records.per_decade = 12
    config.eval.batches = 32
    config.eval.channels = True
    config.every_method = 1  # of METHODS; 4: every fourth
    config.rates = 5  # steps of 10^(1/2)
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds every method at its ladder of learning rates, each with all seeds."""
    for _, middle, values in list(METHODS.values())[:: config.every_method]:
        for number in range(config.rates):
            rate = middle * 10 ** ((number - config.rates // 2) / 2)
            for seed in range(config.seeds):
                add(
                    **values,
                    **{"optimizer.learning_rate": rate, "seed": config.first_seed + seed},
                )


# Members of a method have its values, and at every other key that some method sets the default.
DEFAULTS = {key: get(get_config(), key) for *_, values in METHODS.values() for key in values}
SIDES = {
    name: Side(label, DEFAULTS | values, knows_horizon=name == "decay_at_the_end")
    for name, (label, _, values) in METHODS.items()
}


def _falls(id, method, iterate, *expectation, **options):
    return falls(id, SIDES[method]._replace(iterate=iterate), WINDOW, *expectation, **options)


FOLLOW_UP = "arXiv 2609.37745, envelope over tuned rates"
SCHEDULES = "arXiv 2605.22341: schedules bring the error to -1/2"
SGD, SGD_AVERAGE = SIDES["sgd"].both()
GROWING = ("growing_scale_half", "growing_scale", "growing_scale_too_fast")
CLAIMS = (
    _falls("way_sgd", "sgd", LAST, THIRD, 0.06, FOLLOW_UP, 0.341),
    _falls("way_momentum", "momentum", LAST, THIRD, 0.06),
    _falls("way_normalized", "normalized", LAST, THIRD, 0.06),
    _falls("way_sign", "sign", LAST, 0.315, 0.06, FOLLOW_UP, 0.315),
    _falls("way_adam", "adam", LAST, THIRD, 0.06, FOLLOW_UP, 0.341),
    _falls("way_muon", "muon", LAST, THIRD, 0.06, FOLLOW_UP, 0.332),
    _falls("way_growing_rate", "growing_rate", LAST, THIRD, 0.07),
    _falls("way_learned_scale", "learned_scale", LAST, THIRD, 0.1),
    _falls("way_sgd_average", "sgd", AVERAGE, 2 / 3, 0.08),
    _falls("way_growing_rate_average", "growing_rate", AVERAGE, 2 / 3, 0.08),
    _falls("way_decaying_rate", "decaying_rate", LAST, 0.5, 0.08),
    _falls("way_decaying_rate_fast", "decaying_rate_fast", LAST, 0.75, 0.1),
    _falls("way_growing_scale_half", "growing_scale_half", LAST, 0.5, 0.08),
    _falls("way_growing_scale", "growing_scale", LAST, 1.0, 0.1),
    _falls(
        *("way_decaying_rate_error", "decaying_rate", LAST, 0.5, 0.08, SCHEDULES, 0.5),
        metric="error",
    ),
    loss_ratio(
        "way_average_gain",
        "SGD: averaged iterate over final iterate, each at its best rate",
        [SGD_AVERAGE],
        [SGD],
        (0.0, 0.5),
    ),
    loss_ratio(
        "way_growing_scale_gain",
        "SGD, final iterates, each at its best rate: weights that also grow as t over no growth. "
        "Plain SGD is not the best alternative: see way_growing_scale_fair",
        [SIDES["growing_scale"]],
        [SGD],
        (0.0, 0.25),
    ),
    loss_ratio(
        "way_growing_scale_fair",
        "SGD's final iterate with weights that also grow as t, over the best that any method has "
        "without growth, averaged iterates among them, each at its best rate",
        [SIDES["growing_scale"]],
        [part for name, side in SIDES.items() if name not in GROWING for part in side.both()],
        (0.0, 1.0),
        AFTERWARDS,
    ),
    loss_ratio(
        "way_too_fast",
        "Control: with weights that also grow as t^1.5 the logit scale grows faster than the "
        "angular error shrinks, so SGD's final iterate ends above that of weights that grow as t",
        [SIDES["growing_scale_too_fast"]],
        [SIDES["growing_scale"]],
        (1.0, inf),
        kind=Kind.CONTROL,
    ),
    loss_ratio(
        "way_decay_at_the_end",
        "A rate that decays to 0 over the last half does what iterate averaging does: its final "
        "iterate over the averaged iterate of SGD at a constant rate",
        [SIDES["decay_at_the_end"]],
        [SGD_AVERAGE],
        (2 / 3, 3 / 2),
    ),
)
SHOWN = ("sgd", "adam", "muon", "growing_rate", "decaying_rate", "decaying_rate_fast", *GROWING[:2])
FIGURES = (
    methods.curves(
        "ways_out",
        "Methods that change the exponent, tuned at every horizon",
        "One-hot labels, equal compute. At every step the lowest loss that any rate of a method's "
        "ladder has there.",
        {
            "final iterate": {SIDES[name].label: SIDES[name] for name in SHOWN},
            "averaged iterate": {SIDES[name].label: SIDES[name].both()[1] for name in SHOWN},
        },
        limits=(3e-3, 3),
    ),
    methods.dots(
        "ways_out_all",
        "Every method: exponent, and loss at equal cost",
        "Left: exponent of each method's envelope against steps, with its interval over seeds and "
        "windows. Right: the loss at equal cost, a dot per seed, at the rate that is best for "
        "their mean. A decay at the end has no envelope: it knows its horizon.",
        list(SIDES.values()),
        WINDOW,
    ),
)
TABLES = (
    methods.table(
        "ways_out: equal compute and tuning; exponents of the envelopes against steps",
        list(SIDES.values()),
        WINDOW,
        base=SGD,
    ),
)
