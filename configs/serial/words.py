"""Does a recurrence follow a product of group elements further than a few layers of attention?

Prediction: a recurrence, whose serial depth grows with the sequence, computes a product of any
length; a transformer of few layers does not, the less the fewer they are (arXiv 2507.12549; the
paper has no experiment, this one is the lab's). Every prefix is asked for; the longest correct
prefix is the one up to which all products are 95 % right. S3 stands beside Z6, a group of the same
order in TC0; the word problem of A5 is NC1-complete, and its sequences are of generators. This is
evidence of what is learned in a given number of steps, not of what could be held: transformers here
are far from trained out.
Default: sequences of 16, 2000 steps, 3 seeds; 14 minutes on two CPU cores.
Size large: sequences of 32, 5 seeds, for an accelerator. Size speed: for scripts/benchmark.py.

python scripts/sweep.py --config=configs/serial/words.py --workdir=runs/words
"""

from functools import partial
from itertools import pairwise
from math import inf

import numpy as np

from experiments.serial import build, classes, meter, models, prefixes
from experiments.serial.cells import BY, by_values, trained_for
from jaxlab.analysis.cells import lowest, range_over_seeds
from jaxlab.analysis.estimate import RANGE, exact, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.tasks.serial.groups import group as group_of

# Group, letters, model, layers.
CELLS = (
    *(("S3", "elements", "transformer", layers) for layers in (1, 2)),
    *(("Z6", "elements", "transformer", layers) for layers in (1, 2)),
    *(("A5", "generators", "transformer", layers) for layers in (1, 2, 4)),
    *((group, "elements", "recurrent", 1) for group in ("S3", "Z6")),
    ("A5", "generators", "recurrent", 1),
    ("S3", "elements", "state_space", 1),
    ("A5", "generators", "state_space", 1),
)
SIZES = {
    "default": {},
    "large": {"task.length": 32, "seeds": 5, "train.batch_size": 256, "train.steps": 20_000},
    "speed": {"cells": (CELLS[9],), "seeds": 1, "train.steps": 200}
    | {"records.every_steps": 200, "eval.batches": 1},
    "tiny": {"cells": (CELLS[0], CELLS[7], CELLS[10]), "task.length": 3, "model.width": 8}
    | {"model.hidden": 8, "seeds": 2, "train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large, speed or tiny."""
    config = build.config("words", "transformer")
    config.task.group = "S3"
    for name in ("recurrent", "state_space"):
        config.model.update(models.DEFAULTS[name] | config.model.to_dict())
    config.train.batch_size = 64
    config.train.steps = 2000
    config.optimizer.learning_rate = 2e-3
    config.records.every_steps = 20_000  # the last one alone is read
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.cells = CELLS
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per cell and seed."""
    for group, letters, name, layers in config.cells:
        for seed in range(config.seeds):
            add(
                **{
                    "task.group": group,
                    "task.letters": letters,
                    "model.name": name,
                    "model.layers" if name == "transformer" else "model.depth": layers,
                    "seed": config.first_seed + seed,
                }
            )


COLUMNS = {"task.group": "group", "model.name": "model", "model.layers": "layers"}
COLUMNS |= {"task.letters": "letters"}
GRU, ONE_LAYER = (("S3", name, 1, "elements") for name in ("recurrent", "transformer"))
LADDER = {  # on A5, from little serial depth to much
    **{f"{layers} layers": ("A5", "transformer", layers, "generators") for layers in (1, 2, 4)},
    "GRU": ("A5", "recurrent", 1, "generators"),
}


def prefix(study, values):
    """Returns the longest correct prefix of each seed of a cell, [S]."""
    return prefixes.of_members(study, by_values(study, *COLUMNS)[values])


def gru_at_the_end(study):
    """Measures how often a GRU is right about whole sequences of S3."""
    members = by_values(study, *COLUMNS)[GRU]
    return over_seeds(prefixes.accuracy_by_length(study, members)[:, -1])


def one_layer(study):
    """Measures the longest correct prefix of a transformer of one layer on S3."""
    return prefixes.range_estimate(prefix(study, ONE_LAYER))


def parameters(study):
    """Measures the parameters of the GRU over those of that transformer."""
    found = by_values(study, *COLUMNS)
    gru, transformer = (int(found[values]["parameters"][0]) for values in (GRU, ONE_LAYER))
    return exact(gru / transformer, f"{gru} and {transformer}")


def gain_of_layers(study):
    """Measures the least gain in prefix from 1 to 2 to 4 layers, and to the GRU, on A5."""
    prefix_S = {name: prefix(study, values) for name, values in LADDER.items()}
    told = ", ".join(f"{own_S.mean():.3g} ({name})" for name, own_S in prefix_S.items())
    gains = (range_over_seeds(more_S - less_S) for less_S, more_S in pairwise(prefix_S.values()))
    return of_interval(lowest(gains), covers=f"{RANGE}, in every step", detail=f"prefixes: {told}")


def easy_over_hard(study):
    """Measures by how much the prefix of two layers is longer for Z6 than for S3."""
    easy_S, hard_S = (prefix(study, (of, "transformer", 2, "elements")) for of in ("Z6", "S3"))
    told = f"prefixes: {easy_S.mean():.3g} and {hard_S.mean():.3g}"
    return prefixes.range_estimate(easy_S - hard_S, told)


claim = partial(Claim, source=BY)
CLAIMS = (
    *trained_for(
        2000,
        claim(
            "words_gru",
            "A GRU computes products of S3 up to the end of the sequence (accuracy there)",
            expected=(0.99, inf),
            measure=gru_at_the_end,
        ),
        claim(
            "words_transformer",
            "The longest correct prefix of a transformer of one layer on S3 is at most 5 elements",
            expected=(-inf, 5.0),
            measure=one_layer,
            source=BY + prefixes.LEARNED,
        ),
        claim(
            "words_parameters",
            "A transformer of one layer has more parameters than the GRU (GRU over transformer)",
            expected=(0.0, 1.0),
            measure=parameters,
            kind=Kind.CHECK,
        ),
        claim(
            "words_layers",
            "On A5 the longest correct prefix grows by at least 0.5 elements from one layer of "
            "attention to two, from two to four, and from four to a GRU (the least gain)",
            expected=(0.5, inf),
            measure=gain_of_layers,
            source=BY + prefixes.LEARNED,
        ),
        claim(
            "words_control",
            "Control: with two layers the longest correct prefix is at least 5 elements longer for "
            "Z6, of the order of S3 and in TC0, than for S3",
            expected=(5.0, inf),
            measure=easy_over_hard,
            source=BY + prefixes.LEARNED,
            kind=Kind.CONTROL,
        ),
        free=("cells", "task.length", "train.batch_size"),
    ),
    *meter.CLAIMS,
)


def accuracy_by_length(study):
    """Returns accuracy along the sequence, one panel for each group."""
    found = by_values(study, *COLUMNS)
    names = {"transformer": "transformer", "recurrent": "GRU", "state_space": "linear scan"}
    groups, kinds = (dict.fromkeys(values[i] for values in found) for i in (0, slice(1, 3)))
    colour_of = dict(zip(kinds, CATEGORY_COLOURS, strict=False))  # a model's is the same everywhere
    figure, axes = panels(1, len(groups), panel_height_inches=4.0)
    for ax, group in zip(axes, groups, strict=True):
        for (of, name, layers, _), members in found.items():
            if of == group:
                right_SxN = prefixes.accuracy_by_length(study, members)
                length_N, colour = np.arange(1, right_SxN.shape[1] + 1), colour_of[name, layers]
                label = f"{layers}-layer " * (name == "transformer") + names[name]
                ax.plot(length_N, right_SxN.mean(axis=0), color=colour, label=label)
                ends = right_SxN.min(axis=0), right_SxN.max(axis=0)
                ax.fill_between(length_N, *ends, color=colour, alpha=0.2, lw=0)
        ax.axhline(1 / group_of(group).order, color=GREY, ls="--", label="guess")
        ax.set(xlabel="length of the prefix", title=group, ylim=(-0.03, 1.03))
    axes[0].set_ylabel("accuracy")
    plots.shared_legend(axes)
    caption = (
        f"Accuracy on every prefix after {study.config.train.steps} steps, mean and range of "
        f"{study.seeds} seeds. Secondary evidence: more steps move the curves to the right."
    )
    return Figure("words", "How far into a sequence products are right", caption, figure)


FIGURES = (accuracy_by_length, *meter.FIGURES)
TABLES = (prefixes.every_cell(COLUMNS), classes.tasks_table, *meter.TABLES)
