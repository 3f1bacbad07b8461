#!/usr/bin/env python
"""Shows what a checkpoint of any origin holds, without the code or the devices that wrote it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from jaxlab.command import local_path, run_command

FIGURES = ".png, .svg, .pdf"
EXAMPLES = """\
PATH is a run of the lab, its checkpoints folder, a saved step or one item of it; any orbax
checkpoint; a safetensors file, its index, or a folder with one; an npz or a flax msgpack file.
Pickles are refused, since reading one can run any code.

examples:
  inspect_checkpoint.py tree runs/headline/all --depth=1         modules with totals
  inspect_checkpoint.py stats runs/headline/all --member=3       one member of the group
  inspect_checkpoint.py spectrum runs/headline/all --plot=s.png  singular values
  inspect_checkpoint.py diff RUN RUN --step=100 --step=2000      what training changed
  inspect_checkpoint.py check model.safetensors                  NaN, damage, dead units
  inspect_checkpoint.py check runs/headline/all --config=configs/one_third/headline.py
  inspect_checkpoint.py history runs/headline/all --statistic=norm --members --csv=norm.csv
  inspect_checkpoint.py readings runs/headline/all               what its experiment reads: β, ...
  inspect_checkpoint.py history runs/headline/all --statistic=beta --plot=beta.png
  inspect_checkpoint.py export runs/headline/all --member=0 --to=member0.npz
  inspect_checkpoint.py export runs/second_stage --released --to=models/mine
  inspect_checkpoint.py import member0.npz --to=runs/imported

