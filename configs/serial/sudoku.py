"""Sudoku by the rounds that it takes: compute in series and side by side, where all is seen.

Claim: blanks that follow one from another take compute in series, blanks that all follow from the
givens do not (arXiv 2507.12549 names easy and hard Sudoku and has no experiment, this one is the
lab's). A mixer, whose one layer sees the whole board, fills all blanks of a board at once. It is
given eight times its compute in four ways: layers that share their weights, width, mixers that
vote, and streams through one mixer. Layers and streams keep its parameters. Boards have as many
blanks, and take one round, the control, or more. Each condition has its own learning rate, see
experiments/serial/equal_compute.py. Rounds are the depth of a solver that sees forced moves alone;
of Sudoku itself no class is proven.
Piloted, at seed 0 and rate 3e-3: one layer on boards of one round; one layer, eight layers and
three times the width on boards of three; neither votes nor streams.
Size `quick` (the default): 4x4, 1 and 3 rounds, 2000 steps, 3 rates, 3 seeds; 9 minutes on two CPU
cores.
Size `paper`: 9x9, 1 to 8 rounds, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/sudoku.py --workdir=runs/sudoku
"""

from experiments.serial import build, equal_compute
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "puzzles": ("9x9_1", "9x9_2", "9x9_4", "9x9_8"),
        "depths": (1, 2, 4, 8, 16),
        "model.width": 128,
        "seeds": 5,
        "train.batch_size": 256,
        "train.steps": 20_000,
        "records.every_steps": 5000,
    },
    "quick": {},
    "tiny": {
        "puzzles": ("4x4_3",),
        "depths": (1,),
        "ways": (),
        "rates": (3e-3,),
        "model.width": 8,
        "seeds": 2,
        "train.batch_size": 8,
        "train.steps": 4,
        "eval.batches": 2,
    },
}


def get_config(arg=None):
    """Returns the config of a size: paper, quick or tiny."""
    size = choose(arg, SIZES, default="quick")
    config = build.config("sudoku", "mixer")
    config.study = "sudoku"
    config.model.width = 24  # of one layer; three to a head
    config.model.count = 1  # of votes and streams
    config.train.batch_size = 32
    config.train.steps = 2000
    config.records.every_steps = 500  # the last record has the loss of the last quarter
    config.eval.batches = 128
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.rates = size.get("rates", (1e-3, 3e-3, 1e-2))  # an override keeps how many
    config.puzzles = size.get("puzzles", ("4x4_1", "4x4_3"))
    config.depths = size.get("depths", (1, 2, 4, 8))
    config.ways = size.get("ways", ("width", "votes", "streams"))
    return override(config, size)


def sweep(add, config):
    """Adds a member per set of puzzles, way to spend compute, seed and rate."""
    for puzzles in config.puzzles:
        for member in equal_compute.members(config, equal_compute.keys(config)):
            add(**{"task.puzzles": puzzles}, **member)
