"""Circuits of learned logic gates against steps of Rule 110."""

from __future__ import annotations

from math import inf

from experiments.serial import cone
from experiments.serial.cells import ends, table
from experiments.serial.studies import BY, of_training
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

RULE, XOR, WIDE_ENOUGH = 110, 90, 256
SPARE = 1  # layers beyond T: gates of two inputs take two layers to join three cells
EXPECTED = {
    "gates_reached": Expected(
        f"{WIDE_ENOUGH} hard logic gates a cell answer what takes T steps of Rule 110 with {SPARE} "
        "layer more than T (the least accuracy)",
        BY,
        None,
        (0.99, inf),
    ),
    "gates_ceiling": Expected(
        "With fewer layers than T hard gates are at the exact ceiling, at either width (the "
        "largest distance)",
        BY,
        None,
        (0.0, 0.02),
    ),
    "gates_width": Expected(
        "and eight times the gates move their accuracy by (the most)",
        BY,
        None,
        (0.0, 0.02),
    ),
    "gates_90_reached": Expected(
        "Rule 90, an XOR of two cells, is answered with as many layers (the least accuracy)",
        BY,
        None,
        (0.99, inf),
    ),
    "gates_90_ceiling": Expected(
        "and with fewer layers than T it is a coin: this threshold is one of sight (the largest "
        "distance from 1/2)",
        BY,
        None,
        (0.0, 0.02),
    ),
}
PINNED = {"task.name": "automaton", "model.name": "gates", **of_training(2000)}


def cells(study: Study, rule: int) -> list[cone.Cell]:
    """Returns the cells of a rule."""
    return cone.cells(ends(study, *cone.KEYS), rule)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns what hard gates reach, and what they cannot."""
    found, easy = cells(study, RULE), cells(study, XOR)
    return {
        "gates_reached": cone.reached(found, WIDE_ENOUGH, SPARE),
        "gates_ceiling": cone.at_ceiling(found),
        "gates_width": cone.widened(found, 8),
        "gates_90_reached": cone.reached(easy, WIDE_ENOUGH, SPARE),
        "gates_90_ceiling": cone.at_ceiling(easy),
    }


def figures(study: Study) -> list[Figure]:
    """Returns accuracy against depth for every T."""
    found = cells(study, RULE) + cells(study, XOR)
    shown = sorted({(own.time, own.rule) for own in found}, key=lambda key: (-key[1], key[0]))
    widths = sorted({own.width for own in found})
    figure, axes = panels((len(shown) + 1) // 2, 2, panel_height_inches=3.2)
    for ax, (time, rule) in zip(axes, shown, strict=False):
        cone.draw(ax, [own for own in found if (own.time, own.rule) == (time, rule)], widths)
        ax.set_title(f"Rule {rule}, T = {time}")
    for ax in axes[len(shown) :]:
        ax.remove()
    caption = (
        f"Accuracy of hard gates, {study.config.seeds} wirings with 95 % intervals; dashed, the "
        "exact ceiling of what D layers see. What T layers or more fall short of it is a layer to "
        "join three cells by gates of two inputs, or learning."
    )
    return [Figure("gates", "Logic gates and the light cone", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell with its ceiling and its cost."""
    rows = {
        (own.rule, own.time, own.depth, own.width, round(own.ceiling, 4)): own.data
        for own in cells(study, RULE) + cells(study, XOR)
    }
    return [table("gates: every cell at the end", ("rule", "T", "D", "W", "exact ceiling"), rows)]
