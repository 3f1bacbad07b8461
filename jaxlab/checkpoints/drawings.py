"""Figures of an inspection: spectra, and histories over saved steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxlab.checkpoints.history import Row
from jaxlab.checkpoints.spectrum import Spectrum

MOST_CURVES = 12  # with a name each in the legend


def save_spectra(spectra: Sequence[Spectrum], path: Path) -> None:
    """Draws the singular values of each array against their order, on logarithmic axes."""
    figure, ax = _panel("order", "singular value")
    for number, each in enumerate(each for each in spectra if each.values.size):
        label = each.name if number < MOST_CURVES else None
        positive = each.values[each.values > 0]
        ax.plot(np.arange(1, positive.size + 1), positive, ".-", ms=3, lw=1, label=label)
    ax.set(xscale="log", yscale="log")
    figure.legend(loc="outside lower center", fontsize=8)
    figure.savefig(path)


def save_history(rows: Sequence[Row], path: Path) -> None:
    """Draws a statistic of each array and member against the step."""
    figure, ax = _panel("step", rows[0].statistic.replace("_", " "))
    series = dict.fromkeys((row.name, row.member) for row in rows)
    for number, (name, member) in enumerate(series):
        own = [row for row in rows if (row.name, row.member) == (name, member)]
        label = name if member is None else f"{name}, member {member}"
        ax.plot(
            [row.step for row in own],
            [row.value for row in own],
            "o-",
            ms=3,
            label=label if number < MOST_CURVES else None,
        )
    figure.legend(loc="outside lower center", fontsize=8)
    figure.savefig(path)


def _panel(x: str, y: str):
    from jaxlab.report.figures import house_style, panels

    with house_style():
        figure, (ax,) = panels()
    ax.set(xlabel=x, ylabel=y)
    return figure, ax
