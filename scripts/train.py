#!/usr/bin/env python
"""Trains the one model of a config.

python scripts/train.py --config=configs/one_third/headline.py --workdir=runs/headline_one
"""

import argparse
import sys

from jaxlab.command import local_path, run_command
from jaxlab.sweeps.flags import add_process_flags, add_save_minutes


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line; what is left are `--config.KEY=VALUE` overrides."""
    parser = argparse.ArgumentParser(
        description="Train one model: that of a config without its sweep, for which there is "
        "sweep.py. Give the same command again to go on after an interruption.",
        epilog="Any value of the config can be set: --config.optimizer.learning_rate=0.1",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE.py[:SIZE]",
        help="the file of a study in configs/, and one of its sizes, such as tiny",
    )
    parser.add_argument(
        "--workdir",
        required=True,
        type=local_path,
        help="folder of the run; made if it is not there",
    )
    add_save_minutes(parser)
    add_process_flags(parser)
    return parser.parse_known_args()


def main() -> int:
    """Trains; returns the exit status."""
    args, rest = parse()
    from jaxlab.config import ConfigError
    from jaxlab.sweeps import plan
    from jaxlab.sweeps.flags import config_overrides
    from jaxlab.training import preemption, processes

    preemption.heed()
    try:
        processes.initialise(args.coordinator, args.processes, args.process)
        sweep = plan.load(args.config, config_overrides(rest), with_sweep=False)
        from jaxlab.sweeps.console import train_one
        from jaxlab.training import run

        train_one(sweep, args.workdir, args.save_minutes)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, preemption.Preempted) as reason:
        return preemption.explain(reason)
    if not processes.is_first():
        return 0
    if lost := run.divergence(args.workdir):
        print(f"warning: {lost}", file=sys.stderr)
    print(f"next: python scripts/report.py {args.workdir}")
    return 0


if __name__ == "__main__":
    run_command(main)
