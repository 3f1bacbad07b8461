"""Does running one block again follow a product of group elements further, at no more parameters?

Prediction: serial computation can be scaled alone, by running the same weights again (arXiv
2507.12549; the paper has no experiment, this one is the lab's). One transformer block, tied over 1
to 8 loops, computes the products of S3 of every prefix; the longest correct prefix is the one up to
which all are 95 % right. Each block is also read after each of its loops: how many elements a loop
adds, and what becomes of them past the loops that it was trained with. Its loops are not
re-injected: for a block that reads the tokens again in every loop see frontier. Beside them stands
one loop whose width spends the FLOPs of eight.
Default: sequences of 8, 2000 steps, 3 seeds; 8 minutes on two CPU cores.
Size large: sequences of 16, 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/loops.py --workdir=runs/loops
"""

from functools import partial
from math import inf

from experiments.serial import build, classes, prefixes
from experiments.serial.cells import BY, by_values, ends, trained_for
from jaxlab.analysis.cells import range_over_seeds
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "large": {"task.length": 16, "loops": (1, 2, 4, 8, 16), "wide": 264, "unrolled": 32}
    | {"seeds": 5, "train.batch_size": 256, "train.steps": 20_000},
    "tiny": {"task.length": 2, "loops": (1, 2), "unrolled": 3, "model.width": 8, "wide": 16}
    | {"model.hidden": 16, "seeds": 2, "train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("words", "looped")
    config.task.group = "S3"
    config.task.length = 8
    config.train.batch_size = 64
    config.train.steps = 2000
    config.optimizer.learning_rate = 2e-3
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 32
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.unrolled = 16  # loops after each of which all models are read
    config.wide = 184  # of the single loop that has the FLOPs of the most loops
    config.loops = (1, 2, 4, 8)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per number of loops and seed, and one loop that is wide."""
    sizes = [(config.model.width, loops) for loops in config.loops]
    for width, loops in [*sizes, (config.wide, 1)]:
        for seed in range(config.seeds):
            add(
                **{
                    "model.width": width,
                    "model.hidden": 2 * width,
                    "model.loops": loops,
                    "seed": config.first_seed + seed,
                }
            )


COLUMNS = {"model.width": "width", "model.loops": "loops"}


def cell_of(study, loops, wide=False):
    """Returns the members with so many loops of training, of the narrow or of the wide block."""
    found = by_values(study, *COLUMNS)
    width = (max if wide else min)(width for width, _ in found)
    return found[width, loops]


def gain(*, wide):
    """Measures by how many elements as many loops as elements lead one loop, narrow or wide."""

    def measure(study):
        one, whole = cell_of(study, 1, wide), cell_of(study, study.config.task.length)
        one_S, whole_S = (prefixes.of_members(study, members) for members in (one, whole))
        times = int(one["flops"][0]) / int(whole["flops"][0])
        told = f"{one_S.mean():.3g}, with {times:.3g} times the FLOPs, and {whole_S.mean():.3g}"
        return prefixes.range_estimate(whole_S - one_S, f"prefixes: {told}")

    return measure


PLAIN = "not re-injected: each loop reads the states of the loop before, and no tokens"
ELSEWHERE = (
    "arXiv 2607.20594 has elements per loop, of a model that is re-injected; range by this lab"
)
claim = partial(Claim, source=BY)
CLAIMS = trained_for(
    2000,
    claim(
        "loops_gain",
        "S3: as many loops of one block as a sequence is long have a longest correct prefix at "
        "least 0.5 elements longer than one loop with the same parameters",
        expected=(0.5, inf),
        measure=gain(wide=False),
    ),
    claim(
        "loops_whole",
        "S3: as many loops of one block as a sequence is long are right up to its end (elements "
        "that are missed)",
        expected=(0.0, 0.5),
        measure=prefixes.missed(cell_of),
    ),
    claim(
        "loops_wide",
        "S3: as many loops of one block as a sequence is long have a longest correct prefix at "
        "least 0.5 elements longer than one loop of as many FLOPs, spent on its width",
        expected=(0.5, inf),
        measure=gain(wide=True),
    ),
    claim(
        "loops_frontier",
        "S3: read after each of its loops of training, as many as a sequence is long, a loop of "
        f"this block ({PLAIN}) makes the correct prefix one element longer",
        expected=(0.8, 1.2),
        measure=prefixes.elements_per_loop(cell_of, 1.0),
        source=ELSEWHERE,
    ),
    claim(
        "loops_half",
        "S3: trained with half as many loops as a sequence is long, a loop of this block makes the "
        "correct prefix two elements longer",
        expected=(1.6, 2.4),
        measure=prefixes.elements_per_loop(cell_of, 0.5),
        source=ELSEWHERE,
    ),
    free=("task.length", "loops", "wide", "unrolled", "train.batch_size"),
)


def prefix_by_loops(study):
    """Returns the longest correct prefix against the loops of training, and loop by loop."""
    figure, (left, right) = panels(1, 2)
    found, length = by_values(study, *COLUMNS), study.config.task.length
    narrow = min(found)[0]
    for width in dict.fromkeys(width for width, _ in found):
        parts = {
            loops * (1 if width == narrow else 1.04): range_over_seeds(
                prefixes.of_members(study, members)
            )
            for (of, loops), members in found.items()
            if of == width
        }
        plots.interval_plot(left, list(parts), *ends(parts.values()), label=f"width {width}")
    left.set(xlabel="loops of training", ylabel="longest correct prefix, elements")
    plots.doublings(left)
    trained = max(loops for width, loops in found if width == narrow)
    by_loop_SxL = prefixes.after_each_loop(study, found[narrow, trained])
    prefixes.draw_loop_by_loop(right, by_loop_SxL, trained)
    for ax in (left, right):
        ax.set_ylim(-0.3, length + 0.3)
        plots.legend(ax)
    caption = (
        f"Sequences of S3, mean and range of {study.seeds} seeds. Left: one block with the "
        "same parameters, trained with more loops; and one loop of as many FLOPs as the most "
        "loops, spent on width. Right: the one with the most loops, read after each of them, and "
        f"beyond those that it was trained with. The model is {PLAIN}."
    )
    return Figure("loops", "Depth by repetition", caption, figure)


FIGURES = (prefix_by_loops,)
TABLES = (prefixes.every_cell(COLUMNS), classes.tasks_table)
