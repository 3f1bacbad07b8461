"""Steps of denoising against layers of the backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.serial.cells import SPENT, by_values, ends, final_metrics, least, most, spent
from jaxlab.analysis.cells import distance, levels
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import GREY, Figure, panels
from jaxlab.report.page import Table
from jaxlab.tasks.serial import automata

if TYPE_CHECKING:
    import xarray as xr

RULE, TIME = 110, 4
ENOUGH = 4  # steps of denoising from which on all are draws
TITLES = {"center": "one cell is drawn", "row": "the whole row is drawn"}


def accuracy_by_steps(study: Study, members: xr.Dataset, kind: str) -> np.ndarray:
    """Returns the accuracy of `one` draw or of a `vote`, [S, numbers of steps of denoising]."""
    return np.stack([members[f"eval_{kind}_{K}"].values for K in study.config.denoised], axis=1)


def _votes(study: Study, target: str) -> dict[int, np.ndarray]:
    """Returns the accuracy of votes by depth."""
    return {
        depth: accuracy_by_steps(study, members, "vote")
        for (own, depth), members in by_values(study, "model.target", "model.depth").items()
        if own == target
    }


def added_to_one_step(target: str) -> Measure:
    """Measures the most that the best of more steps adds to one step, over depths, by seed."""

    def measure(study: Study) -> Estimate:
        votes = _votes(study, target)
        added = {D: vote_SxK[:, 1:].max(axis=1) - vote_SxK[:, 0] for D, vote_SxK in votes.items()}
        return _most(added, study.config.denoised)

    return measure


def added_to_enough_steps(target: str) -> Measure:
    """Measures the most that the most steps add to `ENOUGH`, over depths, by seed."""

    def measure(study: Study) -> Estimate:
        steps, votes = study.config.denoised, _votes(study, target)
        if ENOUGH not in steps:
            raise NotMeasurable(f"the study does not denoise in {ENOUGH} steps")
        first = steps.index(ENOUGH)
        added = {D: vote_SxK[:, -1] - vote_SxK[:, first] for D, vote_SxK in votes.items()}
        return _most(added, [K for K in steps if K >= ENOUGH])

    return measure


def _most(added: Mapping[int, np.ndarray], steps: Sequence[int]) -> Estimate:
    """Returns the most that steps add at any depth, of [S] accuracies added by depth."""
    if not added:
        raise NotMeasurable("the study has no such cell")
    parts = {depth: student_interval(added_S) for depth, added_S in added.items()}
    depth = max(parts, key=lambda depth: parts[depth].value)
    told = f"most at D = {depth}; {', '.join(map(str, steps))} steps, a factor of "
    return most(parts.values(), f"{told}{steps[-1] / steps[0]:g}")


def least_of_deep(study: Study) -> Estimate:
    """Measures the least accuracy of votes of a backbone with a layer for every step."""
    deep = [vote_SxK for kind in TITLES for D, vote_SxK in _votes(study, kind).items() if D >= TIME]
    if not deep:
        raise NotMeasurable(f"the study has no backbone of {TIME} layers")
    every = [student_interval(right_S) for vote_SxK in deep for right_S in vote_SxK.T]
    return least(every, f"{len(every)} cells")


def distance_from_posterior_draws(study: Study) -> Estimate:
    """Measures how far one draw of one cell is from a draw from what the layers can know."""
    answer_W, steps = automata.truth_table(RULE, TIME), study.config.denoised
    away = [
        distance(student_interval(one_S), automata.sampled_accuracy(answer_W, depth))
        for (target, depth), members in by_values(study, "model.target", "model.depth").items()
        if target == "center"
        for K, one_S in zip(steps, accuracy_by_steps(study, members, "one").T, strict=True)
        if K >= ENOUGH
    ]
    if not away:
        raise NotMeasurable(f"the study draws no single cell in {ENOUGH} steps or more")
    return most(away, f"{len(away)} cells")


def votes_by_steps(study: Study) -> Figure:
    """Returns the accuracy of votes against steps of denoising, by depth."""
    targets = levels(final_metrics(study, "model.target"), "model.target")
    figure, axes = panels(1, len(targets))
    answer_W = automata.truth_table(RULE, study.config.task.time)
    for ax, target in zip(axes, targets, strict=True):
        for number, (depth, vote_SxK) in enumerate(_votes(study, target).items()):
            parts = ends(student_interval(right_S) for right_S in vote_SxK.T)
            plots.interval_plot(ax, study.config.denoised, *parts, label=f"depth {depth}")
            label = None if number else "exact ceiling of one pass, by depth"
            ax.axhline(automata.ceiling(answer_W, depth), color=GREY, ls="--", lw=1, label=label)
        ax.set_xscale("log", base=4)
        ax.xaxis.set_major_formatter("{x:g}")  # 16 rather than 4^2
        ax.set(xlabel="steps of denoising", title=TITLES[target], ylim=(0.45, 1.03))
        plots.legend(ax)
    axes[0].set_ylabel(f"accuracy of {study.config.draws} votes")
    caption = (
        f"Rule {RULE} after {study.config.task.time} steps, {study.seeds} seeds, 95 % "
        "intervals; dashed, the exact ceilings of the receptive field of one pass. It bounds the "
        "one cell in any number of steps; a row could pass it, since noisy answers go on to "
        "neighbours from pass to pass. A single draw scores less than a vote once it is a draw: "
        "one step alone returns the likeliest answer."
    )
    return Figure("diffusion", "Steps of denoising against layers", caption, figure)


def every_cell(study: Study) -> Table:
    """Returns every cell by steps, and what each cost; of a row there is no theory."""
    steps = study.config.denoised
    answer_W = automata.truth_table(RULE, study.config.task.time)
    rows = [
        [
            *(target, depth, K, one, vote),
            automata.sampled_accuracy(answer_W, depth) if target == "center" else None,
            automata.ceiling(answer_W, depth),
            *spent(members),
        ]
        for (target, depth), members in by_values(study, "model.target", "model.depth").items()
        for K, one, vote in zip(
            steps,
            accuracy_by_steps(study, members, "one").mean(axis=0).tolist(),
            accuracy_by_steps(study, members, "vote").mean(axis=0).tolist(),
            strict=True,
        )
    ]
    header = ["drawn", "D", "steps", "one draw", "vote", "theory, one draw", "ceiling of one pass"]
    header += [*SPENT[:-2], "serial depth of a step", "FLOPs of a step"]
    return Table("diffusion: accuracy by steps of denoising", header, rows)
