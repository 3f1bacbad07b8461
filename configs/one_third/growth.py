"""Why growth escapes one third: powers of the learning rate and of the logit scale, side by side.

SGD on hard labels, batch 512, rate η (1 + t/100)^p, weights scaled by (1 + t/100)^q beside it.
Claim: without growth of the scale (q = 0), and while the noise of the logits is small, the radial
loss is that of the flow, t^-((1+p)/3) (p = 0: arXiv 2602.03685; the rest: docs/ways_out.md). With
p = 0 the loss falls as t^-q for q between 1/3 and 1, and q > 1 is more than the directions can
follow. Averaged weights, tuned: t^-2/3 for q = 0.
Size `paper`: 10 pairs (p, q) x 4 rates x 3 seeds x 20 000 steps; 15 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/growth.py --workdir=runs/growth
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

POWERS = (
    *((p, 0.0) for p in (-0.5, 0.0, 0.25, 1 / 3, 0.5, 1.0)),
    *((0.0, q) for q in (0.5, 0.75, 1.0, 1.5)),
)
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32}
    | {"task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "growth"
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.optimizer.name = "sgd"
    config.schedule.name = "power"
    config.average.name = "polynomial"
    config.train.steps = 20_000
    config.train.batch_size = 512
    config.records.every_steps = 10_000
    config.records.per_decade = 10
    config.eval.batches = 32
    config.eval.channels = True
    config.rates = 4  # 3, 10, 30, 100
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.window = (1_000.0, 20_000.0)  # of steps: rates differ between the members
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds every pair of powers at every rate, each with all seeds."""
    for power, growth in POWERS:
        for number in range(config.rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "schedule.power": power,
                        "schedule.weight_growth": growth,
                        "optimizer.learning_rate": 10 ** (0.5 * (number + 1)),
                        "seed": config.first_seed + seed,
                    }
                )
