"""The page: one HTML file. Each section gives its question, its answer, then what supports it.

It opens offline: styles, script and figures are inline, and nothing is fetched. Without JavaScript
everything is there to read; sorting, filtering and downloads need it.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jaxlab.disk import write_atomically
from jaxlab.report import claims_file
from jaxlab.report.bars import bar
from jaxlab.report.claims import Kind, Result, Verdict, format_number, format_range
from jaxlab.report.figure_data import figure_data
from jaxlab.report.tables import Table as Table  # what files of studies import
from jaxlab.report.tables import plain, to_csv
from jaxlab.report.totals import HEADINGS, total_lines, why_not_measured

if TYPE_CHECKING:
    from jaxlab.report.figures import Figure

LONG_ROWS = 12  # a table with more rows starts folded


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
    """What one hypothesis, or one study, has to say.

    Attributes:
      name: of the experiment or the study.
      question: what it asks, one sentence.
      answer: one to three sentences, of measured results alone; none where nothing was measured.
      highlights: at most five results for the first screen.
      overviews: figures that show the answer at a glance.
      results: every result, those of one study in a row, in the order in which to meet them.
      figures: embedded as SVG images.
      tables: further numbers.
      limits: what cannot be said; "" leaves it out.
    """

    name: str
    question: str
    answer: Sequence[str]
    highlights: Sequence[Result]
    overviews: Sequence[Figure]
    results: Sequence[Result]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    limits: str


def write_report(
    path: str | os.PathLike[str], *, sections: Sequence[Section], runs: Sequence[Run]
) -> Path:
    """Writes the report as one self-contained HTML file.

    Args:
      path: the file, replaced as a whole.
      sections: in the order of the page.
      runs: provenance, folded at the end.

    Returns:
      The path.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "anchor": lambda name: quote(name, safe=""),
        "bar": bar,
        "cell": _cell,
        "csv": to_csv,
        "data": lambda figure: figure_data(figure.figure),
        "data_uri": lambda svg: "data:image/svg+xml;base64," + base64.b64encode(svg).decode(),
        "duration": _duration,
        "file_name": lambda name: re.sub(r"[^\w-]+", "_", name),
        "plain": plain,
        "number": format_number,
        "range": format_range,
        "words": lambda name: name.replace("_", " "),
    }
    html = environment.get_template("page.html.j2").render(
        sections=[_view(section) for section in sections],
        runs=runs,
        long_rows=LONG_ROWS,
        verdicts=list(Verdict),
    )
    write_atomically(path, html.encode())
    return Path(path)


@dataclass(frozen=True)
class _View:
    """A section with its results in the groups in which the page shows them.

    Attributes:
      section: what is shown.
      totals: kind to its counts, one line each.
      kinds: (heading, [(study, its measured results)]) per kind that has any.
      unmeasured: (reason, results) where nothing could be measured.
      errors: results whose measurement failed.
      first_kind: study to the heading of the first list that has its results, in their order.
    """

    section: Section
    totals: Sequence[str]
    kinds: Sequence[tuple[str, Sequence[tuple[str, Sequence[Result]]]]]
    unmeasured: Sequence[tuple[str, Sequence[Result]]]
    errors: Sequence[Result]
    first_kind: Mapping[str, str]

    @property
    def studies(self) -> list[str]:
        """The studies that have results, in their order."""
        return list(self.first_kind)

    @property
    def csv(self) -> str:
        """Every claim of the section."""
        rows = [claims_file.row(result) for result in self.section.results]
        header = [name for name in rows[0] if name not in ("expected", "provenance")]
        cells = [
            [*(row[name] for name in header), *row["expected"], json.dumps(row["provenance"])]
            for row in rows
        ]
        return to_csv(Table("", [*header, "expected_low", "expected_high", "provenance"], cells))


def _view(section: Section) -> _View:
    measured = [result for result in section.results if result.is_measured]
    kinds = []
    for kind in Kind:
        by_study: dict[str, list[Result]] = {}
        for result in measured:
            if result.claim.kind is kind:
                by_study.setdefault(result.study, []).append(result)
        if by_study:
            kinds.append((HEADINGS[kind], list(by_study.items())))
    reasons: dict[str, list[Result]] = {}
    for result in section.results:
        if result.verdict is Verdict.NOT_MEASURED:
            reasons.setdefault(why_not_measured(result), []).append(result)
    first_kind: dict[str, str] = {}
    for heading, own in kinds:
        for study, _ in own:
            first_kind.setdefault(study, heading)
    return _View(
        section=section,
        totals=total_lines(section.results),
        kinds=kinds,
        unmeasured=list(reasons.items()),
        errors=[result for result in section.results if result.verdict is Verdict.ERROR],
        first_kind=first_kind,
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
