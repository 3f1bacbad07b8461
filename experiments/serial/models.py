"""The models by `model.name`, each with its sizes in the config."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxlab.config import Config, check, one_of
from jaxlab.models.circuits.local import Local

MODELS = {"local": Local}
DEFAULTS: dict[str, dict[str, Any]] = {
    "local": {"width": 16, "depth": 4, "tied": False, "hard": False},
}


def make(config: Config, task: Any) -> Any:
    """Returns the model of a config, with as many tokens and answers as the task has."""
    own = MODELS[config.model.name]
    sizes = {"vocabulary": task.vocabulary, "classes": task.classes, "length": task.length}
    known = sizes | config.model.to_dict()
    return own(**{field.name: known[field.name] for field in dataclasses.fields(own)})


def validate(config: Config, task: Any) -> None:
    """Checks that the model of a config can be built; raises ConfigError."""
    one_of(config, "model.name", tuple(MODELS))
    for key in DEFAULTS[config.model.name]:
        check(
            key in config.model,
            f"model.name is {config.model.name!r}, but the config has no model.{key}",
        )
    try:
        make(config, task)
    except ValueError as error:
        check(False, f"model: {error}")
