#!/usr/bin/env python
"""Trains every member of a config's sweep, group by group.

python scripts/sweep.py --config=configs/one_third/adam_grid.py --workdir=runs/adam_grid
"""

import argparse
import sys
from pathlib import Path


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line; what is left are `--config.KEY=VALUE` overrides."""
    parser = argparse.ArgumentParser(
        description="Train every member of a config's sweep. Members that differ only in numbers "
        "train together as one compiled program. Give the same command again to go on after an "
        "interruption; finished groups are skipped.",
        epilog="Any value of the config can be set: --config.optimizer.learning_rate=0.1",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", required=True, help="a file in configs/, with its size: FILE.py or FILE.py:SIZE"
    )
    parser.add_argument("--workdir", required=True, type=Path, help="folder of the study")
    parser.add_argument("--launcher", default="local", choices=["local"], help="where to run")
    parser.add_argument(
        "--dry_run", "--dry-run", action="store_true", help="show the groups, train nothing"
    )
    return parser.parse_known_args()


def main() -> int:
    """Runs the sweep; returns the exit status."""
    args, rest = parse()
    from jaxlab.config import ConfigError
    from jaxlab.sweeps import plan
    from jaxlab.sweeps.flags import config_overrides

    try:
        sweep = plan.load(args.config, config_overrides(rest))
        groups = plan.group(sweep)
        if args.dry_run:
            for group in groups:
                size, steps = len(group.members), group.config.train.steps
                print(f"{group.name}: {size} members x {steps} steps")
            return 0
        from jaxlab.sweeps.console import train_sweep
        from jaxlab.training import run

        outcomes = train_sweep(sweep, args.workdir)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "interrupted: the same command goes on from the last checkpoint, if one was saved",
            file=sys.stderr,
        )
        return 130
    failed = {name: text for name, text in outcomes.items() if text not in ("done", "skipped")}
    for name, text in failed.items():
        print(f"error: group {name}: {text}", file=sys.stderr)
    for name in outcomes.keys() - failed.keys():
        if lost := run.divergence(args.workdir / name):
            print(f"warning: group {name}: {lost}", file=sys.stderr)
    finished = list(outcomes.values()).count("skipped")
    trained = len(outcomes) - len(failed) - finished
    print(
        f"{args.workdir}: {len(sweep.members)} members; groups: {trained} trained, "
        f"{finished} finished before, {len(failed)} failed"
    )
    if not failed:
        print(f"next: python scripts/report.py {args.workdir}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
