#!/usr/bin/env python
"""Turns the runs below a folder into claims, figures and one page.

python scripts/report.py runs/adam_grid
"""

import argparse
import sys
from pathlib import Path


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Measure what the runs below a folder say of the claims: print the claims, and "
        "write claims.json, figures/ and report.html (one file, opens offline) into the folder.",
    )
    parser.add_argument("path", type=Path, help="a run, a study, or a folder of studies")
    parser.add_argument("--out", type=Path, help="where to write, if not into PATH")
    return parser.parse_args()


def main() -> int:
    """Writes the report; returns the exit status."""
    args = parse()
    from rich.console import Console

    from jaxlab.analysis.study import find_studies
    from jaxlab.config import ConfigError
    from jaxlab.report.build import write_study_report
    from jaxlab.report.claims import claims_table

    try:
        studies = find_studies(args.path)
        with Console(stderr=True).status("measuring and drawing"):
            claims, page = write_study_report(studies, args.out or args.path)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    Console().print(claims_table(claims))
    print(f"report: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
