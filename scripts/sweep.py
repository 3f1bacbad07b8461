#!/usr/bin/env python
"""Trains every member of a config's sweep, group by group.

python scripts/sweep.py --config=configs/one_third/adam_grid.py --workdir=runs/adam_grid
python scripts/sweep.py --config=... --workdir=... --launcher=slurm --partition=gpu --gpus=1
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jaxlab.command import local_path, run_command
from jaxlab.sweeps import slurm_profile
from jaxlab.sweeps.flags import add_process_flags, add_save_minutes

if TYPE_CHECKING:
    from jaxlab.sweeps.plan import Sweep


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line; what is left are `--config.KEY=VALUE` overrides."""
    parser = argparse.ArgumentParser(
        description="Train every member of a config's sweep. Members that differ only in numbers "
        "train together as one compiled program. Give the same command again to go on after an "
        "interruption. Give it with more seeds (--config.seeds=16) to add them to the study: what "
        "is trained stays as it is.",
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
        help="folder of the study; made if it is not there",
    )
    parser.add_argument(
        "--launcher",
        default="local",
        choices=["local", "slurm"],
        help="where to train: here, or as an array of jobs on a Slurm cluster (default: local)",
    )
    parser.add_argument(
        "--fail_fast", action="store_true", help="start no other group once one has failed"
    )
    add_save_minutes(parser)
    parser.add_argument(
        "--costs",
        action="store_true",
        help="with --dry_run: build every group too, and show its parameters, operations, memory "
        "and the least time that it takes here",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--dry_run", "--dry-run", action="store_true", help="show what would train, and stop"
    )
    only.add_argument("--status", action="store_true", help="show how far the study is, and stop")
    only.add_argument(
        "--cancel", action="store_true", help="cancel the study's jobs on the cluster, and stop"
    )
    slurm_profile.add_flags(parser)
    add_process_flags(parser)
    return parser.parse_known_args()


def main() -> int:
    """Runs the sweep; returns the exit status."""
    args, rest = parse()
    from jaxlab.config import ConfigError
    from jaxlab.sweeps import plan
    from jaxlab.sweeps.flags import config_overrides
    from jaxlab.training import preemption, processes

    preemption.heed()
    try:
        if args.cancel:
            return cancel(args.workdir)
        if not (args.dry_run or args.status or args.launcher == "slurm"):
            processes.initialise(args.coordinator, args.processes, args.process)
        sweep = plan.load(args.config, config_overrides(rest))
        if args.dry_run:
            show_runs(sweep, args.workdir, args.costs)
            return 0
        if args.status:
            show_status(sweep, args.workdir)
            return 0
        if args.launcher == "slurm":
            return submit(sweep, args)
        from jaxlab.sweeps.console import train_sweep

        outcomes = train_sweep(sweep, args.workdir, args.save_minutes, args.fail_fast)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, preemption.Preempted) as reason:
        return preemption.explain(reason)
    return summarize(outcomes, len(sweep.members), args.workdir)


def show_runs(sweep: "Sweep", workdir: Path, with_costs: bool) -> None:
    """Prints the runs of a sweep, and which of them are in the folder already."""
    from jaxlab import config as configs
    from jaxlab.sweeps import on_disk, plan
    from jaxlab.training import run

    outline = None
    if with_costs:
        from jaxlab.sweeps.costs import outline
        from jaxlab.training.mesh import use_cpu_cores

        use_cpu_cores(max(len(own.members) for own in sweep.groups))
    costs = plan.experiment_module(sweep.config.experiment).costs
    for own in on_disk.outline(sweep, workdir):
        begun = (workdir / own.name / "config.json").exists()
        state = "done" if run.is_done(workdir / own.name) else "begun"
        size, steps = len(own.members), own.config.train.steps
        print(f"{own.name}: {size} members x {steps} steps{f' ({state})' if begun else ''}")
        if outline:
            print(f"  {outline(own)}", flush=True)
        if costs:
            print(f"  {costs(configs.override(own.config, own.members[0]))}")


def show_status(sweep: "Sweep", workdir: Path) -> None:
    """Prints a table of the runs that fits the terminal."""
    from jaxlab.config import ConfigError
    from jaxlab.sweeps import slurm, status

    queue = None
    if slurm.task_of_run(workdir):  # it was submitted
        try:
            queue = slurm.states()
        except ConfigError as error:
            print(f"warning: {error}; this is what the folders say", file=sys.stderr)
    columns, lines = shutil.get_terminal_size((120, 50))
    print(status.table(status.of_sweep(sweep, workdir, queue), columns, lines - 1))


def submit(sweep: "Sweep", args: argparse.Namespace) -> int:
    """Submits a sweep to Slurm and says what to do next; returns the exit status."""
    from jaxlab.sweeps import slurm

    asked = slurm_profile.read(args)
    runs, submitted, job = slurm.submit(
        sweep, args.workdir, asked, args.save_minutes, args.fail_fast
    )
    what = f"{submitted} submitted as job {job}" if submitted else "none to submit"
    print(f"{args.workdir}: {len(sweep.members)} members; groups: {runs}, {what}")
    if submitted:
        print("next: the same command with --status, or --cancel; the terminal may be closed")
    return 0


def cancel(workdir: Path) -> int:
    """Cancels what is in the queue; returns the exit status."""
    from jaxlab.sweeps import slurm

    print(f"{workdir}: {slurm.cancel(workdir)} tasks cancelled; what they trained is saved")
    return 0


def summarize(outcomes: dict[str, str], asked: int, workdir: Path) -> int:
    """Prints what became of the runs and what to do next; returns the exit status."""
    from jaxlab.sweeps import on_disk
    from jaxlab.training import processes, run

    failed = {name: text for name, text in outcomes.items() if text not in ("done", "skipped")}
    if not processes.is_first():
        return 1 if failed else 0
    for name, text in failed.items():
        print(f"error: group {name}: {text}", file=sys.stderr)
    for name in outcomes.keys() - failed.keys():
        if lost := run.divergence(workdir / name):
            print(f"warning: group {name}: {lost}", file=sys.stderr)
    finished = list(outcomes.values()).count("skipped")
    trained = len(outcomes) - len(failed) - finished
    print(
        f"{workdir}: {asked} members; groups: {trained} trained, "
        f"{finished} finished before, {len(failed)} failed"
    )
    more = sum(len(own.members) for own in on_disk.stored_runs(workdir)) - asked
    if finished == len(outcomes):
        members = f"{more} {'member' if more == 1 else 'members'}"
        rest = f"; the folder has {members} more than was asked for" if more > 0 else ""
        print(f"nothing left to train{rest}")
    if not failed:
        print(f"next: python scripts/report.py {workdir}")
    return 1 if failed else 0


if __name__ == "__main__":
    run_command(main)
