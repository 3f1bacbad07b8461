"""The escape, measured closely: a logit scale that grows as t^q gives loss ~ t^-q, up to q = 1.

SGD on hard labels at rate 10, batch 512, weights scaled by (1 + t/100)^q beside training. Found in
configs/one_third/growth.py with three seeds; here on new ones, with eight times the fresh inputs.
Claim: q = 0 gives 1/3 (arXiv 2602.03685), q = 1/2, 3/4 and 1 give q, and at q = 3/2 the scale
outruns the directions (docs/ways_out.md). Growing weights are a logit scale on a schedule *with* a
rate that falls as its square; the control with a rate ~ t beside q = 1/2 schedules the scale alone.
Size `paper`: 6 cells x 8 seeds x 20 000 steps; 8 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/escape.py --workdir=runs/escape
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

CELLS = ((0.0, 0.0), (0.0, 0.5), (0.0, 0.75), (0.0, 1.0), (0.0, 1.5), (1.0, 0.5))  # p, q
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "eval.batches": 2}
    | {"task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "escape"
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
    config.first_seed = 200  # the other ways out had lower ones
    config.window = (1_000.0, 20_000.0)  # of steps
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds powers of the rate and of the logit scale, each with all seeds."""
    for power, growth in CELLS:
        for seed in range(config.seeds):
            add(
                **{
                    "schedule.power": power,
                    "schedule.weight_growth": growth,
                    "seed": config.first_seed + seed,
                }
            )
