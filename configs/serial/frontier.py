"""How far each loop of one block follows a word, when the loops of training grow with the words.

Claim: trained with T loops on words of n letters, a block moves its frontier by n / T letters in
every loop (arXiv 2607.20594). One transformer block, tied and re-injected, follows words of S3. A
curriculum asks for two letters first and doubles them, with loops in proportion, at every number of
loops alike; so the frontier is taught at 2, 4 and 8 letters, and beside it stands the same
curriculum of letters with all loops from the start. Without positions a block did not learn in the
pilots. Another block is trained with one loop and runs many times.
Size `quick` (the default): 8 letters, 2000 steps, 3 seeds; 11 minutes on two CPU cores.
Size `paper`: 16 letters, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/frontier.py --workdir=runs/frontier
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "task.length": 16,
        "task.stage_steps": 3000,
        "loops": (1, 8, 16),
        "unrolled": 32,
        "seeds": 5,
        "train.batch_size": 256,
        "train.steps": 20_000,
    },
    "quick": {},
    "tiny": {
        "task.length": 4,
        "task.stage_steps": 2,
        "loops": (1, 2, 4),
        "unrolled": 8,
        "model.width": 8,
        "model.hidden": 16,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("growing_words", "looped")
    config.study = "frontier"
    config.task.group = "S3"
    config.task.length = 8
    config.model.injected = True
    config.train.batch_size = 64
    config.train.steps = 2000
    config.optimizer.learning_rate = 2e-3
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 32
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.unrolled = 16  # loops after each of which all models are read
    config.staged_loops = True
    config.loops = size.get("loops", (1, 4, 8))  # an override keeps the number of values
    return override(config, size)


def sweep(add, config):
    """Adds a member per number of loops and seed, and the most loops without their stages."""
    cells = [(loops, True) for loops in config.loops] + [(max(config.loops), False)]
    for loops, staged in cells:
        for seed in range(config.seeds):
            add(
                **{
                    "model.loops": loops,
                    "staged_loops": staged,
                    "seed": config.first_seed + seed,
                }
            )
