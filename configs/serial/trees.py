"""Does the product of n group elements take log n levels of small blocks, whatever their width?

Prediction: it does, and neither the width nor the parameters of fewer levels make up for them
(arXiv 2507.12549; the paper has no experiment, this one is the lab's). Levels of a tree share their
weights, so that trees of two branches have the same parameters at every depth; every level is
taught the products of its blocks, the roots that of all 16 elements. A5, whose word problem is
NC1-complete, and Z60, abelian and in TC0, must show the same threshold, since who misses an element
knows nothing: that threshold reflects the receptive field. Beside them stand trees of one level
that see all elements, with 5 times the parameters, at two rates and with and without weight decay:
they are taught the whole product alone, and what they miss of A5 or of Z60 is a matter of learning
and of that curriculum. The majority of the same 16 elements, the control, is learned so.

Default: 3 seeds, 6000 steps; 22 minutes on two CPU cores. A first run, of 3000 steps and seeds 100
to 102, ended while four levels of A5 were still learning (0.999, 0.06 and 0.48 right); this one has
twice the steps in all its cells, and other seeds.
Size large: 5 seeds, 20,000 steps, for an accelerator.

python scripts/sweep.py --config=configs/serial/trees.py --workdir=runs/trees
"""

from functools import partial
from math import inf

import scipy

from experiments.serial import build, cells, classes
from experiments.serial.blocks import Blocks
from jaxlab.analysis.cells import distance, range_over_seeds
from jaxlab.analysis.estimate import Estimate, NotMeasurable, exact
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.groups import group as group_of

