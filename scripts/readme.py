#!/usr/bin/env python
"""Fills the generated parts of README.md and of docs/ from the record in results/.

python scripts/readme.py
"""

import argparse
import json
import re
import sys
from pathlib import Path

from jaxlab.command import run_command

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("studies", "coverage")))
HYPOTHESES = {"one_third": "Time", "parscale": "Parallel width", "serial": "Serial depth"}
MARK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def answers() -> str:
    """Returns each hypothesis with its answer and its totals."""
    lines = []
    for name, axis in HYPOTHESES.items():
        summary = ROOT / "results" / name / "summary.json"
        if not summary.exists():
            continue
        (section,) = json.loads(summary.read_text())
        lines.append(f"**{axis}.** {' '.join(section['answer'])}")
        lines.append(f"{_totals(section['totals'])} [All results](results/{name}/README.md).")
        lines.append("")
    return "\n".join(lines)


def studies() -> str:
    """Returns a table of all studies: what each asks, its command, its minutes and its figures."""
    from jaxlab import study_file
    from jaxlab.analysis.record import FOLDER, read_record

    lines = ["| study | question | minutes | figures |", "|---|---|---|---|"]
    for name in HYPOTHESES:
        for path in sorted((ROOT / "configs" / name).glob("*.py")):
            if path.name == "__init__.py":
                continue
            file = study_file.read(path)
            record = ROOT / "results" / name / FOLDER / f"{file.name}.npz"
            minutes = "–"
            if record.exists():
                _, runs = read_record(record)
                seconds = sum(run.done["wall_seconds"] for run in runs if run.done)
                minutes = f"{seconds / 60:.1f}"
            figures = sorted((ROOT / "results" / name / "figures").glob(f"{file.name}*.svg"))
            links = " ".join(f"[{f.stem}](../results/{name}/figures/{f.name})" for f in figures)
            config = path.relative_to(ROOT)
            lines.append(f"| [{file.name}](../{config}) | {file.question} | {minutes} | {links} |")
    return "\n".join(lines) + "\n"


def coverage() -> str:
    """Returns a table of the systems of the papers: what is shown of each, and what is lacking."""
    from jaxlab import study_file
    from jaxlab.report.hypothesis import find

    lines = ["| system | study | claim | measured | verdict | what would convince more |"]
    lines.append("|---|---|---|---|---|---|")
    for name, axis in HYPOTHESES.items():
        lines.append(f"| **{axis}** | | | | | |")
        claims = ROOT / "results" / name / "claims.json"
        found = (
            {row["id"]: row for row in json.loads(claims.read_text())} if claims.exists() else {}
        )
        for system in find(name).systems:
            study, sentence = "–", "–"
            if system.study:
                path = ROOT / "configs" / name / f"{system.study}.py"
                sentences = {claim.id: claim.sentence for claim in study_file.read(path).claims}
                study, sentence = (
                    f"[{system.study}](../{path.relative_to(ROOT)})",
                    sentences[system.claim],
                )
            row = found.get(system.claim, {})
            said = (sentence, _measured(row), row.get("verdict", "not recorded"))
            lines.append(f"| {' | '.join((system.name, study, *said, system.lacking))} |")
    return "\n".join(lines) + "\n"


def _measured(row: dict) -> str:
    from jaxlab.report.claims import format_estimate, format_number

    value, low, high = (row.get(key) for key in ("measured", "low", "high"))
    if value is None or low is None or high is None:  # an exact value has no interval
        return format_number(value)
    return format_estimate(value, low, high)


PARTS = {"answers": answers, "studies": studies, "coverage": coverage}


def filled(text: str) -> str:
    """Returns the text with its generated parts made anew."""
    return MARK.sub(lambda mark: mark[1] + PARTS[mark[2]]() + mark[3], text)


def main() -> int:
    """Writes the pages, or with --check says whether they are up to date."""
    parser = argparse.ArgumentParser(
        description="Fill the generated parts of README.md and of docs/ from results/."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a page is out of date"
    )
    args = parser.parse_args()
    for path in PAGES:
        old = path.read_text()
        new = filled(old)
        if args.check and new != old:
            print(f"{path} is out of date: run python scripts/readme.py", file=sys.stderr)
            return 1
        if not args.check:
            path.write_text(new)
    return 0


def _totals(totals: dict[str, dict[str, int]]) -> str:
    order = ("supported", "not supported", "undecided", "not measured")
    parts = []
    for kind, counts in totals.items():
        number = sum(counts.values())
        each = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if verdict in counts)
        parts.append(f"{number} {kind}{'s' * (number != 1)}: {each}")
    return "; ".join(parts) + "."


if __name__ == "__main__":
    run_command(main)