exit status: 0; 1 where diff finds a difference, or check an error; 2 for input that cannot be read.
"""


def main() -> int:
    """Returns the exit status; see EXAMPLES."""
    args = parse()
    os.environ["JAX_PLATFORMS"] = "cpu"  # never take a device away from a run that is training
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    from jaxlab.checkpoints import CheckpointError
    from jaxlab.config import ConfigError

    try:
        return COMMANDS[args.command](args)
    except (CheckpointError, ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def tree(args: argparse.Namespace) -> int:
    """Prints names, shapes and sizes, without reading an array."""
    from jaxlab.checkpoints.modules import modules

    checkpoint = opened(args)
    leaves = list(checkpoint.tensors.values())
    total = f"{len(leaves):,} leaves, {sum(t.size for t in leaves):,} numbers, "
    total += f"{sum(t.bytes for t in leaves):,} bytes"
    show(args, checkpoint, "Leaves", modules(checkpoint, args.depth), total)
    return 0


def stats(args: argparse.Namespace) -> int:
    """Prints statistics of each array."""
    from jaxlab.checkpoints.statistics import statistics

    checkpoint = opened(args)
    show(args, checkpoint, "Statistics", list(statistics(checkpoint, args.leaves, args.rank)))
    return 0


def spectrum(args: argparse.Namespace) -> int:
    """Prints, and draws, singular values of each matrix."""
    from jaxlab.checkpoints.drawings import save_spectra
    from jaxlab.checkpoints.spectrum import spectra

    checkpoint = opened(args)
    found = list(spectra(checkpoint, args.leaves))
    if args.plot:
        save_spectra(found, args.plot)
    if args.json:
        show(args, checkpoint, "Spectra", found)
    else:
        show(args, checkpoint, "Spectra", [each.row for each in found])
    return 0


def diff(args: argparse.Namespace) -> int:
    """Prints what differs between two checkpoints."""
    from jaxlab.checkpoints import open_checkpoint
    from jaxlab.checkpoints.differences import compare

    steps = (args.step * 2)[:2] if args.step else [None, None]
    members = (args.member * 2)[:2] if args.member else [None, None]
    both = [open_checkpoint(path, step) for path, step in zip(args.paths, steps, strict=True)]
    both = [
        each if member is None else each.member(member)
        for each, member in zip(both, members, strict=True)
    ]
    found = compare(both[0], both[1], pattern=args.leaves, renamed=dict(args.map))
    differing = [each for each in found if each.change != "equal"]
    footer = f"{len(differing)} of {len(found)} leaves differ; after: {both[1].path}"
    if both[1].step is not None:
        footer += f", step {both[1].step}"
    show(args, both[0], "Differences", found if args.all else differing, footer)
    return 1 if differing else 0


def check(args: argparse.Namespace) -> int:
    """Prints what is wrong with a checkpoint."""
    from jaxlab.checkpoints.checking import check as problems_of

    checkpoint = opened(args)
    expected, origin = expected_leaves(args, checkpoint)
    found = problems_of(checkpoint, expected)
    errors = sum(problem.is_error for problem in found)
    footer = f"{errors} errors, {len(found) - errors} remarks; {origin}"
    show(args, checkpoint, "Problems", found, footer)
    return 1 if errors else 0


def expected_leaves(args: argparse.Namespace, checkpoint: Any) -> tuple[dict[str, str], str]:
    """Returns the leaves that a config has, and a phrase that says which config it is."""
    from jaxlab.checkpoints import expected, lab_run
    from jaxlab.config import ConfigError

    if args.config:
        group, found = expected.of_file(args.config, checkpoint)
        origin = f"leaves compared with group {group} of {args.config}"
    elif (run := lab_run.find_run(args.path)) is None:
        return {}, "leaves not compared: give the config with --config"
    else:
        try:
            found = expected.of_run(run, checkpoint)
        except ConfigError as error:
            return {}, f"leaves not compared with the config of the run: {error}"
        origin = f"leaves compared with {run.folder / 'config.json'}"
    pattern = args.only or "*"
    return {name: what for name, what in found.items() if fnmatch(name, pattern)}, origin


def history(args: argparse.Namespace) -> int:
    """Prints a statistic over all saved steps."""
    from jaxlab.checkpoints import lab_run, open_checkpoint
    from jaxlab.checkpoints.drawings import save_history
    from jaxlab.checkpoints.history import STATISTICS
    from jaxlab.checkpoints.history import history as rows_of
    from jaxlab.checkpoints.tables import as_csv

    run = lab_run.find_run(args.path)
    if args.statistic not in STATISTICS and run and args.statistic in run.readings(0):
        rows = lab_run.read(args.path, (args.statistic,), every_step=True)
    else:
        offered = tuple(run.readings(0)) if run else ()
        rows = rows_of(args.path, args.statistic, args.leaves, args.members, offered)
    if args.csv:
        args.csv.write_text(as_csv(rows))
    if args.plot:
        save_history(rows, args.plot)
    show(args, open_checkpoint(args.path), "History", rows)
    return 0


def readings(args: argparse.Namespace) -> int:
    """Prints what the experiment of a run reads from the parameters of its members."""
    from jaxlab.checkpoints import lab_run, open_checkpoint

    rows = lab_run.read(args.path, tuple(args.reading), args.step, args.member)
    show(args, open_checkpoint(args.path, args.step), "Readings", rows)
    return 0


def export(args: argparse.Namespace) -> int:
    """Writes the arrays into one file, or a language model as a released one."""
    from jaxlab.checkpoints.export import export as write

    if args.released:
        from experiments.parscale import trained

        number = trained.export(trained.load(args.path, args.member or 0, args.step), args.to)
        print(f"{args.to}: {number} tensors of the model of {args.path}")
        return 0
    checkpoint = opened(args)
    number = write(checkpoint, args.to, overwrite=args.overwrite)
    others = len(checkpoint.tensors) - number
    note = f"; {others} leaves that are no arrays are in its header" if others else ""
    print(f"{args.to}: {number} arrays of {checkpoint.path}{note}")
    return 0


def import_(args: argparse.Namespace) -> int:
    """Writes a file of arrays as an orbax checkpoint."""
    from jaxlab.checkpoints.export import import_arrays

    checkpoint = opened(args)
    number = import_arrays(checkpoint, args.to)
    print(f"{args.to}: {number} arrays of {checkpoint.path}")
    return 0


COMMANDS = {
    "tree": tree,
    "stats": stats,
    "spectrum": spectrum,
    "diff": diff,
    "check": check,
    "history": history,
    "readings": readings,
    "export": export,
    "import": import_,
}


def opened(args: argparse.Namespace) -> Any:
    """Opens what the arguments name."""
    from jaxlab.checkpoints import open_checkpoint

    checkpoint = open_checkpoint(args.path, args.step)
    if args.only:
        checkpoint = checkpoint.only(args.only)
    return checkpoint if args.member is None else checkpoint.member(args.member)


def show(
    args: argparse.Namespace, checkpoint: Any, title: str, records: Sequence[Any], footer: str = ""
) -> None:
    """Prints the records as a table or JSON, and writes a page where one is asked for."""
    from jaxlab.checkpoints import tables

    if args.html:
        args.html.write_text(tables.as_page(checkpoint, {title: records}))
    if args.json:
        print(tables.as_json(checkpoint, records))
    else:
        tables.print_table(checkpoint, records, footer)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "tree": "names, shapes, types, bytes and sharding; reads no array",
        "stats": "norm, mean, deviation, extremes, zeros, NaN of each array",
        "spectrum": "singular values of each matrix, and the power law of their tail",
        "diff": "what was added, removed, reshaped or changed between two checkpoints",
        "check": "NaN, infinity, damage, dead units, equal arrays, mixed types; leaves that the "
        "config of the run (or --config) lacks, or has in another shape or type",
        "history": "a statistic or a reading over all saved steps and members of a run",
        "readings": "what the run's experiment reads: β of a softmax head, likeness of streams, "
        "functions of gates",
        "export": "arrays to .safetensors or .npz, or a language model to a released folder",
        "import": "a file of arrays to an orbax checkpoint",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        _add_paths(command, name)
        command.add_argument("--json", action="store_true", help="print JSON instead of a table")
        command.add_argument(
            "--html", type=local_path, metavar="FILE", help="also write one offline page"
        )
        if name in ("stats", "spectrum", "diff", "history"):
            default = "params/*" if name == "history" else "*"
            command.add_argument(
                "--leaves", default=default, metavar="PATTERN", help="names, such as 'params/*'"
            )
        if name in ("spectrum", "history"):
            command.add_argument(
                "--plot", type=figure_path, metavar="FILE", help=f"write a figure ({FIGURES})"
            )
        if name in ("export", "import"):
            command.add_argument("--to", type=local_path, required=True, help="what to write")
    named = commands.choices
    named["tree"].add_argument("--depth", type=int, help="fold names after so many parts")
    named["stats"].add_argument(
        "--rank", action="store_true", help="effective ranks of matrices too"
    )
    named["diff"].add_argument("--all", action="store_true", help="show equal leaves too")
    named["diff"].add_argument(
        "--map",
        type=renaming,
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a leaf that was renamed",
    )
    named["check"].add_argument(
        "--config", metavar="FILE.py[:SIZE]", help="of the lab, to compare names and shapes with"
    )
    named["history"].add_argument(
        "--statistic",
        default="norm",
        help="norm, rms, mean, largest, effective_rank, rotation (degrees from the first step), or "
        "a reading of each member, such as beta; `readings` lists those of a run",
    )
    named["history"].add_argument("--members", action="store_true", help="each member apart")
    named["history"].add_argument("--csv", type=local_path, metavar="FILE", help="also write CSV")
    named["export"].add_argument("--overwrite", action="store_true", help="replace a file")
    named["export"].add_argument(
        "--released",
        action="store_true",
        help="a language model (member 0 by default) as a released one: --to is a new folder",
    )
    return parser.parse_args()


def renaming(text: str) -> tuple[str, str]:
    """Returns both names of OLD=NEW."""
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{text!r} is not OLD=NEW, the names of one leaf")
    return old, new


def figure_path(text: str) -> Path:
    """Returns the path of a figure, whose suffix says its format."""
    path = local_path(text)
    if path.suffix not in FIGURES.split(", "):
        raise argparse.ArgumentTypeError(f"{text}: choose a name that ends in {FIGURES}")
    return path


def _add_paths(command: argparse.ArgumentParser, name: str) -> None:
    if name == "diff":
        command.add_argument(
            "paths", nargs=2, type=local_path, metavar="PATH", help="before and after"
        )
        command.add_argument(
            "--step", type=int, action="append", help="of both, or given twice (default: the last)"
        )
        command.add_argument(
            "--member", type=int, action="append", help="of both groups, or given twice"
        )
        return
    command.add_argument("path", type=local_path, metavar="PATH", help="what to open")
    if name == "readings":
        command.add_argument("reading", nargs="*", help="names of readings (default: all)")
    if name != "history":
        command.add_argument("--step", type=int, help="the step to open (default: the last)")
        command.add_argument("--member", type=int, help="one member of the group (default: all)")
    if name not in ("history", "readings"):
        command.add_argument(
            "--only", metavar="PATTERN", help="only leaves of these names, such as 'params/*'"
        )


if __name__ == "__main__":
    run_command(main)
