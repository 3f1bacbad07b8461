"""Does Sudoku that needs several rounds of forced moves take layers, or will any compute do?

Prediction: blanks that follow one from another take compute in series; blanks that all follow from
the givens do not (arXiv 2507.12549 names easy and hard Sudoku and has no experiment, this one is
the lab's). A mixer, whose single layer sees the whole board, fills all blanks at once. It is given
eight times its compute as layers that share their weights, as width, as mixers that vote, or as
streams through one mixer, each at its own learning rate; layers and streams keep its parameters.
Puzzles have as many blanks and need one round of forced moves, the control, or more. Rounds are the
depth of a solver that makes forced moves alone; of Sudoku itself no class is proven.

The claims carry the ranges that were written before any pilot. After pilots (seed 0, rate 3e-3; one
layer on one round; one layer, eight layers and three times the width on three) these had replaced
them for a while: layers at least 70 points, width, votes and streams below 15, the lead of layers
60, 4 halvings, 0.95 solved; for the control within 1 point, and 0.99 solved by one layer.

Default: 4x4 puzzles of 1 and 3 rounds, 2000 steps, 3 rates, 3 seeds; 9 minutes on two CPU cores.
Size large: 9x9, 1 to 8 rounds, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/sudoku.py --workdir=runs/sudoku
"""

from functools import cache, partial
from math import inf

import numpy as np

