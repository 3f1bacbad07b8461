"""Steps of denoising against layers of the backbone."""

from __future__ import annotations

import numpy as np
import xarray as xr

from experiments.serial.cells import SPENT, ends, spent, table
from experiments.serial.studies import BY, PAPER
from jaxlab.analysis.cells import cell, distance, highest, levels, lowest
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

RULE, TIME, ENOUGH = 110, 4, 4  # steps of denoising from which the theory of one draw is tested
EXPECTED = {
    "diffusion_steps": Expected(
        "More steps of denoising add to the vote of nine draws, at any depth of the backbone (the "
        "most, over one step)",
        f"{PAPER}, Theorem 4.1: nothing, for exact scores; range by this lab",
        None,
        (0.0, 0.03),
    ),
    "diffusion_depth": Expected(
        f"A backbone of {TIME} layers is right in any number of steps (the least accuracy)",
        BY,
        None,
        (0.99, 1.0),
    ),
    "diffusion_one": Expected(
        f"One cell drawn in {ENOUGH} steps or more is as often right as a draw from what D layers "
        "can know (the largest distance from E[sum of squares])",
        BY,
        None,
        (0.0, 0.03),
    ),
}
PINNED = {"task.name": "automaton", "task.rule": RULE, "task.time": TIME, "model.hard": False}
KEYS = ("model.target", "model.depth")


def cells(study: Study) -> dict[tuple[str, int], xr.Dataset]:
    """Returns the cells by (target, depth)."""
    data = ends(study, *KEYS)
    return {
        (target, depth): cell(data, {"model.target": target, "model.depth": depth})
        for target in levels(data, "model.target")
        for depth in levels(data, "model.depth")
    }


def by_steps(study: Study, own: xr.Dataset, kind: str) -> np.ndarray:
    """Returns the accuracy of `one` draw or of a `vote`, [S, numbers of steps of denoising]."""
    return np.stack([own[f"eval_{kind}_{S}"].values for S in study.config.denoised], axis=1)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what steps and layers add, and how far one draw is from theory."""
    found, steps = cells(study), study.config.denoised
    added = {
        key: student_interval(np.ptp(np.maximum.accumulate(by_steps(study, own, "vote"), 1), 1))
        for key, own in found.items()
    }
    where, _ = max(added.items(), key=lambda item: item[1].value)
    deep = [by_steps(study, own, "vote") for (_, depth), own in found.items() if depth >= TIME]
    answer_W = automata.truth_table(RULE, TIME)
    away = [
        distance(student_interval(one_S), automata.sampled_accuracy(answer_W, depth))
        for (target, depth), own in found.items()
        if target == "center"
        for S, one_S in zip(steps, by_steps(study, own, "one").T, strict=True)
        if S >= ENOUGH
    ]
    claims: dict[str, Measured | Unmeasured] = {
        "diffusion_steps": Measured(
            highest(added.values()), f"most for the {where[0]} at D = {where[1]}; steps {steps}"
        ),
        "diffusion_depth": Unmeasured(f"the study has no backbone of {TIME} layers"),
        "diffusion_one": Unmeasured("the study draws no single cell"),
    }
    if deep:
        every = [student_interval(right_S) for vote_SxK in deep for right_S in vote_SxK.T]
        claims["diffusion_depth"] = Measured(lowest(every), f"{len(every)} cells")
    if away:
        claims["diffusion_one"] = Measured(highest(away), f"{len(away)} cells")
    return claims


def figures(study: Study) -> list[Figure]:
    """Returns the accuracy of votes against steps of denoising, by depth."""
    found = cells(study)
    targets = sorted({target for target, _ in found})
    figure, axes = panels(1, len(targets))
    answer_W = automata.truth_table(RULE, study.config.task.time)
    for ax, target in zip(axes, targets, strict=True):
        for (own_target, depth), own in found.items():
            if own_target != target:
                continue
            parts = [student_interval(right_S) for right_S in by_steps(study, own, "vote").T]
            ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
            plots.interval_plot(ax, study.config.denoised, *ends_3, label=f"{depth} layers")
            ax.axhline(automata.ceiling(answer_W, depth), color=GREY, ls="--", lw=1)
        ax.set_xscale("log", base=4)
        title = "one cell is drawn" if target == "center" else "the whole row is drawn"
        ax.set(xlabel="steps of denoising", title=title, ylim=(0.45, 1.03))
        plots.legend(ax)
    axes[0].set_ylabel(f"accuracy of {study.config.draws} votes")
    caption = (
        f"Rule {RULE} after {study.config.task.time} steps, {study.config.seeds} seeds, 95 % "
        "intervals; dashed, the exact ceilings of what the layers see. A single draw scores less "
        "than a vote once it is a draw: one step alone returns the likeliest answer."
    )
    return [Figure("diffusion", "Steps of denoising against layers", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell by steps, and what each cost."""
    found, steps = cells(study), study.config.denoised
    answer_W = automata.truth_table(RULE, study.config.task.time)
    rows = [
        [
            *(target, depth, S, one, vote),
            *(automata.sampled_accuracy(answer_W, depth), automata.ceiling(answer_W, depth)),
            *spent(own),
        ]
        for (target, depth), own in found.items()
        for S, one, vote in zip(
            steps,
            by_steps(study, own, "one").mean(axis=0).tolist(),
            by_steps(study, own, "vote").mean(axis=0).tolist(),
            strict=True,
        )
    ]
    header = ["drawn", "D", "steps", "one draw", "vote", "theory, one draw", "exact ceiling"]
    header += [*SPENT[:-2], "serial depth of a step", "FLOPs of a step"]
    return [
        table("diffusion: votes in most steps", ("drawn", "D"), dict(found)),
        Table("diffusion: accuracy by steps of denoising", header, rows),
    ]
