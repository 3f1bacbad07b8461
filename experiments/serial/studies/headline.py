"""What k times the compute buys in depth, in width, in votes and in streams."""

from __future__ import annotations

from math import inf

import xarray as xr

from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.cells import cell, levels, lowest, pick
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

RULE, SERIAL, CONTROL = 110, 4, 1  # steps of the task and of its control
WAYS = ("depth", "width", "votes", "streams")
EXPECTED = {
    "headline_depth": Expected(
        f"Rule 110, T = {SERIAL}: {SERIAL} times the compute, spent on layers with the same "
        "parameters, is all it takes (accuracy)",
        BY,
        None,
        (0.995, inf),
    ),
    **{
        f"headline_{way}": Expected(
            f"Spent on {text}, eight times the compute adds to the accuracy of one layer "
            "(percentage points)",
            BY,
            None,
            (-1.0, 1.0),
            in_overview=True,
            short=f"8 times the compute in {way}",
        )
        for way, text in (
            ("width", "width"),
            ("votes", "votes (the mean of the probabilities of circuits that are trained apart)"),
            ("streams", "streams"),
        )
    },
    "headline_gain": Expected(
        "Spent on layers, it adds (percentage points)",
        BY,
        None,
        (40.0, 43.0),
        in_overview=True,
        short="8 times the compute in depth",
    ),
    "headline_control": Expected(
        f"Control: at T = {CONTROL} one layer is right, and so are all ways (the least accuracy)",
        BY,
        None,
        (0.995, inf),
        control=True,
    ),
}
PINNED = {"task.name": "automaton", "task.rule": RULE, "model.tied": True, **of_training(2500)}
KEYS = ("model.name", "model.depth", "model.width", "model.count", "task.time")
FACTOR = 8


def cells(study: Study) -> dict[tuple[str, int, int], xr.Dataset]:
    """Returns the cells by (way, k, T); one layer, k = 1, is part of every way."""
    data, config = ends(study, *KEYS), study.config
    found = {}
    for time in levels(data, "task.time"):
        of_time = pick(data, {"task.time": time})
        for way, key, values in (
            ("depth", "model.depth", {"model.name": "local", "model.width": config.base_width}),
            ("width", "model.width", {"model.name": "local", "model.depth": 1}),
            ("votes", "model.count", {"model.name": "votes"}),
            ("streams", "model.count", {"model.name": "streams"}),
        ):
            start = {"model.name": "local", "model.depth": 1, "model.width": config.base_width}
            found[way, 1, time] = cell(of_time, start)
            own = pick(of_time, values)
            for level in levels(own, key):
                ratio = level / config.base_width
                factor = round(ratio**2) if way == "width" else int(level)
                found[way, factor, time] = cell(own, {key: level})
    return found


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what every way adds, paired by seed."""
    found = cells(study)
    needed = [(way, FACTOR, SERIAL) for way in WAYS] + [("depth", SERIAL, SERIAL)]
    if missing := [key for key in needed if key not in found]:
        return dict.fromkeys(EXPECTED, Unmeasured(f"the study has no (way, k, T) of {missing}"))
    one_S = found["depth", 1, SERIAL]["eval_accuracy"].values
    ceiling = automata.ceiling(automata.truth_table(RULE, SERIAL), 1)
    claims: dict[str, Measured | Unmeasured] = {}
    for way in WAYS:
        added_S = 100 * (found[way, FACTOR, SERIAL]["eval_accuracy"].values - one_S)
        name = "headline_gain" if way == "depth" else f"headline_{way}"
        detail = f"one layer has {one_S.mean():.4f}, its exact ceiling is {ceiling:.4f}"
        claims[name] = Measured(student_interval(added_S), detail)
    deep = found["depth", SERIAL, SERIAL]["eval_accuracy"].values
    claims["headline_depth"] = Measured(student_interval(deep))
    easy = [own for (_, _, time), own in found.items() if time == CONTROL]
    if easy:
        least = lowest(student_interval(own["eval_accuracy"].values) for own in easy)
        claims["headline_control"] = Measured(least, f"{len(easy)} cells")
    else:
        claims["headline_control"] = Unmeasured(f"the study has no T = {CONTROL}")
    return claims


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against compute and against serial depth, at the least and the most T."""
    found = cells(study)
    times = sorted({time for *_, time in found})
    shown = dict.fromkeys((times[0], times[-1]))
    one = min(int(own["flops"][0]) for own in found.values())
    figure, axes = panels(len(shown), 2, panel_height_inches=3.6)
    for row, time in enumerate(shown):
        for way in WAYS:
            own = [found[key] for key in sorted(found) if (key[0], key[2]) == (way, time)]
            parts = [student_interval(data["eval_accuracy"].values) for data in own]
            for ax, key, unit in zip(
                axes[2 * row :], ("flops", "serial_depth"), (one, 1), strict=False
            ):
                ends_3 = ([getattr(p, end) for p in parts] for end in ("value", "low", "high"))
                cost = [int(data[key][0]) / unit for data in own]
                plots.interval_plot(ax, cost, *ends_3, label=way)
        left, right = axes[2 * row : 2 * row + 2]
        plots.doublings(left)
        left.set(xlabel="FLOPs, those of one layer are 1", ylabel="accuracy")
        right.set(xlabel="serial depth, operations")
        for ax in (left, right):
            ax.set(ylim=(0.5, 1.03), title=f"Rule {RULE}, T = {time}")
    caption = (
        f"Ring circuits, {study.config.seeds} seeds, 95 % intervals. From one layer on, compute "
        "goes into layers (same parameters), width, votes of circuits that are trained apart (the "
        "mean of their probabilities), or mixed streams (same parameters but for a shift each). "
        "Serial depth is counted in the program of each model."
    )
    return [Figure("headline", "Compute in series and side by side", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    found = cells(study)
    rows = {(time, way, factor): own for (way, factor, time), own in found.items()}
    names = ("T", "compute in", "k")
    return [table("headline: every cell at the end", names, dict(sorted(rows.items())))]
