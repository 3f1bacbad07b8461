#!/usr/bin/env python
"""Turns the runs below a folder, or the record of a report, into claims, figures and one page.

python scripts/report.py runs/adam_grid
python scripts/report.py results/one_third
"""

import argparse
import sys

from jaxlab.command import local_path, run_command


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Measure what the runs below a folder say of the claims of their studies. "
        "Prints the answer, and writes report.html (one file, opens offline), README.md, "
        "claims.json, summary.json and figures/ into the folder. A folder that holds a record in "
        "place of runs, as those in results/ do, is measured again without any training.",
    )
    parser.add_argument(
        "path", type=local_path, help="a run, a study, a folder of studies, or a report"
    )
    parser.add_argument(
        "--out",
        type=local_path,
        help="where to write, if not into PATH; the record of the runs is written there too",
    )
    return parser.parse_args()


def main() -> int:
    """Writes the report; returns the exit status, 1 where a measurement failed."""
    args = parse()
    from rich.console import Console

    from jaxlab.analysis.study import find_studies
    from jaxlab.config import ConfigError
    from jaxlab.report.build import write_study_report
    from jaxlab.report.terminal import summary

    try:
        studies = find_studies(args.path)
        with Console(stderr=True).status("measuring and drawing"):
            report = write_study_report(studies, args.out or args.path, args.path)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lines = summary(report.sections, report.page, report.problems)
    Console().print(lines, soft_wrap=True)  # no path is broken
    return 1 if report.problems else 0


if __name__ == "__main__":
    run_command(main)
