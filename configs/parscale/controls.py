"""What else could lower the loss: a prefix alone, equal streams, more tokens, more parameters.

Claim: four streams lower the loss by 2.6 to 3.1 % (arXiv 2505.10475, Fig. 2), and it is their
number that does it. The paper lacks these controls: one stream with a prefix; four streams with
one and the same prefix; four streams under the plain mean; one stream with as much training
computation, as tokens; one stream with as many parameters more, in its MLP.
Size `quick` (the default): width 12, 2500 steps, 6 seeds; 10 minutes on two CPU cores.
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
    """Adds a member per cell and seed."""
    steps, hidden = config.train.steps, config.model.hidden
    cells = [
        {},
        {"streams.lone": True},
        {"streams.count": 4},
        {"streams.count": 4, "streams.tied": True},
        {"streams.count": 4, "streams.aggregation": "mean"},
        {"model.hidden": config.wider_hidden},
        {"train.steps": 4 * steps},
    ]
    plain = {
        "streams.count": 1,
        "streams.lone": False,
        "streams.tied": False,
        "streams.aggregation": "learned",
        "model.hidden": hidden,
        "train.steps": steps,
    }
    for cell in cells:
        for seed in range(config.seeds):
            add(**plain | cell, seed=config.first_seed + seed)
