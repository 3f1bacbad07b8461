"""What escapes one third: optimisers, schedules, averages, logit scales and losses, tuned alike.

Hard labels, batch 512, 10 000 steps: every way sees the same examples and costs the same. Each is
run at a ladder of learning rates, and judged by its *envelope*: at every horizon t the lowest loss
that any of its rates has there (tuned for that t, the same effort for all). Weights averaged over
the run (polynomial, power 8) are evaluated beside the last ones.

Claim: the last weights are held at 1/3 by two causes (docs/ways_out.md): a logit scale that grows
as τ^(1/3) (arXiv 2602.03685) and gradient noise. Averages or a decaying rate remove the second,
growth of the scale or a large first rate the first. Of the envelopes: t^-1/3 for what changes
neither, t^-2/3 for averaged weights, t^-r for a rate ~ t^-r, t^-q for a logit scale ~ t^q, q <= 1.
Size `paper`: 22 ways x 5 rates x 3 seeds; 15 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/ways_out.py --workdir=runs/ways_out
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

# Of each way: what it sets, and the middle of its ladder of learning rates (from pilots).
WAYS = {
    "sgd": ({}, 100.0),
    "momentum": ({"optimizer.name": "momentum"}, 10.0),
    "normalized": ({"optimizer.name": "normalized"}, 3.0),
    "sign": ({"optimizer.name": "sign"}, 0.003),
    "adam": ({"optimizer.name": "adam"}, 0.1),
    "muon": ({"optimizer.name": "muon"}, 0.3),
    "growing_rate": ({"schedule.name": "power", "schedule.power": 1 / 3}, 30.0),
    "growing_rate_half": ({"schedule.name": "power", "schedule.power": 0.5}, 10.0),
    "decaying_rate": ({"schedule.name": "power", "schedule.power": -0.5}, 300.0),
    "decaying_rate_fast": ({"schedule.name": "power", "schedule.power": -0.75}, 1000.0),
    "decay_at_the_end": (
        {"schedule.name": "wsd", "schedule.decay": 0.5, "schedule.final": 0.0},
        100.0,
    ),
    "growing_scale_half": ({"schedule.weight_growth": 0.5}, 30.0),
    "growing_scale": ({"schedule.weight_growth": 1.0}, 30.0),
    "growing_scale_too_fast": ({"schedule.weight_growth": 1.5}, 30.0),
    "learned_scale": ({"model.logit_scale": "learned", "model.init_scale": 1.0}, 0.1),
    "ema": ({"average.name": "ema"}, 100.0),
    "polyak": ({"average.power": 0.0}, 100.0),
    "smoothed": ({"task.loss": "smoothed", "task.loss_strength": 0.01}, 100.0),
    "focal": ({"task.loss": "focal", "task.loss_strength": 2.0}, 100.0),
    "brier": ({"task.loss": "brier"}, 10.0),
    "squared": ({"task.loss": "squared", "task.loss_strength": 100.0}, 10.0),
    "z_loss": ({"task.loss": "z_loss", "task.loss_strength": 1e-4}, 100.0),
}
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "rates": 2, "every_way": 4, "train.steps": 20, "train.batch_size": 32}
    | {"task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "ways_out"
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
    config.way = ""  # its name, for the report
    config.every_way = 1  # of WAYS; 4: every fourth
    config.rates = 5  # steps of 10^(1/2)
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.window = (300.0, 10_000.0)  # of steps: rates differ between the ways
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds every way at its ladder of learning rates, each with all seeds."""
    for way, (overrides, middle) in list(WAYS.items())[:: config.every_way]:
        for number in range(config.rates):
            rate = middle * 10 ** ((number - config.rates // 2) / 2)
            for seed in range(config.seeds):
                add(
                    **overrides,
                    **{
                        "way": way,
                        "optimizer.learning_rate": rate,
                        "seed": config.first_seed + seed,
                    },
                )
