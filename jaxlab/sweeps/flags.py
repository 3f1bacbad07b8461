"""What several commands read: overrides, `--config.optimizer.learning_rate=0.1`, and flags."""

from __future__ import annotations

import argparse
import ast
import math

from jaxlab.config import ConfigError, Overrides

PREFIX = "--config."
SAVE_MINUTES = 30.0


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 <= minutes < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: give minutes, or 0 for no limit")
    return minutes


def add_save_minutes(parser: argparse.ArgumentParser) -> None:
    """Adds the flag of the time between saves, which is no part of what a run computes."""
    parser.add_argument(
        "--save_minutes",
        type=_minutes,
        default=SAVE_MINUTES,
        metavar="MINUTES",
        help=f"the longest time between saves (default: {SAVE_MINUTES:g}), beside those at steps "
        "that the config asks for; 0 is no limit. A lost machine costs no more than that",
    )


def add_process_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a command that several processes give together."""
    several = parser.add_argument_group(
        "several processes",
        "Each gives the same command, on a file system that all see. Within `srun`, and on a slice "
        "of TPU hosts, they find each other without these flags.",
    )
    several.add_argument("--coordinator", default="", metavar="HOST:PORT", help="of process 0")
    several.add_argument("--processes", type=int, default=0, help="how many there are")
    several.add_argument("--process", type=int, default=-1, help="which of them this is, from 0")


def config_overrides(arguments: list[str]) -> Overrides:
    """Returns the overrides among arguments, values read as Python literals or else as strings.

    Raises:
        ConfigError: for an argument that is no override.
    """
    overrides = {}
    for argument in arguments:
        key, equals, text = argument.removeprefix(PREFIX).partition("=")
        if not (argument.startswith(PREFIX) and equals and key):
            raise ConfigError(
                f"cannot read the argument {argument!r}: set a value of the config as "
                f"{PREFIX}KEY=VALUE, or see --help"
            )
        try:
            overrides[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            overrides[key] = float(text) if text in ("nan", "inf", "-inf") else text
    return overrides
