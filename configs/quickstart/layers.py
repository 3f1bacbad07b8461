"""Do Sudoku puzzles that need three rounds of forced moves take layers, or will width do?

Prediction: layers solve more of them than the same compute spent on width (arXiv 2507.12549 names
easy and hard Sudoku, and has no experiment).
A mixer whose single layer sees the whole board has one layer, eight layers that share their
weights, or eight times the compute as width. One learning rate, two seeds; the study
`serial/sudoku` has ladders of rates, more conditions and a control.
Time: 60 s on two CPU cores.

python scripts/sweep.py --config=configs/quickstart/layers.py --workdir=runs/layers
"""

from functools import partial
from math import inf

from experiments.serial import build, cells, conditions, equal_compute
from experiments.serial.equal_compute import DEEP, EIGHT, ONE
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "tiny": {"model.width": 8, "train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}
SOLVED = "eval_row_accuracy"  # the share of puzzles without a mistake


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = build.config("sudoku", "mixer")
    config.task.puzzles = "4x4_3"
    config.model.width = 24  # of one layer
    config.model.count = 1  # of mixers
    config.train.batch_size = 32
    config.train.steps = 1500
    config.records.every_steps = 500
    config.eval.batches = 32
    config.rates = (1e-2,)
    config.seeds = 2
    config.first_seed = 0
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds one layer, eight layers, and eight times the compute in width, with all seeds."""
    for member in equal_compute.members(config, (ONE, DEEP, ("width", EIGHT["width"]))):
        add(**member)


def found(study):
    """Returns the cells by condition."""
    return conditions.by_condition(cells.final_metrics(study, *conditions.KEYS))


def added(name, study):
    """Measures the percentage points that eight times the compute of one layer adds."""
    own = found(study)
    one_S, more_S = (own[key][SOLVED].values for key in (ONE, (name, EIGHT[name])))
    return over_seeds(100 * (more_S - one_S), f"one layer solves {100 * one_S.mean():.1f} %")


def solved(study):
    """Returns the share of puzzles solved under each condition."""
    figure, (ax,) = panels()
    conditions.draw(ax, found(study), SOLVED)
    ax.set(ylabel="share of hard puzzles solved", ylim=(-0.03, 1.03))
    caption = (
        "Puzzles of three rounds of forced moves without a mistake, two seeds. From one layer on, "
        "compute goes into layers that share its weights, or into width."
    )
    return Figure("layers", "Hard Sudoku: layers against width", caption, figure)


claim = partial(Claim, source="arXiv 2507.12549 names the task; prediction by this lab")
CLAIMS = (
    claim(
        "quick_layers",
        "Eight layers solve at least 20 percentage points more hard Sudoku puzzles than one layer",
        expected=(20.0, inf),
        measure=partial(added, "depth"),
    ),
    claim(
        "quick_width",
        "Eight times the compute spent on width adds less than 20 percentage points",
        expected=(-inf, 20.0),
        measure=partial(added, "width"),
    ),
)
FIGURES = (solved,)
