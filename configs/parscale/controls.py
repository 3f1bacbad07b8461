"""What else could lower the loss: a prefix alone, equal streams, more tokens, more parameters.

Claim: four streams lower the loss by 2.6 to 3.1 % (arXiv 2505.10475, Fig. 2), and it is their
number that does it. The paper lacks these controls: one stream with a prefix; four streams with
one and the same prefix; four streams under the plain mean; one stream with as much training
computation, as tokens; one stream with as many parameters more, in its MLP. What is compared as
such is tuned alike: three learning rates for each.
Size `quick` (the default): width 12, 2500 steps, 6 seeds; 20 minutes on two CPU cores.
Size `paper`: width 512 in 12 layers, for an accelerator.

python scripts/sweep.py --config=configs/parscale/controls.py --workdir=runs/controls
"""

from experiments.parscale import sizes
from jaxlab.config import choose, override

SIZES = {
    "paper": {**sizes.PAPER, "wider_hidden": 1496},
    "quick": {},
    "tiny": {**sizes.TINY, "wider_hidden": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    config = sizes.base("controls")
    config.train.steps = 2500
    config.records.every_steps = 500
    config.wider_hidden = 50  # with which one stream has the parameters of four
    return override(config, choose(arg, SIZES, default="quick"))


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
        "optimizer.learning_rate": rate,
    }
    tuned = [
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
    cells = [cell | {"optimizer.learning_rate": own} for cell in tuned for own in rates]
    for cell in [*cells, *others]:
        for seed in range(config.seeds):
            add(**plain | cell, seed=config.first_seed + seed)
