"""Does the escape carry over? A growing logit scale at finite temperature, with Adam and with Muon.

Claim: growth lowers the loss of other optimisers and of finite temperatures too (docs/ways_out.md;
the law that it escapes: arXiv 2602.03685). The weights are scaled by (1 + t/100)^q beside training,
q = 0 or 1; batch 512, 10 000 steps, three rates each. At a finite temperature the scale must end at
β* = 0.577/T, and growth is of use until then.
Size `paper`: 5 settings x 2 growths x 3 rates x 3 seeds; 5 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/carry.py --workdir=runs/carry
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

# Of each setting: what it sets, and the middle of its ladder of learning rates (from pilots).
HARD = {"task.labels": "hard", "task.temperature": 0.0}
SETTINGS = {
    "sgd, T 1e-3": ({"optimizer.name": "sgd", "task.temperature": 1e-3}, 30.0),
    "sgd, T 6e-3": ({"optimizer.name": "sgd", "task.temperature": 6e-3}, 30.0),
    "adam, hard labels": ({"optimizer.name": "adam"} | HARD, 0.1),
    "adam, T 1e-3": ({"optimizer.name": "adam", "task.temperature": 1e-3}, 0.1),
    "muon, hard labels": ({"optimizer.name": "muon"} | HARD, 0.3),
}
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32}
    | {"task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "carry"
    config.average.name = "polynomial"
    config.train.steps = 10_000
    config.train.batch_size = 512
    config.records.every_steps = 5_000
    config.records.per_decade = 12
    config.eval.batches = 32
    config.eval.channels = True
    config.way = ""  # the setting, for the report
    config.rates = 3  # steps of 10^(1/2)
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.window = (300.0, 10_000.0)  # of steps: rates differ between the settings
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds every setting with and without growth at its rates, each with all seeds."""
    for setting, (overrides, middle) in SETTINGS.items():
        for growth in (0.0, 1.0):
            for number in range(config.rates):
                rate = middle * 10 ** ((number - config.rates // 2) / 2)
                for seed in range(config.seeds):
                    add(
                        **overrides,
                        **{
                            "way": setting,
                            "schedule.weight_growth": growth,
                            "optimizer.learning_rate": rate,
                            "seed": config.first_seed + seed,
                        },
                    )
