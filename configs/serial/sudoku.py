"""Sudoku by the rounds of forced moves it takes: layers against width, where every cell is seen.

Claim: blanks that follow one from another take compute in series, blanks that all follow from the
givens do not (arXiv 2507.12549 names easy and hard Sudoku and has no experiment, this one is the
lab's). A mixer, whose one layer sees the whole board, fills all blanks of a board at once: that
layer is run once, or up to eight times, or is up to four times as wide. Boards have as many blanks,
and take one round, the control, or more. Rounds are the depth of a solver that sees forced moves
alone; of Sudoku itself no class is proven.
Size `quick` (the default): 4x4, 1 to 3 rounds, 2000 steps, 3 seeds; 5 minutes on two CPU cores.
Size `paper`: 9x9, 1 to 8 rounds, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/sudoku.py --workdir=runs/sudoku
"""

from experiments.serial import build
from jaxlab.config import choose, override

SIZES = {
    "paper": {
        "puzzles": ("9x9_1", "9x9_2", "9x9_4", "9x9_8"),
        "depths": (1, 2, 4, 8, 16),
        "base_width": 128,
        "seeds": 5,
        "train.batch_size": 256,
        "train.steps": 20_000,
    },
    "quick": {},
    "tiny": {
        "puzzles": ("4x4_3",),
        "depths": (1,),
        "shallow": (),
        "factors": (),
        "base_width": 8,
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
    config.train.batch_size = 32
    config.train.steps = 2000
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 128
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.base_width = 24
    config.puzzles = size.get("puzzles", ("4x4_1", "4x4_2", "4x4_3"))  # an override keeps how many
    config.depths = size.get("depths", (1, 2, 4, 8))
    config.shallow = size.get("shallow", (1, 2))  # depths of the wide ones
    config.factors = size.get("factors", (2, 4))  # of their width
    return override(config, size)


def sweep(add, config):
    """Adds a member per set of puzzles, depth, width and seed."""
    shapes = [(depth, 1) for depth in config.depths]
    shapes += [(depth, factor) for factor in config.factors for depth in config.shallow]
    for puzzles in config.puzzles:
        for depth, factor in shapes:
            for seed in range(config.seeds):
                add(
                    **{
                        "task.puzzles": puzzles,
                        "model.depth": depth,
                        "model.width": factor * config.base_width,
                        "seed": config.first_seed + seed,
                    }
                )
