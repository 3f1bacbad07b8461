"""The models by `model.name`, each with its sizes in the config."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from experiments.serial import named
from experiments.serial.blocks import Levels
from experiments.serial.parallel import Streams, Votes
from jaxlab.config import Config, ConfigError, check, one_of
from jaxlab.experiment import Values
from jaxlab.models.circuits.gates import Gates
from jaxlab.models.circuits.local import Local
from jaxlab.models.circuits.tree import Tree
from jaxlab.models.circuits.window import Window
from jaxlab.models.decoder import Decoder
from jaxlab.models.diffusion import Diffusion
from jaxlab.models.looped import Looped
from jaxlab.models.mixer import Mixer
from jaxlab.models.recurrent import Recurrent
from jaxlab.models.state_space import StateSpace

Sizes = Mapping[str, Any]
DEFAULTS: dict[str, dict[str, Any]] = {
    "local": {"width": 16, "depth": 4, "tied": False, "hard": False},
    "votes": {"width": 16, "depth": 1, "tied": False, "hard": False, "count": 4},
    "streams": {"width": 16, "depth": 1, "tied": False, "hard": False, "count": 4},
    "scratchpad": {"width": 16, "depth": 1, "tied": False, "hard": False},
    "diffusion": {"width": 24, "depth": 1, "tied": False, "hard": False, "target": "center"},
    "window": {"width": 16, "depth": 1},
    "gates": {"width": 32, "depth": 2},
    "mixer": {"width": 32, "heads": 8, "depth": 4, "tied": True},
    "mixer_votes": {"width": 32, "heads": 8, "depth": 1, "tied": True, "count": 4},
    "mixer_streams": {"width": 32, "heads": 8, "depth": 1, "tied": True, "count": 4},
    "tree": {"features": 64, "width": 512, "tied": True},
    "transformer": {
        "width": 64,
        "layers": 1,
        "heads": 4,
        "hidden": 128,  # units of the SwiGLU
        "loops": 1,
        "injected": False,
        "positions": True,
    },
    "looped": {
        "width": 64,
        "layers": 1,
        "heads": 4,
        "hidden": 128,
        "loops": 4,
        "injected": False,
        "positions": True,
    },
    "recurrent": {"width": 64, "depth": 1, "cell": "gru"},
    "state_space": {"width": 64, "depth": 1, "signed": True},
}


def own(kind: type, sizes: Sizes) -> Any:
    """Returns a model of sizes that have the names of its fields."""
    return kind(**{field.name: sizes[field.name] for field in dataclasses.fields(kind)})


def transformer(sizes: Sizes) -> Looped:
    """Returns a decoder that begins with a token of its own, looped or not."""
    decoder = Decoder(
        vocabulary=sizes["vocabulary"] + 1,
        width=sizes["width"],
        layers=sizes["layers"],
        heads=sizes["heads"],
        kv_heads=sizes["heads"],
        hidden=sizes["hidden"],
        rope_base=10_000,
        dtype="float32",
        attention="xla",
        scanned=False,
        rematerialized=False,
    )
    return own(Looped, {**sizes, "decoder": decoder})


MODELS: dict[str, Callable[[Sizes], Any]] = {
    "local": lambda sizes: own(Local, sizes),
    "votes": lambda sizes: Votes(own(Local, sizes), sizes["count"], counted=False),
    "streams": lambda sizes: Streams(own(Local, sizes), sizes["count"]),
    "scratchpad": lambda sizes: own(Local, sizes),  # rolled out in its evaluation
    "diffusion": lambda sizes: Diffusion(circuit=own(Local, sizes), target=sizes["target"]),
    "window": lambda sizes: own(Window, sizes),
    "gates": lambda sizes: own(Gates, {**sizes, "hard": False, "wiring": 0}),  # see `wired`
    "mixer": lambda sizes: own(Mixer, sizes),
    "mixer_votes": lambda sizes: Votes(own(Mixer, sizes), sizes["count"], counted=False),
    "mixer_streams": lambda sizes: Streams(own(Mixer, sizes), sizes["count"]),
    "tree": lambda sizes: Levels(own(Tree, sizes)),
    "transformer": transformer,
    "looped": transformer,  # read after each loop in its evaluation
    "recurrent": lambda sizes: own(Recurrent, sizes),
    "state_space": lambda sizes: own(StateSpace, sizes),
}


SET_BY_TASKS = ("vocabulary", "classes", "length", "fan_in", "depth")  # the last two: by some


def defaults(name: str) -> dict[str, Any]:
    """Returns the values of a config that a model reads, with their defaults."""
    if not named.is_path(name):
        return DEFAULTS[name]
    return named.defaults(named.find(name, MODELS), given=SET_BY_TASKS[:3])


def make(config: Config, task: Any) -> Any:
    """Returns the model of a config, with as many tokens and answers as the task has."""
    sizes = {name: getattr(task, name) for name in SET_BY_TASKS if hasattr(task, name)}
    sizes |= config.model.to_dict()
    name = config.model.name
    return own(named.find(name, MODELS), sizes) if named.is_path(name) else MODELS[name](sizes)


def tested(model: Any) -> Any:
    """Returns the model that is evaluated: gates are mixtures and votes apart while they learn."""
    if isinstance(model, Gates):
        return dataclasses.replace(model, hard=True)
    return dataclasses.replace(model, counted=True) if isinstance(model, Votes) else model


def wired(model: Any, values: Values) -> Any:
    """Returns the model of a member: the wiring of gates is that of its seed."""
    if isinstance(model, Gates):
        return dataclasses.replace(model, wiring=values["seed"])
    return model


def validate(config: Config, task: Any) -> None:
    """Checks that the model of a config can be built; raises ConfigError."""
    if not named.is_path(config.model.name):
        one_of(config, "model.name", tuple(MODELS))
    for key in defaults(config.model.name):
        check(
            key in config.model,
            f"model.name is {config.model.name!r}, but the config has no model.{key}",
        )
    try:
        make(config, task)
    except ValueError as error:
        raise ConfigError(f"model: {error}") from error
