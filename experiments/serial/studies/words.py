"""How far into words of a group models reach: recurrence, layers of attention, a linear scan."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.reach import by_letter, reach
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import cell, exactly, lowest, pick, range_over_seeds
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial.groups import group as of_name
from jaxlab.tasks.serial.words import Words

LEARNED = f"{BY}; it says what is learned in these steps"
EXPECTED = {
    "words_gru": Expected(
        "A GRU follows words of S3 to their last letter (accuracy there)", BY, None, (0.99, inf)
    ),
    "words_transformer": Expected(
        "A transformer of one layer reaches no further than 5 letters of S3 (letters, range over "
        "seeds)",
        LEARNED,
        None,
        (-inf, 5.0),
    ),
    "words_parameters": Expected(
        "though it has more parameters than the GRU (those of the GRU over its own)",
        BY,
        None,
        (0.0, 1.0),
    ),
    "words_layers": Expected(
        "On A5 reach grows from 1 to 2 to 4 layers, and to the GRU (the least gain in letters, "
        "range over seeds)",
        LEARNED,
        None,
        (0.5, inf),
    ),
    "words_control": Expected(
        "Control: with two layers Z6, of the order of S3 and in TC0, is followed further than S3 "
        "(letters more, range over seeds)",
        LEARNED,
        None,
        (5.0, inf),
        control=True,
    ),
}
PINNED = {"task.name": "words", **of_training(2000)}
KEYS = ("task.group", "task.letters", "model.name", "model.layers", "model.depth")
KINDS = {"transformer": "transformer", "recurrent": "GRU", "state_space": "linear scan"}


def cells(study: Study) -> dict[tuple[str, str, int], xr.Dataset]:
    """Returns the cells by (group, model, layers)."""
    data = ends(study, *KEYS)
    found = {}
    for group, name in sorted(
        set(zip(data["task.group"].values, data["model.name"].values, strict=True))
    ):
        of_kind = pick(data, {"task.group": group, "model.name": name})
        key = "model.layers" if name == "transformer" else "model.depth"
        for layers in sorted(set(of_kind[key].values.tolist())):
            found[str(group), str(name), layers] = cell(of_kind, {key: layers})
    return found


def reach_of(study: Study, own: xr.Dataset) -> np.ndarray:
    """Returns the reach of each seed, [S] letters."""
    return reach(by_letter(own, study.config.task.length))


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns reaches, and what they gain from layers, from recurrence and from an easy group."""
    found = cells(study)
    gru, one = ("S3", "recurrent", 1), ("S3", "transformer", 1)
    ladder = [("A5", "transformer", layers) for layers in (1, 2, 4)] + [("A5", "recurrent", 1)]
    easy, hard = (("Z6", "transformer", 2), ("S3", "transformer", 2))
    if missing := [key for key in {gru, one, *ladder, easy, hard} if key not in found]:
        return dict.fromkeys(EXPECTED, Unmeasured(f"the study has no cell {sorted(missing)}"))
    reach_K = {key: reach_of(study, own) for key, own in found.items()}
    last = f"eval_accuracy_letter_{study.config.task.length}"
    ratio = float(found[gru]["parameters"][0] / found[one]["parameters"][0])
    gains = [
        range_over_seeds(reach_K[after] - reach_K[before]) for before, after in pairwise(ladder)
    ]
    return {
        "words_gru": Measured(student_interval(found[gru][last].values)),
        "words_transformer": Measured(range_over_seeds(reach_K[one])),
        "words_parameters": Measured(exactly(ratio)),
        "words_layers": Measured(
            lowest(gains),
            "reach: " + ", ".join(f"{reach_K[key].mean():.3g} ({_name(*key)})" for key in ladder),
        ),
        "words_control": Measured(
            range_over_seeds(reach_K[easy] - reach_K[hard]),
            f"reach: {reach_K[easy].mean():.3g} and {reach_K[hard].mean():.3g}",
        ),
    }


def _name(group: str, name: str, layers: int) -> str:
    return f"{group}, " + f"{layers}-layer " * (name == "transformer") + KINDS[name]


def figures(study: Study) -> list[Figure]:
    """Returns accuracy along the word, one panel for each group."""
    found = cells(study)
    groups = sorted({key[0] for key in found})
    figure, axes = panels(1, len(groups), panel_height_inches=4.0)
    length = study.config.task.length
    labels = dict.fromkeys(_name(*key).partition(", ")[2] for key in found)
    colours = dict(zip(labels, CATEGORY_COLOURS, strict=False))  # a model's is the same everywhere
    for ax, group in zip(axes, groups, strict=True):
        own = {key: data for key, data in found.items() if key[0] == group}
        for key, data in own.items():
            right_SxN = by_letter(data, length)
            place_N = np.arange(1, length + 1)
            low_N, high_N = right_SxN.min(axis=0), right_SxN.max(axis=0)
            label = _name(*key).partition(", ")[2]
            colour = colours[label]
            ax.plot(place_N, right_SxN.mean(axis=0), color=colour, label=label)
            ax.fill_between(place_N, low_N, high_N, color=colour, alpha=0.2, lw=0)
        ax.axhline(1 / of_name(group).order, color=GREY, ls="--", label="guess")
        ax.set(xlabel="letters of the prefix", title=group, ylim=(-0.03, 1.03))
    axes[0].set_ylabel("accuracy")
    plots.shared_legend(axes)
    caption = (
        f"Accuracy on every prefix after {study.config.train.steps} steps, mean and range of "
        f"{study.config.seeds} seeds. Secondary evidence: more steps move the curves to the right."
    )
    return [Figure("words", "How far into a word", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell, with its reach and what a guess is right in over all prefixes."""
    rows = {}
    for (group, name, layers), own in cells(study).items():
        task = Words(group, study.config.task.length, str(own["task.letters"].values[0]))
        known = float(reach_of(study, own).mean()), round(task.chance(), 4)
        rows[group, KINDS[name], layers, *known] = own
    names = ("group", "model", "layers", "reach, letters", "guess")
    return [table("words: accuracy over all prefixes", names, rows)]