from experiments.serial import build, cells, classes, conditions, equal_compute
from experiments.serial.equal_compute import DEEP, EIGHT, ONE
from jaxlab.analysis.cells import levels, range_over_seeds, select
from jaxlab.analysis.critical_depth import critical_depths
from jaxlab.analysis.estimate import RANGE, NotMeasurable, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.interval import student_interval
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "large": {"puzzles": ("9x9_1", "9x9_2", "9x9_4", "9x9_8"), "depths": (1, 2, 4, 8, 16)}
    | {"model.width": 128, "seeds": 5, "train.batch_size": 256}
    | {"train.steps": 20_000, "records.every_steps": 5000},
    "tiny": {"puzzles": ("4x4_3",), "depths": (1,), "parallel": (), "rates": (3e-3,), "seeds": 2}
    | {"model.width": 8, "train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("sudoku", "mixer")
    config.model.width = 24  # of one layer; three to a head
    config.model.count = 1  # of votes and streams
    config.train.batch_size = 32
    config.train.steps = 2000
    config.records.every_steps = 500  # the last one has the training loss of the last quarter
    config.eval.batches = 128
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.rates = (1e-3, 3e-3, 1e-2)
    config.puzzles = ("4x4_1", "4x4_3")
    config.depths = (1, 2, 4, 8)
    config.parallel = ("width", "votes", "streams")
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per set of puzzles, condition, seed and rate."""
    for puzzles in config.puzzles:
        for member in equal_compute.members(config, equal_compute.conditions(config)):
            add(**{"task.puzzles": puzzles}, **member)


SOLVED = "eval_row_accuracy"  # the share of puzzles without a mistake


@cache
def at_all_rates(study):
    """Returns the cells, with all learning rates, by the rounds that their puzzles need."""
    data = cells.final_metrics(study, "task.puzzles", *conditions.KEYS)
    sets = {int(name.partition("_")[2]): name for name in levels(data, "task.puzzles")}
    return {
        rounds: conditions.by_condition(select(data, {"task.puzzles": sets[rounds]}))
        for rounds in sorted(sets)
    }


@cache
def at_best_rates(study):
    """Returns the cells with their best learning rates, by the rounds that their puzzles need."""
    return {rounds: conditions.at_best_rates(own) for rounds, own in at_all_rates(study).items()}


def solved(study, condition, hard):
    """Returns the share of the puzzles of most rounds, or of one round, that each seed solves."""
    found = at_best_rates(study)
    if min(found) != 1 or max(found) == 1:
        raise NotMeasurable(f"the puzzles need {min(found)} to {max(found)} rounds, not 1 and more")
    return found[max(found) if hard else 1][condition][SOLVED].values


def share(condition, *, hard):
    """Measures the share of puzzles that are solved under a condition."""
    return lambda study: over_seeds(solved(study, condition, hard))


def added(name, *, hard):
    """Measures the percentage points that eight times the compute of one layer adds."""

    def measure(study):
        one_S, more_S = (solved(study, key, hard) for key in (ONE, (name, EIGHT[name])))
        return over_seeds(100 * (more_S - one_S), f"one layer solves {one_S.mean():.3f} of them")

    return measure


def lead_of_layers(*, hard, halvings=False):
    """Measures the lead of layers over width, votes and streams, the least of three.

    It is in percentage points solved or, with `halvings`, in halvings of the share left unsolved,
    where half a puzzle counts as none.
    """

    def measure(study):
        count = study.config.train.batch_size * study.config.eval.batches
        share_S = {name: solved(study, (name, times), hard) for name, times in EIGHT.items()}
        score_S = {
            name: -np.log2(np.maximum(1 - own_S, 0.5 / count)) if halvings else 100 * own_S
            for name, own_S in share_S.items()
        }
        deep_S = score_S.pop("depth")
        told = ", ".join(f"{own_S.mean():.3f} by {name}" for name, own_S in share_S.items())
        perfect = f"{int((share_S['depth'] == 1).sum())} of {deep_S.size} seeds of layers solve all"
        leads = (student_interval(deep_S - other_S) for other_S in score_S.values())
        return cells.least(leads, f"solved: {told}; {perfect}")

    return measure


def more_layers(study):
    """Measures how many layers more the hard puzzles need until 95 % of them are solved."""
    found = at_best_rates(study)
    depths = sorted(times for name, times in found[max(found)] if name == "depth")
    easy_DxS, hard_DxS = (
        np.array([solved(study, ("depth", depth), hard) for depth in depths])
        for hard in (False, True)
    )
    easy_S, hard_S = (critical_depths(depths, own_DxS.T) for own_DxS in (easy_DxS, hard_DxS))
    shares = zip(hard_DxS.mean(axis=1), depths, strict=True)
    told = "hard puzzles solved: " + ", ".join(f"{own:.4f} by {depth}" for own, depth in shares)
    if not np.isfinite([easy_S, hard_S]).all():
        raise NotMeasurable(f"for some seeds no depth was enough; {told}")
    told = f"{easy_S.mean():.3g} and {hard_S.mean():.3g} layers; {told}"
    return of_interval(range_over_seeds(hard_S - easy_S), covers=RANGE, detail=told)


HARD = "Hard puzzles (the most rounds of forced moves, 3 by default)"
EASY = "Control, puzzles of one round of forced moves"
RATIO = "(log2 of the error-rate ratio; half a puzzle counts as no error)"
claim = partial(Claim, source=cells.BY)
control = partial(claim, kind=Kind.CONTROL)


def claims_of_gain(name, spent_on, range_words, expected, most):
    """Returns the claims of what one kind of compute adds to hard and to easy puzzles."""
    spent = f"eight times the compute of one layer, spent on {spent_on}, adds"
    unit = "percentage points to the share that is solved"
    label = f"8 times the compute in {name}"
    return (
        claim(
            f"sudoku_{name}",
            f"{HARD}: {spent} {range_words} {unit}",
            expected=expected,
            measure=added(name, hard=True),
            heading=cells.ON_SUDOKU,
            label=label,
        ),
        control(
            f"sudoku_easy_{name}",
            f"{EASY}: {spent} less than {most:g} {unit}",
            expected=(-inf, most),
            measure=added(name, hard=False),
            heading=cells.ON_EASY_SUDOKU,
            label=label,
        ),
    )


CLAIMS = cells.trained_for(
    2000,
    *claims_of_gain("depth", "layers that share their weights", "at least 20", (20.0, inf), 20.0),
    *claims_of_gain("width", "width", "less than 20", (-inf, 20.0), 20.0),
    *claims_of_gain("votes", "mixers that vote", "less than 10", (-inf, 10.0), 10.0),
    *claims_of_gain("streams", "streams through one mixer", "less than 10", (-inf, 10.0), 10.0),
    claim(
        "sudoku_over",
        f"{HARD}: of equal compute, layers solve at least 10 percentage points more than the best "
        "of width, votes and streams",
        expected=(10.0, inf),
        measure=lead_of_layers(hard=True),
    ),
    claim(
        "sudoku_halved",
        f"{HARD}: of equal compute, layers at least halve the error rate of the best of width, "
        f"votes and streams {RATIO}",
        expected=(1.0, inf),
        measure=lead_of_layers(hard=True, halvings=True),
    ),
    control(
        "sudoku_easy_halved",
        f"{EASY}: of equal compute, layers do not halve the error rate of the best of width, votes "
        f"and streams {RATIO}",
        expected=(-inf, 1.0),
        measure=lead_of_layers(hard=False, halvings=True),
    ),
    claim(
        "sudoku_solved",
        f"{HARD}: eight layers solve at least 0.9 of them (share of puzzles)",
        expected=(0.9, inf),
        measure=share(DEEP, hard=True),
    ),
    control(
        "sudoku_easy_solved",
        f"{EASY}: two layers solve at least 0.95 of them (share of puzzles)",
        expected=(0.95, inf),
        measure=share(("depth", 2), hard=False),
    ),
    claim(
        "sudoku_layers",
        f"{HARD}: at least one layer more is needed to solve 95 % of them than of puzzles of one "
        "round (layers more)",
        expected=(1.0, inf),
        measure=more_layers,
    ),
    free=("puzzles", "depths", "rates", "model.width", "train.*"),
)


def solved_by_compute(study):
    """Returns the share of solved puzzles against compute, of the most rounds and of the least."""
    found = at_best_rates(study)
    figure, axes = panels(1, 2)
    for ax, rounds in zip(axes, (max(found), min(found)), strict=True):
        conditions.draw(ax, found[rounds], SOLVED)
        title = f"{rounds} round{'s' * (rounds > 1)} of forced moves"
        ax.set(ylabel="share of puzzles solved", ylim=(-0.03, 1.03), title=title)
    caption = (
        f"Puzzles without a mistake, {study.seeds} seeds, 95 % intervals. From one layer "
        "on, compute goes into layers (same parameters), width, mixers that vote, or mixed streams "
        "(same parameters but for a shift each). Every layer sees the whole board, and puzzles of "
        f"all rounds have as many blanks. {conditions.CHOICE}"
    )
    return Figure("sudoku", "Blanks that follow one from another", caption, figure)


def every_rate(study):
    """Returns every cell and learning rate with what it solves and costs."""
    return conditions.table(
        "sudoku: share of puzzles solved", "rounds", at_all_rates(study), SOLVED
    )


FIGURES = (solved_by_compute,)
TABLES = (every_rate, classes.tasks_table)
