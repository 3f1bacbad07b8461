"""The summary of a report for a terminal: at most 25 lines, the answer first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxlab.report.claims import Verdict
from jaxlab.report.page import Section
from jaxlab.report.totals import total_lines, why_not_measured

if TYPE_CHECKING:
    from rich.text import Text

MOST_LINES = 25
COLUMNS = 80
MOST_PROBLEMS = 3


def summary(sections: Sequence[Section], page: Path, problems: Sequence[str]) -> Text:
    """Returns, for every section, question, answer, totals and what was not measured.

    Then come the problems and where the page is. Where that is too long, answers lose sentences
    from their end, then sections are cut; the page and the number of problems always stand there.
    """
    tail = _tail(page, problems)
    for sentences in (3, 2, 1, 0):
        body = [line for section in sections for line in _section(section, sentences)]
        if len(body) + len(tail) <= MOST_LINES:
            break
    else:
        body = [*body[: MOST_LINES - len(tail) - 1], ("… the page has the rest", "dim")]
    return _text([*body, *tail])


Line = tuple[str, str]  # text that fits into `COLUMNS`, and its style


def _section(section: Section, sentences: int) -> list[Line]:
    lines = _wrapped(section.question, "bold")
    answer = " ".join(section.answer[:sentences] if sentences else ())
    if not section.answer:
        answer = "Nothing was measured that answers this."
    lines += _wrapped(answer, "")
    lines += [line for total in total_lines(section.results) for line in _wrapped(total, "dim")]
    return lines + _unmeasured(section)


def _unmeasured(section: Section) -> list[Line]:
    found = [r for r in section.results if r.verdict is Verdict.NOT_MEASURED]
    if not found:
        return []
    text = f"Not measured: {len(found)}, such as {found[0].claim.id}: {why_not_measured(found[0])}"
    return [(_short(text), "dim")]


def _tail(page: Path, problems: Sequence[str]) -> list[Line]:
    shown = problems if len(problems) <= MOST_PROBLEMS else problems[: MOST_PROBLEMS - 1]
    lines = [(_short(f"problem: {_one_line(problem)}"), "red") for problem in shown]
    if len(problems) > len(shown):
        lines.append((f"and {len(problems) - len(shown)} more problems, see the page", "red"))
    return [*lines, (f"report: {page}", "")]


def _one_line(problem: str) -> str:
    """Returns a problem without its traceback, whose last line says what went wrong."""
    lines = [line.strip() for line in problem.strip().splitlines()] or [""]
    return lines[0] if len(lines) == 1 else f"{lines[0].partition(': ')[0]}: {lines[-1]}"


def _short(text: str) -> str:
    return textwrap.shorten(text, COLUMNS, placeholder=" …")


def _wrapped(text: str, style: str) -> list[Line]:
    return [(line, style) for line in textwrap.wrap(text, COLUMNS)]


def _text(lines: Sequence[Line]) -> Text:
    from rich.text import Text

    return Text("\n").join(Text(line, style) for line, style in lines)
