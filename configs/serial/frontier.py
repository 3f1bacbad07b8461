"""How many elements of a product does each loop of one block add, when loops grow with sequences?

Prediction: trained with T loops on sequences of n elements, a block makes the correct prefix n / T
elements longer in every loop (arXiv 2607.20594). One transformer block, tied and re-injected,
computes the products of S3 of every prefix. A curriculum asks for two elements first and doubles
them, with loops in proportion, at every number of loops alike; so the prefix is taught at 2, 4 and
8 elements, and beside it stands the same curriculum of lengths with all loops from the start.
Without positions a block did not learn in the pilots. Another block is trained with one loop and
runs many times.
Default: sequences of 8, 2000 steps, 3 seeds; 11 minutes on two CPU cores.
Size large: sequences of 16, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/frontier.py --workdir=runs/frontier
"""

from functools import partial
from math import inf

import numpy as np

from experiments.serial import build, classes, prefixes
from experiments.serial.cells import BY, by_values, trained_for
from experiments.serial.prefixes import range_estimate
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "large": {"task.length": 16, "task.stage_steps": 3000, "loops": (1, 8, 16), "unrolled": 32}
    | {"seeds": 5, "train.batch_size": 256, "train.steps": 20_000},
    "tiny": {"task.length": 4, "task.stage_steps": 2, "loops": (1, 2, 4), "unrolled": 8}
    | {"model.width": 8, "model.hidden": 16, "seeds": 2}
    | {"train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("growing_words", "looped")
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
    config.loops = (1, 4, 8)
    return override(config, choose(arg, SIZES))


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


COLUMNS = {"model.loops": "loops", "staged_loops": "loops grow with the length"}


def cell_of(study, loops, staged=True):
    """Returns the members with so many loops of training, which grow with the length or do not."""
    return by_values(study, *COLUMNS)[loops, staged]


def by_loop(study, loops, staged=True):
    """Returns the longest correct prefix of each seed of a cell after each loop, [S, L]."""
    length, unrolled = study.config.task.length, study.config.unrolled
    if unrolled < 2 * length:
        raise NotMeasurable(f"blocks are read after {unrolled} loops, not after {2 * length}")
    prefix_SxL = prefixes.after_each_loop(study, cell_of(study, loops, staged))
    if staged and not prefix_SxL[:, loops - 1].all():
        raise NotMeasurable("some block has not learned its first element")
    return prefix_SxL


def lost(study):
    """Measures the elements that are lost when a block runs for twice its loops of training."""
    length = study.config.task.length
    prefix_SxL = by_loop(study, length)
    return range_estimate(prefix_SxL[:, length - 1] - prefix_SxL[:, 2 * length - 1])


def off_the_line(study):
    """Measures how far the prefix is from one element a loop, at most over the loops."""
    line_L = np.arange(1, study.config.task.length + 1)
    prefix_SxL = by_loop(study, line_L.size)[:, : line_L.size]
    return range_estimate(np.abs(prefix_SxL - line_L).max(axis=1))


def gain_of_growing_loops(study):
    """Measures by how many elements loops that grow lead the same loops from the start."""
    length = study.config.task.length
    grown_S, fixed_S = (by_loop(study, length, staged)[:, length - 1] for staged in (True, False))
    return range_estimate(grown_S - fixed_S, f"{fixed_S.mean():.3g} of {length} from the start")


def gain_of_untrained_loops(study):
    """Measures the elements that many loops of a block add which was trained with one."""
    prefix_SxL = by_loop(study, 1)
    first_S, last_S = prefix_SxL[:, 0], prefix_SxL[:, -1]
    told = f"{first_S.mean():.3g} after one loop, {last_S.mean():.3g} after {prefix_SxL.shape[1]}"
    return range_estimate(last_S - first_S, told)


claim = partial(Claim, source=BY)
published = partial(
    Claim, source="arXiv 2607.20594: elements per loop of training; range by this lab"
)
CLAIMS = trained_for(
    2000,
    published(
        "frontier_slope",
        "S3: trained with as many loops as a sequence is long, a loop of a re-injected block makes "
        "the correct prefix one element longer",
        expected=(0.8, 1.2),
        published=1.0,
        measure=prefixes.elements_per_loop(cell_of, 1.0),
    ),
    claim(
        "frontier_whole",
        "S3: the last of as many loops as a sequence is long is right up to its end (elements that "
        "are missed)",
        expected=(0.0, 0.5),
        measure=prefixes.missed(cell_of),
    ),
    claim(
        "frontier_past",
        "S3: twice as many loops as the block was trained with lose no element of the correct "
        "prefix (elements lost)",
        expected=(-inf, 0.5),
        measure=lost,
    ),
    published(
        "frontier_half",
        "S3: trained with half as many loops as a sequence is long, a loop of a re-injected block "
        "makes the correct prefix two elements longer",
        expected=(1.6, 2.4),
        published=2.0,
        measure=prefixes.elements_per_loop(cell_of, 0.5),
    ),
    claim(
        "frontier_line",
        "S3: trained with as many loops as a sequence is long, the correct prefix is never more "
        "than one element away from one element a loop (elements, the most over loops)",
        expected=(0.0, 1.0),
        measure=off_the_line,
    ),
    claim(
        "frontier_fixed",
        "S3: taught the same lengths stage by stage, but with all loops from the start, the block "
        "has a shorter correct prefix (elements fewer)",
        expected=(0.5, inf),
        measure=gain_of_growing_loops,
    ),
    claim(
        "frontier_untrained",
        "S3: loops have to be trained: the correct prefix of a block that was trained with one "
        "loop is no longer when it runs many times (elements more than after one)",
        expected=(-inf, 0.5),
        measure=gain_of_untrained_loops,
    ),
    free=("task.length", "task.stage_steps", "loops", "unrolled", "train.batch_size"),
)


def prefix_loop_by_loop(study):
    """Returns the longest correct prefix loop by loop, a panel for each cell."""
    found, length = by_values(study, *COLUMNS), study.config.task.length
    figure, axes = panels((len(found) + 1) // 2, 2, panel_height_inches=3.2)
    for ax, ((trained, staged), members) in zip(axes, found.items(), strict=False):
        prefixes.draw_loop_by_loop(ax, prefixes.after_each_loop(study, members), trained)
        loops = f"{trained} loop{'s' * (trained > 1)}{', all from the start' * (not staged)}"
        ax.set(title=f"trained with {loops}", ylim=(-0.3, length + 0.3))
    for ax in axes[len(found) :]:
        ax.remove()
    caption = (
        f"Sequences of {length} elements of S3, {study.seeds} seeds: the longest prefix up "
        "to which all products are 95 % right, read after each loop of one block that reads the "
        "tokens again in every loop. Training asks for two elements first and doubles them, with "
        "loops in proportion but in one panel; all have the same parameters, data and steps."
    )
    return Figure("frontier", "An element for every loop", caption, figure)


FIGURES = (prefix_loop_by_loop,)
TABLES = (prefixes.every_cell(COLUMNS), classes.tasks_table)
