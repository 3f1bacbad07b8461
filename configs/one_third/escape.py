"""Does SGD's loss fall as t^-q, up to q = 1, when its weights also grow as t^q?

SGD on one-hot labels at the fixed rate 10, batch 512, weights scaled by (1 + t/100)^q beside
training. Found in `growth` with three seeds; here on new ones, with eight times the fresh inputs.
Prediction: q = 0 gives 1/3 (arXiv 2602.03685), q = 1/2, 3/4 and 1 give q, and at q = 3/2 the logit
scale grows faster than the angular error shrinks (docs/methods.md). Growing weights are a logit
scale on a schedule *with* a rate that falls as its square; the control with a rate ~ t beside
q = 1/2 schedules the scale alone.
The ratios of losses here compare with SGD at one fixed rate, not with a tuned method: `ways_out`
has those, and there the best method without growth comes far closer.
Time: 6 cells x 8 seeds x 20 000 steps; 8 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/escape.py --workdir=runs/escape
"""

from math import inf

from experiments.one_third import methods, teacher
from experiments.one_third.methods import GROWTH, POWER, THEORY, Side, falls, loss_ratio
from experiments.one_third.words import THIRD
from jaxlab.config import choose, override
from jaxlab.report.claims import Kind

CELLS = {  # p, q: powers of the rate and of the weights
    (0.0, 0.0): "no growth",
    (0.0, 0.5): "weights also ~ t^1/2",
    (0.0, 0.75): "weights also ~ t^3/4",
    (0.0, 1.0): "weights also ~ t",
    (0.0, 1.5): "weights also ~ t^1.5",
    (1.0, 0.5): "weights also ~ t^1/2, rate ~ t",  # the rate makes up for what growth takes from it
}
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "eval.batches": 2}
    | {"task.classes": 16},
}
WINDOW = (1_000.0, 20_000.0)  # of steps


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 10.0
    config.schedule.name = "power"
    config.train.steps = 20_000
    config.train.batch_size = 512
    config.records.every_steps = 5_000
    config.records.per_decade = 10
    config.eval.batches = 256
    config.eval.channels = True
    config.seeds = 8
    config.first_seed = 200  # the studies before had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds powers of the rate and of the weights, each with all seeds."""
    for power, growth in CELLS:
        for seed in range(config.seeds):
            add(
                **{
                    "schedule.power": power,
                    "schedule.weight_growth": growth,
                    "seed": config.first_seed + seed,
                }
            )


SOURCE = f"{THEORY}; found with three seeds in `growth`, repeated on new ones"
SIDES = {  # all at the one rate of the config
    cell: Side(f"SGD at the fixed rate 10, {label}", {POWER: cell[0], GROWTH: cell[1]}, tuned=())
    for cell, label in CELLS.items()
}
PLAIN, HALF, THREE_QUARTERS, LINEAR, TOO_FAST, SCALE_ALONE = SIDES.values()
CLAIMS = (
    falls("escape_000", PLAIN, WINDOW, THIRD, 0.03, SOURCE),
    falls("escape_050", HALF, WINDOW, 0.5, 0.06, SOURCE),
    falls("escape_075", THREE_QUARTERS, WINDOW, 0.75, 0.06, SOURCE),
    falls("escape_100", LINEAR, WINDOW, 1.0, 0.06, SOURCE),
    loss_ratio(
        "escape_gain",
        "At the one fixed rate 10, weights that also grow as t over plain SGD. Neither is tuned: "
        "the factor against the best tuned method without growth is way_growing_scale_fair",
        [LINEAR],
        [PLAIN],
        (0.0, 0.1),
        SOURCE,
    ),
    loss_ratio(
        "escape_too_fast",
        "Control: at the same rate weights that also grow as t^1.5 end above those that grow as t",
        [TOO_FAST],
        [LINEAR],
        (1.0, inf),
        SOURCE,
        Kind.CONTROL,
    ),
    loss_ratio(
        "escape_scale_alone",
        "Control: weights that also grow as t^1/2, with a rate ~ t so that the rate of the "
        "directions does not fall, end above plain SGD, as noise takes what the scale gains",
        [SCALE_ALONE],
        [PLAIN],
        (1.0, inf),
        f"{THEORY}; pilots of `growth` with other powers pointed there",
        Kind.CONTROL,
    ),
)


LABELLED = {CELLS[cell]: side for cell, side in SIDES.items()}
FIGURES = (
    methods.curves(
        "escape",
        "Weights that also grow as t^q: the loss falls as t^-q",
        "SGD on one-hot labels at rate 10; weights scaled by (1 + t/100)^q. The claims' exponents "
        "are those of steps 1,000 to 20,000 and of parts of them. No side is tuned: the figure "
        "ways_out_all has the tuned methods.",
        {"loss": LABELLED, "its radial part: what the logit scale costs": LABELLED},
        metrics=("loss", "loss_radial"),
    ),
)
