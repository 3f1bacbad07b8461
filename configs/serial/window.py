"""Width in the place of depth: how wide a shallow perceptron must be to hold a truth table.

Claim: depth can be traded for width, at an exponential price (arXiv 2507.12549; the paper has no
experiment, this one is the lab's). A perceptron of one or two hidden layers sees the whole window
of 2T + 1 cells and is trained on all of its 2^(2T + 1) rows, so that nothing is hidden and nothing
left to generalise to: what it lacks is width or depth. The smallest width that gets every row right
grows with T for Rules 110 and 30; for the controls, the majority of the window and Rule 90 at T a
power of two, it does not.
Size `quick` (the default): T from 2 to 6, 3000 steps, 5 seeds; 8 minutes on two CPU cores.
Size `paper`: T up to 7, 10,000 steps, for an accelerator.

python scripts/sweep.py --config=configs/serial/window.py --workdir=runs/window
"""

from experiments.serial import build
from experiments.serial.tasks import MAJORITY
from jaxlab.config import choose, override

WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384)
SIZES = {
    "paper": {
        "times": (2, 3, 4, 5, 6, 7),
        "least": (2, 4, 6, 12, 24, 32),
        "most": (12, 24, 48, 96, 192, 384),
        "least_deep": (2, 3, 4, 4, 6, 8),
        "most_deep": (8, 16, 24, 48, 64, 96),
        "train.steps": 10_000,
    },
    "quick": {},
    "tiny": {
        "times": (2,),
        "least": (3,),
        "most": (4,),
        "least_deep": (3,),
        "most_deep": (3,),
        "control_widths": (2,),
        "seeds": 2,
        "train.steps": 4,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("table", "window")
    config.study = "window"
    config.optimizer.learning_rate = 0.01
    config.train.steps = 3000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 1  # the table is whole
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    config.times = size.get("times", (2, 3, 4, 5, 6))  # an override keeps the number of values
    config.least = size.get("least", (2, 4, 6, 12, 24))  # widths of one hidden layer, for each T
    config.most = size.get("most", (10, 20, 32, 64, 128))
    config.least_deep = size.get("least_deep", (2, 3, 4, 4, 6))  # of two
    config.most_deep = size.get("most_deep", (6, 10, 16, 32, 48))
    config.control_widths = size.get("control_widths", (2, 4, 8))
    # A sweep's base must be valid before its members are.
    config.task.radius = config.times[0]
    config.train.batch_size = 2 ** (2 * config.times[0] + 1)
    return override(config, size)


def sweep(add, config):
    """Adds a member per T, depth, width, rule and seed; Rule 30 has one hidden layer alone."""
    limits = {1: (config.least, config.most), 2: (config.least_deep, config.most_deep)}
    for depth, (least, most) in limits.items():
        for time, low, high in zip(config.times, least, most, strict=True):
            for width in WIDTHS:
                rules = [110, 30][: 3 - depth] if low <= width <= high else []
                if depth == 1 and width in config.control_widths:
                    rules += [90] * (time.bit_count() == 1) + [MAJORITY]
                for rule in rules:
                    for seed in range(config.seeds):
                        add(
                            **{
                                "task.radius": time,
                                "train.batch_size": 2 ** (2 * time + 1),
                                "model.depth": depth,
                                "model.width": width,
                                "task.rule": rule,
                                "seed": config.first_seed + seed,
                            }
                        )
