"""Do the ways out help on real text? Growing rates, growing weights and averages, tuned alike.

Next byte of the Python standard library (see configs/one_third/text.py), Adam, 4 000 steps of 512
bytes. Claim: language has an entropy of its own (arXiv 2602.03685, Fig. 6a), so the sharpness that
its model needs is finite, and growth of the logit scale helps less here than on hard labels.
Size `paper`: 4 ways x 3 rates x 3 seeds; 6 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/text_ways.py --workdir=runs/text_ways
"""

from experiments.one_third import text
from jaxlab.config import choose, override

# Powers of the learning rate and of the weights; the middle of the ladder of learning rates.
WAYS = ((0.0, 0.0, 3e-3), (1 / 3, 0.0, 1e-3), (-0.5, 0.0, 1e-2), (0.0, 0.1, 3e-3))
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32, "model.hidden": 8},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = text.config()
    config.study = "text_ways"
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
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds every way at its ladder of learning rates, each with all seeds."""
    for power, growth, middle in WAYS:
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
