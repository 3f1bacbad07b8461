"""The radial and the tangential part of the loss, as a follow-up split it (arXiv 2609.37745).

Claim: from step 1000 on, SGD at rate 20, batch 256 has exponents .34 (loss), .35 (radial), .33
(tangential), .33 (norm); Adam at rate 0.07, batch 64 has .48 (radial), .08 (tangential), .44
(norm): it has no exponent of its own. Hard labels. Exponents are against τ.
Size `paper`: both optimisers x 5 seeds x 20 000 steps; 40 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/channels.py --workdir=runs/channels
"""

from experiments.one_third import teacher
from jaxlab.config import choose, override

CELLS = {"sgd": (20.0, 256), "adam": (0.07, 64)}  # learning rate, batch size
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "task.classes": 16},
}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "channels"
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.train.steps = 20_000
    config.records.every_steps = 2_000
    config.records.per_decade = 25
    config.eval.channels = True
    config.eval.batches = 64
    config.from_step = 1000
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds both optimisers, each with all seeds."""
    for name, (learning_rate, batch_size) in CELLS.items():
        for seed in range(config.seeds):
            add(
                **{
                    "optimizer.name": name,
                    "optimizer.learning_rate": learning_rate,
                    "train.batch_size": batch_size,
                    "seed": config.first_seed + seed,
                }
            )
