"""Tasks and models of one's own, named in a config as `package.module:Class`."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterable
from typing import Any

from jaxlab.config import ConfigError, check


def name_of(kind: type) -> str:
    """Returns the name of a dataclass for a config, such as "my_tasks.sorting:Sorting"."""
    return f"{kind.__module__}:{kind.__qualname__}"


def is_path(name: str) -> bool:
    """Whether a name leads to a class, rather than being one of this experiment's own."""
    return ":" in name


def find(name: str, known: Iterable[str]) -> type:
    """Returns the dataclass that a name of the form `package.module:Class` leads to.

    Raises:
      ConfigError: there is none, or it is no dataclass; `known` are the names to choose from.
    """
    module_name, _, class_name = name.partition(":")
    hint = f"choose one of {', '.join(known)}, or a dataclass as package.module:Class"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{name!r}: there is no module {module_name!r}: {hint}") from error
    kind = vars(module).get(class_name)
    check(
        isinstance(kind, type) and dataclasses.is_dataclass(kind),
        f"{name!r}: {module_name} has no dataclass {class_name!r}: {hint}",
    )
    assert isinstance(kind, type)
    return kind


def defaults(kind: type, given: Iterable[str] = ()) -> dict[str, Any]:
    """Returns the defaults of a dataclass, which become the values of a config.

    Args:
      kind: every field of it has a default, but for `given`.
      given: fields that are not set in a config, such as `vocabulary`, which a task decides.

    Raises:
      ConfigError: a field without a default, or a float.
    """
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in given:
            continue
        check(
            field.default is not dataclasses.MISSING,
            f"{name_of(kind)}: give the field {field.name!r} a default, which a config can change",
        )
        check(
            not isinstance(field.default, float),
            f"{name_of(kind)}: {field.name} is a float, which is an argument of the compiled "
            "program and cannot be a field: use an integer, a string or a boolean",
        )
        found[field.name] = field.default
    return found
