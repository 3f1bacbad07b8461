"""Overrides on a command line: `--config.optimizer.learning_rate=0.1`."""

from __future__ import annotations

import ast

from jaxlab.config import ConfigError, Overrides

PREFIX = "--config."


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
        except (ValueError, SyntaxError):
            overrides[key] = float(text) if text in ("nan", "inf", "-inf") else text
    return overrides
