"""The page: one HTML file with the answer first, then claims, figures, tables and runs.

It opens offline: styles are inline, figures are embedded, nothing runs or is fetched.
"""

import base64
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxlab.disk import write_atomically
from jaxlab.report.claims import (
    Claim,
    Verdict,
    format_estimate,
    format_number,
    format_range,
)

if TYPE_CHECKING:
    from jaxlab.report.figures import Figure


@dataclass(frozen=True)
class Table:
    """A table of the report; text stays as it is, floats get four digits, None becomes a dash.

    Attributes:
      caption: what the rows are.
      header: names of the columns, with units.
      rows: rows as long as the header. Beyond `LONG_ROWS` rows the table starts folded.

    Raises:
      ValueError: a row whose length is not that of the header.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]

    def __post_init__(self):
        for i, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ValueError(
                    f"table {self.caption!r}: row {i} has {len(row)} cells, "
                    f"the header has {len(self.header)}"
                )


@dataclass(frozen=True)
class Run:
    """Where numbers of the report come from: one run on disk.

    Attributes:
      name: its directory, relative to the study.
      config_hash: hash of the config that ran.
      members: how many models it trained, `seeds` of which are repetitions of each cell.
      seeds: see `members`.
      devices: the accelerators, such as `1 × cpu`.
      seconds: wall time of training; NaN while it is not finished.
      versions: package (and `python`) to version.
      diverged: (member, step at which its loss stopped being finite).
    """

    name: str
    config_hash: str
    members: int
    seeds: int
    devices: str
    seconds: float
    versions: Mapping[str, str]
    diverged: Sequence[tuple[str, int]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Section:
    """What one experiment says; `write_report` has the meaning of each part."""

    title: str
    summary: str
    overviews: Sequence["Figure"]
    claims: Sequence[Claim]
    figures: Sequence["Figure"]
    tables: Sequence[Table]


LONG_ROWS = 12  # a table with more rows starts folded
BAR_PIXELS = 150  # length of the axis beside every claim


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    summary: str,
    overviews: Sequence["Figure"],
    claims: Sequence[Claim],
    figures: Sequence["Figure"],
    tables: Sequence[Table],
    runs: Sequence[Run],
) -> Path:
    """Writes the report of a study as one self-contained HTML file, in the order of its arguments.

    Args:
      path: the file, replaced as a whole.
      title: the question, as a heading.
      summary: the answer, one paragraph of plain text.
      overviews: figures that show the answer at a glance, directly below it.
      claims: in the order in which a reader should meet them; those of one study in a row, under
        its name, which is `study` in their provenance.
      figures: embedded as SVG images, each with its own name space of ids.
      tables: further numbers.
      runs: provenance.

    Returns:
      The path.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bar": _bar,
        "cell": _cell,
        "data_uri": lambda svg: "data:image/svg+xml;base64," + base64.b64encode(svg).decode(),
        "duration": _duration,
        "number": format_number,
        "range": format_range,
    }
    counts = Counter(claim.verdict for claim in claims)
    html = environment.get_template("page.html.j2").render(
        title=title,
        summary=summary,
        overviews=overviews,
        claims=[(study, list(own)) for study, own in groupby(claims, _study)],
        bar_pixels=BAR_PIXELS,
        estimate=format_estimate,
        counts=[(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]],
        figures=figures,
        tables=tables,
        long_rows=LONG_ROWS,
        runs=runs,
    )
    write_atomically(path, html.encode())
    return Path(path)


def _study(claim: Claim) -> str:
    return str(claim.provenance.get("study", "")).replace("_", " ")


@dataclass(frozen=True)
class Bar:
    """Positions, in pixels, of a claim's numbers on a small axis; None where there is no number."""

    band: tuple[float, float]
    interval: tuple[float, float] | None
    measured: float | None
    published: float | None


def _bar(claim: Claim) -> Bar:
    """Lays expected range, interval, estimate and published value on one axis that shows all."""
    low, high = claim.expected
    numbers = [low, high, claim.low, claim.high, claim.measured, claim.published]
    finite = [number for number in numbers if number is not None and math.isfinite(number)] or [0.0]
    start, stop = min(finite), max(finite)
    margin = 0.15 * (stop - start) or max(0.1 * abs(start), 1e-12)
    start, stop = start - margin, stop + margin

    def pixel(number: float) -> float:
        return round((number - start) / (stop - start) * BAR_PIXELS, 1)

    def pixel_or_none(number: float | None) -> float | None:
        return None if number is None or not math.isfinite(number) else pixel(number)

    bounded = math.isfinite(claim.low) and math.isfinite(claim.high)
    return Bar(
        band=(pixel(max(low, start)), pixel(min(high, stop))),
        interval=(pixel(claim.low), pixel(claim.high)) if bounded else None,
        measured=pixel_or_none(claim.measured),
        published=pixel_or_none(claim.published),
    )


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Integral) else format_number(value)


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return "–"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
