"""Steps of denoising against layers of the backbone."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
import xarray as xr

from experiments.serial.cells import SPENT, ends, spent, table
from experiments.serial.studies import BY, PAPER, of_training
from jaxlab.analysis.cells import cell, distance, highest, levels, lowest
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

RULE, TIME, ENOUGH = 110, 4, 4  # steps of denoising from which on all are draws
KINDS = {  # what is drawn, and what the theorem says of it
    "center": (
        "One cell is drawn, as Theorem 4.1 has it and as the sight of the backbone has it too",
        f"{PAPER}, Theorem 4.1: nothing, for exact scores; range by this lab",
    ),
    "row": (
        "The whole row is drawn, which might serve as a scratchpad, as each pass hands noisy "
        "answers to the neighbours of the next",
        f"{PAPER}, Theorem 4.1 speaks of one token and does not cover it; range by this lab",
    ),
}
EXPECTED = {
    **{
        f"diffusion_{target}_steps": Expected(
            f"{text}: more steps of denoising than one add to the vote at any depth (the most)",
            source,
            None,
            (-inf, 0.02),
        )
        for target, (text, source) in KINDS.items()
    },
    **{
        f"diffusion_{target}_draws": Expected(
            f"and the most steps over {ENOUGH}, where both are draws (the most)",
            source,
            None,
            (-inf, 0.02),
        )
        for target, (_, source) in KINDS.items()
    },
    "diffusion_depth": Expected(
        f"A backbone of {TIME} layers is right in any number of steps (the least accuracy)",
        BY,
        None,
        (0.99, inf),
    ),
    "diffusion_one": Expected(
        f"One cell drawn in {ENOUGH} steps or more is as often right as a draw from what D layers "
        "can know (the largest distance from E[sum of squares])",
        BY,
        None,
        (0.0, 0.03),
    ),
}
PINNED = {
    "task.name": "automaton",
    "task.rule": RULE,
    "task.time": TIME,
    "model.hard": False,
    **of_training(4000),
}
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
    claims: dict[str, Measured | Unmeasured] = {}
    for target in KINDS:
        own = {depth: data for (kind, depth), data in found.items() if kind == target}
        votes = {depth: by_steps(study, data, "vote") for depth, data in own.items()}
        claims[f"diffusion_{target}_steps"] = _most(
            {D: vote_SxK[:, 1:].max(axis=1) - vote_SxK[:, 0] for D, vote_SxK in votes.items()},
            steps,
        )
        claims[f"diffusion_{target}_draws"] = _most(
            {D: vote_SxK[:, -1] - vote_SxK[:, steps.index(ENOUGH)] for D, vote_SxK in votes.items()}
            if ENOUGH in steps
            else {},
            [S for S in steps if S >= ENOUGH],
        )
    deep = [by_steps(study, own, "vote") for (_, depth), own in found.items() if depth >= TIME]
    answer_W = automata.truth_table(RULE, TIME)
    away = [
        distance(student_interval(one_S), automata.sampled_accuracy(answer_W, depth))
        for (target, depth), own in found.items()
        if target == "center"
        for S, one_S in zip(steps, by_steps(study, own, "one").T, strict=True)
        if S >= ENOUGH
    ]
    claims["diffusion_depth"] = Unmeasured(f"the study has no backbone of {TIME} layers")
    claims["diffusion_one"] = Unmeasured("the study draws no single cell")
    if deep:
        every = [student_interval(right_S) for vote_SxK in deep for right_S in vote_SxK.T]
        claims["diffusion_depth"] = Measured(lowest(every), f"{len(every)} cells")
    if away:
        claims["diffusion_one"] = Measured(highest(away), f"{len(away)} cells")
    return claims


def _most(added: dict[int, np.ndarray], steps: Sequence[int]) -> Measured | Unmeasured:
    """Returns the most that steps add at any depth, of [S] accuracies added by depth."""
    if not added:
        return Unmeasured(f"the study has no such cell, or not {ENOUGH} steps of denoising")
    parts = {depth: student_interval(added_S) for depth, added_S in added.items()}
    depth = max(parts, key=lambda depth: parts[depth].value)
    told = f"most at D = {depth}; {', '.join(map(str, steps))} steps, a factor of "
    return Measured(highest(parts.values()), f"{told}{steps[-1] / steps[0]:g}")


def figures(study: Study) -> list[Figure]:
    """Returns the accuracy of votes against steps of denoising, by depth."""
    found = cells(study)
    targets = sorted({target for target, _ in found})
    figure, axes = panels(1, len(targets))
    answer_W = automata.truth_table(RULE, study.config.task.time)
    for ax, target in zip(axes, targets, strict=True):
        first = True
        for depth, own in ((depth, own) for (kind, depth), own in found.items() if kind == target):
            parts = [student_interval(right_S) for right_S in by_steps(study, own, "vote").T]
            ends_3 = ([getattr(part, end) for part in parts] for end in ("value", "low", "high"))
            plots.interval_plot(ax, study.config.denoised, *ends_3, label=f"depth {depth}")
            label = "ceiling of one pass" if first else None
            ax.axhline(automata.ceiling(answer_W, depth), color=GREY, ls="--", lw=1, label=label)
            first = False
        ax.set_xscale("log", base=4)
        title = "one cell is drawn" if target == "center" else "the whole row is drawn"
        ax.set(xlabel="steps of denoising", title=title, ylim=(0.45, 1.03))
        plots.legend(ax)
    axes[0].set_ylabel(f"accuracy of {study.config.draws} votes")
    caption = (
        f"Rule {RULE} after {study.config.task.time} steps, {study.config.seeds} seeds, 95 % "
        "intervals; dashed, the exact ceilings of what one pass of the layers sees. It bounds the "
        "one cell in any number of steps; a row could pass it, since noisy answers go on to "
        "neighbours from pass to pass. A single draw scores less than a vote once it is a draw: "
        "one step alone returns the likeliest answer."
    )
    return [Figure("diffusion", "Steps of denoising against layers", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell by steps, and what each cost; of a row there is no theory."""
    found, steps = cells(study), study.config.denoised
    answer_W = automata.truth_table(RULE, study.config.task.time)
    rows = [
        [
            *(target, depth, S, one, vote),
            automata.sampled_accuracy(answer_W, depth) if target == "center" else None,
            automata.ceiling(answer_W, depth),
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
    header = ["drawn", "D", "steps", "one draw", "vote", "theory, one draw", "ceiling of one pass"]
    header += [*SPENT[:-2], "serial depth of a step", "FLOPs of a step"]
    return [
        table("diffusion: votes in most steps", ("drawn", "D"), dict(found)),
        Table("diffusion: accuracy by steps of denoising", header, rows),
    ]