SIZES = {
    "default": {},
    "large": {"seeds": 5, "train.steps": 20_000, "train.batch_size": 128},
    "tiny": {"groups": ("S3",), "shapes": ((2, 1), (2, 2)), "task.length": 4, "seeds": 2}
    | {"model.features": 4, "model.width": 8}
    | {"train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("blocks", "tree")
    config.train.batch_size = 32
    config.train.steps = 6000
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.5  # without it a level's answers are no input to the next
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 128
    config.seeds = 3
    config.first_seed = 110  # a first run and pilots had lower ones
    config.groups = ("A5", "Z60")
    config.shapes = ((2, 1), (2, 2), (2, 3), (2, 4), (4, 2))  # branches, levels
    config.rates = (1e-3, 3e-3)  # of one level, with each of the decays
    config.decays = (0.0, 0.5)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per group, (fan-in, depth) and seed, and of one level per rate and decay."""
    own, one_level = config.optimizer, (config.task.length, 1)
    usual = (own.learning_rate, own.weight_decay)
    found = [(group, *shape, *usual) for group in config.groups for shape in config.shapes]
    found += [
        (group, *one_level, rate, decay)
        for group in config.groups
        for rate in config.rates
        for decay in config.decays
    ]
    found.append(("majority", *one_level, *usual))
    for values in found:
        for seed in range(config.seeds):
            add(**dict(zip(KEYS, values, strict=True)), seed=config.first_seed + seed)


KEYS = ("task.group", "task.fan_in", "task.depth", "optimizer.learning_rate")
KEYS += ("optimizer.weight_decay",)
ROOT = "eval_accuracy_root"  # how often a root knows the product of all elements
ELEMENTS = 16
LEARNED = 0.99  # accuracy from which on a seed has learned the product


def trees(study, group, branches, levels):
    """Returns the cells of trees of a shape, one per learning rate and weight decay."""
    found = cells.by_values(study, *KEYS)
    shape = (group, branches, levels)
    if not (own := [members for values, members in found.items() if values[:3] == shape]):
        raise NotMeasurable(f"the study has no tree of {branches} branches, {levels} levels")
    return own


def told(own):
    """Returns what is said of the cells of a shape: the seeds, the parameters and the losses."""
    seeds = " and ".join(", ".join(f"{right:.3f}" for right in m[ROOT].values) for m in own)
    nats = ", ".join(f"{float(members['eval_loss'].mean()):.3g}" for members in own)
    return f"seeds: {seeds}; {int(own[0]['parameters'][0])} parameters; loss, nats: {nats}"


def share_that_learns(group):
    """Measures the share of seeds that learn the product in four levels: each does or does not."""

    def measure(study):
        (members,) = own = trees(study, group, 2, 4)
        seeds = members.sizes["member"]
        learned = int((members[ROOT].values >= LEARNED).sum())
        ends = scipy.stats.binomtest(learned, seeds).proportion_ci(0.95, method="exact")
        covers = f"{learned} of {seeds} seeds (95 %, Clopper-Pearson)"
        return Estimate(
            learned / seeds, float(ends.low), float(ends.high), seeds, covers, told(own)
        )

    return measure


def one_level(group, extreme):
    """Measures the accuracy of one level, the least or the most over rates and decays."""

    def measure(study):
        own = trees(study, group, ELEMENTS, 1)
        return extreme((cells.accuracy(members, ROOT) for members in own), told(own))

    return measure


def distance_from_guess(group):
    """Measures how far the accuracy of trees that miss elements is from a guess, at most."""

    def measure(study):
        guess = 1 / group_of(group).order
        away = [
            distance(cells.accuracy(members, ROOT), guess)
            for (of, branches, levels, *_), members in cells.by_values(study, *KEYS).items()
            if of == group and branches**levels < ELEMENTS
        ]
        if not away:
            raise NotMeasurable("the study has no tree that misses elements")
        return cells.most(away, f"{len(away)} depths, guess {guess:.4f}")

    return measure


def parameters(study):
    """Measures the parameters of one level over those of four, the least."""
    one, four = (
        [int(members["parameters"][0]) for members in trees(study, "A5", *shape)]
        for shape in ((ELEMENTS, 1), (2, 4))
    )
    return exact(min(one) / min(four), f"{min(one)} over {min(four)}")


FOUR = "four levels of two branches learn the product of 16 elements"
FEWER = (
    "fewer than four levels of two branches, with the same parameters, do no better than chance on "
    "the product of 16 elements, of which each root misses some"
)
ONE = "one level of 16 branches, which sees all elements and is taught their product alone"
claim = partial(Claim, source=cells.BY)
learned = partial(
    Claim,
    source=f"{cells.BY}; it says what is learned with this curriculum, not what could be held",
)
CLAIMS = cells.trained_for(
    6000,
    claim(
        "trees_below",
        f"A5: {FEWER} (largest distance of the accuracy from 1/60)",
        expected=(0.0, 0.01),
        measure=distance_from_guess("A5"),
        kind=Kind.CHECK,
    ),
    claim(
        "trees_reached",
        f"A5: {FOUR} (share of the seeds whose accuracy is at least {LEARNED})",
        expected=(0.99, inf),
        measure=share_that_learns("A5"),
    ),
    learned(
        "trees_wide",
        f"A5: {ONE}, does not learn it, at two rates with and without weight decay (highest "
        "accuracy; each level of a tree is taught its blocks)",
        expected=(-inf, 0.05),
        measure=one_level("A5", cells.most),
    ),
    claim(
        "trees_wide_parameters",
        "A5: one level of 16 branches has at least 5 times the parameters of the four levels (the "
        "least ratio)",
        expected=(5.0, inf),
        measure=parameters,
        kind=Kind.CHECK,
    ),
    claim(
        "trees_z60_reached",
        f"Z60: {FOUR} too (share of the seeds whose accuracy is at least {LEARNED})",
        expected=(0.99, inf),
        measure=share_that_learns("Z60"),
    ),
    claim(
        "trees_z60_below",
        f"Z60: {FEWER}. Since Z60 is in TC0, this threshold reflects the receptive field, not the "
        "complexity class (largest distance of the accuracy from 1/60)",
        expected=(0.0, 0.01),
        measure=distance_from_guess("Z60"),
        kind=Kind.CHECK,
    ),
    learned(
        "trees_z60_wide",
        f"Z60: {ONE}, does not learn it either: that it fails is a matter of learning and of the "
        "curriculum, and no sign of the class of A5 (highest accuracy)",
        expected=(-inf, 0.05),
        measure=one_level("Z60", cells.most),
    ),
    claim(
        "trees_control_majority",
        "Control: one level of 16 branches learns the majority of the same elements (accuracy)",
        expected=(0.99, inf),
        measure=one_level("majority", cells.least),
        kind=Kind.CONTROL,
    ),
    free=("train.batch_size",),
)


def accuracy_by_levels(study):
    """Returns accuracy against levels at equal parameters, and that of trees with fewer levels."""
    figure, (left, right) = panels(1, 2)
    found, length, best = cells.by_values(study, *KEYS), study.config.task.length, {}
    for number, group in enumerate(dict.fromkeys(values[0] for values in found)):
        narrow, whole = {}, {}
        for (of, branches, levels, *_), members in found.items():
            if of != group:
                continue
            interval, size = range_over_seeds(members[ROOT].values), int(members["parameters"][0])
            if branches == 2:
                narrow[levels + 0.05 * number] = interval
            if branches**levels == length:  # of one level the best setting
                whole[size] = max(whole.get(size, interval), interval, key=lambda i: i.value)
            if branches == length:
                best[group] = max(best.get(group, 0.0), interval.value)
        for ax, points in ((left, narrow), (right, dict(sorted(whole.items())))):
            if points:
                plots.interval_plot(ax, list(points), *cells.ends(points.values()), label=group)
    plots.whole_numbers(left)
    left.set(xlabel="levels of two branches", ylabel="accuracy on the whole product")
    right.set(xlabel="parameters of trees that see all elements", xscale="log")
    for ax in (left, right):
        ax.axhline(1 / 60, color=GREY, ls="--", label="guess, 1/60")
        ax.set_ylim(-0.03, 1.03)
        plots.legend(ax)
    shares = ", ".join(f"{right:.3g} ({group})" for group, right in best.items())
    caption = (
        f"Sequences of {length} elements, mean and range of {study.seeds} seeds. Left: "
        "trees of two branches have the same parameters at every depth. Right: fewer levels of "
        "more branches, which see all elements too and have more parameters, beside the four "
        f"levels. At best one level is right in {shares}: what it learns with the whole product as "
        "its only answer, where a tree is taught the blocks of each level, and not what it could "
        "hold."
    )
    return Figure("trees", "A level for every doubling", caption, figure)


def every_cell(study):
    """Returns every cell with the accuracy of each seed, what a guess has, and the costs."""
    rows = []
    for values, members in cells.by_values(study, *KEYS).items():
        guess = Blocks(values[0], study.config.task.length, *values[1:3]).chance()
        right = ", ".join(f"{share:.4g}" for share in members[ROOT].values)
        rows.append([*values, guess, right, *cells.spent(members)])
    header = ("group", "branches", "levels", "rate", "weight decay", "guess", "accuracy by seed")
    caption = "trees: how often the roots know the whole product"
    return Table(caption, [*header, *cells.SPENT], rows)


FIGURES = (accuracy_by_levels,)
TABLES = (every_cell, classes.tasks_table)
