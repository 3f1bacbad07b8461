"""Figures: one house style, panels to draw on, and bytes that change only when the data do.

    with house_style():
        figure, (ax,) = panels()
        plots.loglog_curves(ax, tau_R, loss_MxR, values=rate_M, value_label="learning rate")
        plots.power_law_line(ax, 0.337, 0.86, window=(4, 162), interval=(0.329, 0.345))
    save_figures("runs/headline/figures", [Figure("headline", "Loss", "…", figure)])

No pyplot: nothing here is registered globally, so nothing has to be closed, and a study draws as
many figures as it likes. Colours are safe for colour-blind readers: Okabe and Ito's set for
categories, viridis without its pale end for swept values. Matplotlib is imported by what draws,
so that the file of a study can name its figures without paying for it.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxlab.disk import write_atomically
from jaxlab.report import legends

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure as MatplotlibFigure

CATEGORY_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#6B4C9A", "#4D4D4D"),
)
INK, GREY = "#1f2328", "#6e7781"
_WIDTH_INCHES = 9.6  # the width of the report's column, so that text keeps its size there
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.formatter.min_exponent": 4,  # 0.1 and 20 rather than 10^-1 and 2 x 10^1
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 10.5,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.7,
    "hatch.color": "#9aa2ab",
    "hatch.linewidth": 0.8,
    "legend.fontsize": 10,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.5,
    "savefig.dpi": 160,
    "svg.fonttype": "path",
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Figure:
    """A drawn figure with what the reader needs to understand it.

    Attributes:
      name: file name without suffix: letters, digits, `_` and `-`.
      title: what is shown, in a few words.
      caption: what to see in it, with the fit window, clock and seeds.
      figure: the matplotlib figure, made by `panels`.
      study: which study it is of, set by the report; "" for a whole hypothesis.

    Raises:
      ValueError: a name that is no file name.
    """

    name: str
    title: str
    caption: str
    figure: MatplotlibFigure
    study: str = ""

    def __post_init__(self):
        if not re.fullmatch(r"[\w-]+", self.name):
            raise ValueError(f"figure name {self.name!r}: use letters, digits, '_' and '-' only")

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG, drawn once; the same data give the same bytes."""
        return self._render("svg", {"Date": None})

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG at 160 dots per inch, drawn once; the same data give the same bytes."""
        return self._render("png", {"Software": None})

    @cached_property
    def alt(self) -> str:
        """The title and the first sentence of the caption, for those who cannot see the figure."""
        first = re.split(r"(?<=[.!?])\s", self.caption, maxsplit=1)[0]
        return f"{self.title}. {first}".removesuffix(" ")

    @cached_property
    def _arranged(self) -> MatplotlibFigure:
        with house_style():
            legends.arrange(self.figure)
        return self.figure

    def _render(self, format: str, metadata: dict[str, None]) -> bytes:
        import matplotlib

        buffer, figure = io.BytesIO(), self._arranged
        with house_style(), matplotlib.rc_context({"svg.hashsalt": self.name}):
            figure.savefig(buffer, format=format, metadata=metadata)
        # Both formats show one layout: made anew at another resolution it can collapse.
        figure.set_layout_engine("none")
        return buffer.getvalue()


def save_figures(directory: str | os.PathLike[str], figures: Sequence[Figure]) -> list[Path]:
    """Writes `<name>.png` and `<name>.svg` of every figure; returns their paths.

    Raises:
      ValueError: two figures share a name.
    """
    names = [figure.name for figure in figures]
    if len(set(names)) < len(names):
        raise ValueError(f"{directory}: figure names must be unique, got {', '.join(names)}")
    paths = []
    for figure in figures:
        for suffix, content in ((".png", figure.png), (".svg", figure.svg)):
            paths.append(Path(directory) / (figure.name + suffix))
            write_atomically(paths[-1], content)
    return paths


def house_style() -> AbstractContextManager[None]:
    """Everything drawn inside this context looks like the rest of the lab."""
    import matplotlib
    from cycler import cycler

    style: dict[Any, Any] = {**_STYLE, "axes.prop_cycle": cycler(color=CATEGORY_COLOURS)}
    return matplotlib.rc_context(style)


@cache
def swept() -> Colormap:
    """Returns the colours of swept values, for 0 to 1."""
    import matplotlib
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.9, 256))
    return LinearSegmentedColormap.from_list("swept", colours)


def panels(
    rows: int = 1, columns: int = 1, *, panel_height_inches: float = 4.4
) -> tuple[MatplotlibFigure, list[Axes]]:
    """Makes an empty figure as wide as the report, and its axes in reading order."""
    from matplotlib.figure import Figure as MatplotlibFigure

    size = (_WIDTH_INCHES, rows * panel_height_inches)
    figure = MatplotlibFigure(figsize=size, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)
