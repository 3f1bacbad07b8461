"""How many claims of each kind were supported and how many were not: one line per kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jaxlab.report.claims import Kind, Result, Verdict

HEADINGS = {Kind.FINDING: "Findings", Kind.CONTROL: "Controls", Kind.CHECK: "Checks"}


def total_lines(results: Sequence[Result]) -> list[str]:
    """Returns, for every kind that occurs, a line such as `Findings: 5 supported, 1 undecided`."""
    lines = []
    for kind, heading in HEADINGS.items():
        counts = Counter(r.verdict for r in results if r.claim.kind is kind)
        if counts:
            parts = [f"{counts[verdict]} {_word(verdict, counts)}" for verdict in _shown(counts)]
            lines.append(f"{heading}: {', '.join(parts)}")
    return lines


def why_not_measured(result: Result) -> str:
    """Returns why a result has no verdict: its reason, or what is wrong with its numbers."""
    if result.reason or result.estimate is None:
        return result.reason
    return result.estimate.detail or "it has no finite value with an interval"


def _shown(counts: Counter[Verdict]) -> list[Verdict]:
    """All verdicts that a measurement can have, and an error only where there is one."""
    return [verdict for verdict in Verdict if verdict is not Verdict.ERROR or counts[verdict]]


def _word(verdict: Verdict, counts: Counter[Verdict]) -> str:
    return "errors" if verdict is Verdict.ERROR and counts[verdict] > 1 else verdict.value
