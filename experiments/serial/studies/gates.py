"""Circuits of learned logic gates against steps of Rule 110."""

from __future__ import annotations

from experiments.serial import cone
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

RULE, WIDE_ENOUGH = 110, 256
SPARE = 1  # layers beyond T: gates of two inputs take two layers to join three cells
EXPECTED = {
    "gates_reached": Expected(
        f"{WIDE_ENOUGH} hard logic gates a cell answer T = 1 and 2 with {SPARE} layer more than T "
        "(the least accuracy)",
        BY,
        None,
        (0.99, 1.0),
    ),
    "gates_ceiling": Expected(
        "One layer of hard gates is at the exact ceiling for T = 2, at either width (the largest "
        "distance)",
        BY,
        None,
        (0.0, 0.02),
    ),
    "gates_width": Expected(
        "and eight times the gates move its accuracy by (the most)",
        BY,
        None,
        (0.0, 0.02),
    ),
}
PINNED = {"task.name": "automaton", "task.rule": RULE, "model.name": "gates"}


def cells(study: Study) -> list[cone.Cell]:
    """Returns all cells."""
    return cone.cells(ends(study, *cone.KEYS), RULE)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what hard gates reach, and what they cannot."""
    found = cells(study)
    return {
        "gates_reached": cone.reached(found, WIDE_ENOUGH, SPARE),
        "gates_ceiling": cone.at_ceiling(found),
        "gates_width": cone.widened(found, 8),
    }


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against depth for every T."""
    found = cells(study)
    times = sorted({own.time for own in found})
    figure, axes = panels(1, len(times), panel_height_inches=3.6)
    for ax, time in zip(axes, times, strict=True):
        cone.draw(ax, [own for own in found if own.time == time])
        ax.set_title(f"Rule {RULE}, T = {time}")
    caption = (
        f"Accuracy of hard gates, {study.config.seeds} wirings with 95 % intervals; dashed, the "
        "exact ceiling of what D layers see. Above it at D ≥ T, what is missing is a layer to join "
        "three cells by gates of two inputs, or learning."
    )
    return [Figure("gates", "Logic gates and the light cone", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell with its ceiling and its cost."""
    rows = {
        (own.time, own.depth, own.width, round(own.ceiling, 4)): own.data for own in cells(study)
    }
    return [table("gates: every cell at the end", ("T", "D", "W", "exact ceiling"), rows)]
