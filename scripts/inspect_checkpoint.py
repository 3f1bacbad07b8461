"""Shows what a checkpoint holds, without the code or the devices that wrote it."""

import argparse
import dataclasses
import json
import os
import sys
from typing import Any

_EXAMPLES = """\
PATH is a run, its checkpoints folder, one saved step, one item of a step, or any orbax checkpoint.

examples:
  inspect_checkpoint.py tree runs/headline/all                  the last step that was saved
  inspect_checkpoint.py tree runs/headline/all --step=100
  inspect_checkpoint.py stats runs/headline/all --member=3      one member of the group
  inspect_checkpoint.py stats runs/headline/all/checkpoints/100/params --json
"""


def main() -> int:
    """Returns 0, or 2 after one line about what is wrong with the input."""
    args = _parse_arguments()
    os.environ["JAX_PLATFORMS"] = "cpu"  # never take a device away from a run that is training
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    sys.unraisablehook = _hide_stragglers
    from jaxlab.training import inspection

    try:
        checkpoint = inspection.find_checkpoint(args.path, args.step)
        if args.command == "tree":
            records = inspection.leaves(checkpoint)
        else:
            records = list(inspection.statistics(checkpoint, args.member))
    except (ValueError, OSError) as error:
        print(f"inspect_checkpoint: {error}", file=sys.stderr)
        return 2
    if args.json:
        _print_json(checkpoint, records)
    else:
        _print_table(checkpoint, records)
    return 0


def _hide_stragglers(event: Any) -> None:
    """Drops the complaints of tensorstore's threads once a damaged array has ended the reading."""
    if str(event.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(event)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    tree = commands.add_parser("tree", help="names, shapes and sizes; reads no array")
    stats = commands.add_parser("stats", help="mean, spread, extremes, zeros, NaNs of each array")
    for command in (tree, stats):
        command.add_argument("path", metavar="PATH", help="run, step or other orbax checkpoint")
        command.add_argument("--step", type=int, help="the step to open (default: the last)")
        command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    stats.add_argument("--member", type=int, help="one member of the group (default: all together)")
    return parser.parse_args()


def _print_json(checkpoint: Any, records: list[Any]) -> None:
    content = {
        "path": str(checkpoint.path),
        "step": checkpoint.step,
        "notes": checkpoint.notes,
        "leaves": [dataclasses.asdict(record) for record in records],
    }
    print(json.dumps(content, indent=1))


def _print_table(checkpoint: Any, records: list[Any]) -> None:
    """One row per array; a `bytes` column gets its total below."""
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 200  # piped into a file or a pager: wrap nothing
    table = Table(box=None, header_style="bold", pad_edge=False)
    fields = [field.name for field in dataclasses.fields(records[0])] if records else []
    for field in fields:
        table.add_column(
            field, justify="left" if field in _TEXT_FIELDS else "right", overflow="fold"
        )
    for record in records:
        table.add_row(*(_cell(getattr(record, field)) for field in fields))
    console.print(checkpoint.path, soft_wrap=True)
    for name, note in checkpoint.notes.items():
        console.print(f"{name}: {json.dumps(note)}", soft_wrap=True)
    console.print(table)
    if "bytes" in fields:
        console.print(f"{len(records)} arrays, {sum(record.bytes for record in records):,} bytes")


_TEXT_FIELDS = ("name", "shape", "dtype", "sharding")


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.4g}"
        case int():
            return f"{value:,}"
        case tuple():
            return "x".join(map(str, value)) or "scalar"
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
