"""What every config shares: the base, the split into static and traced values, and its file.

A config holds every value that runs. **The type of a value decides what it is**: a float, or one of
`TRACED_INTEGERS`, only flows into arithmetic, so it is *traced*: an argument of the compiled
program, free to differ between the members of a group. Everything else (ints, strings, booleans,
tuples) shapes the program, so it is *static*: members that differ in it belong to different groups.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from ml_collections import ConfigDict, FrozenConfigDict

# Integers by nature, but no shape depends on them: the rule and the steps of an automaton too.
TRACED_INTEGERS = ("seed", "task.rule", "task.time")

# Which members a sweep adds, not what any of them computes: a study can get more seeds later, and
# more of the conditions that its file knows by name.
SEED_KEYS = ("seeds", "first_seed", "conditions")

# The names that may be chosen, and the keys beside the learning rate that each reads.
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "normalized": (),
    "sign": (),
    "adam": ("b1", "b2", "eps"),
    "adamw": ("b1", "b2", "eps", "weight_decay"),
    "muon": ("momentum",),
}
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": (),
    "linear": ("final",),
    "cosine": ("final",),
    "wsd": ("decay", "final"),
    "power": ("power",),
}
AVERAGES: dict[str, tuple[str, ...]] = {"none": (), "ema": ("decay",), "polynomial": ("power",)}

# A ConfigDict; as Any, since the types of its attributes are those of its values.
Config: TypeAlias = Any
Overrides = Mapping[str, Any]  # dotted key -> value, e.g. {"optimizer.learning_rate": 0.1}


class ConfigError(ValueError):
    """A config that cannot run: the message says what is wrong, where, and what to do."""


def base() -> Config:
    """Returns the values that every experiment has; an experiment adds `task` and `model`."""
    return ConfigDict(
        {
            "study": "",  # the figure or table that the config stands for
            "experiment": "",  # a package below experiments/
            "seed": 0,
            "task": {},
            "model": {},
            "optimizer": {
                "name": "adam",  # see OPTIMIZERS
                "learning_rate": 1e-3,  # the peak of the schedule; of "power": the first rate
                "momentum": 0.9,  # momentum, muon
                "b1": 0.9,  # adam, adamw
                "b2": 0.999,
                "eps": 1e-8,
                "weight_decay": 0.0,  # adamw only
                "clip_norm": 0.0,  # on the global gradient norm; 0 is off
            },
            "schedule": {
                "name": "constant",  # see SCHEDULES
                "warmup": 0.0,  # fraction of the steps, linear from 0; for every schedule
                "decay": 0.2,  # wsd only: fraction of the steps that decays, at the end
                "final": 0.1,  # linear, cosine, wsd: the last rate as a fraction of the peak
                "power": 0.5,  # power only: the rate goes as (1 + step / offset)^power
                "offset": 100.0,  # steps; of the powers above and below
                "weight_growth": 0.0,  # all weights are scaled as (1 + step / offset)^weight_growth
            },
            "train": {
                "steps": 1000,
                "batch_size": 1024,
                "accumulate": 1,  # micro-batches per step
                "compute_dtype": "float32",  # or bfloat16; losses and parameters stay float32
            },
            "average": {  # of the weights over time, evaluated beside them
                "name": "none",  # none, ema, polynomial
                "decay": 0.999,  # ema only
                "power": 8.0,  # polynomial only: weight t^power of step t; 0 is the plain mean
            },
            "records": {  # when metrics are written: dense at first, at most every_steps apart
                "every_steps": 100,
                "per_decade": 0,  # records per factor of ten in steps; 0 is regular spacing
            },
            "eval": {"batches": 4},  # fresh batches per record
            "checkpoint": {
                "every_steps": 0,  # 0 is a tenth of the run; a save falls on a record if it can
                "keep": 2,  # the latest ones: should one be damaged, there is another
                "keep_per_decade": 0,  # and log-spaced ones, kept for ever
            },
            "devices": {
                # Devices (for members, sharing the batches and large parameters of each); 0: free.
                "mesh": (0, 0),
                "members_at_once": 0,  # members vmapped together; 0: all, but 1 on a CPU
                "max_members": 0,  # members in one program; 0: what fits the memory
            },
        }
    )


def leaves(config: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Returns (dotted key, value) for every value of a config, in the order of the keys."""
    values: Any = config if isinstance(config, dict) else config._fields
    result = []
    for key in sorted(values):
        value = values[key]
        if isinstance(value, ConfigDict | dict):
            result += leaves(value, f"{prefix}{key}.")
        else:
            result.append((prefix + key, value))
    return result


# A sweep of a thousand groups makes thousands of configs. The constructor of ConfigDict takes 1.3
# ms and `to_dict` 0.3, for they set and get each value with all checks; these take 0.07 and 0.03.
def _dicts(config: Config) -> dict[str, Any]:
    """Returns a config as dicts in dicts."""
    return {
        key: _dicts(value) if isinstance(value, ConfigDict) else value
        for key, value in config._fields.items()
    }


def _config(values: Mapping[str, Any]) -> Config:
    """Returns a config that holds dicts in dicts."""
    result: Any = ConfigDict()
    made = {
        key: _config(value) if isinstance(value, dict) else value for key, value in values.items()
    }
    result._fields.update(made)
    return result


def is_traced(key: str, value: Any) -> bool:
    """Whether a value is an argument of the compiled program rather than a part of it."""
    return key in TRACED_INTEGERS or isinstance(value, float)


def split(config: Config) -> tuple[Config, dict[str, float]]:
    """Splits a config into its static part and its traced values by dotted key.

    The static part lacks the traced keys altogether, so code that reads one at build time fails
    instead of baking a member's number into the program of the whole group.
    """
    static = _config(_dicts(config))
    values = {key: value for key, value in leaves(config) if is_traced(key, value)}
    for key in values:
        parent, _, name = key.rpartition(".")
        del (get(static, parent) if parent else static)[name]
    return FrozenConfigDict(static), values


def override(config: Config, overrides: Overrides) -> Config:
    """Returns a copy with some values replaced; a tuple may change its length.

    Raises:
        ConfigError: for a key that the config does not have, or a value of another type.
    """
    result = _config(_dicts(config))
    known = dict(leaves(config))
    for key, value in overrides.items():
        put(result, key, converted(known, key, value))
    return result


def converted(known: Mapping[str, Any], key: str, value: Any) -> Any:
    """Returns a new value for a key in the type that the config has there: 1 as 1.0, say.

    Args:
        known: the values of the config by dotted key; see `leaves`.
        key: the dotted key that is to change.
        value: the new value.

    Raises:
        ConfigError: for a key that the config does not have, or a value of another type.
    """
    if key not in known:
        close = [name for name in known if name.startswith(f"{key}.")]
        if close:
            raise ConfigError(f"{key} is a section: set one of its keys, such as {close[0]}")
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
        raise ConfigError(f"the config has no key {key!r}: {hint}")
    old = known[key]
    if isinstance(old, tuple) and isinstance(value, tuple):
        return _converted_tuple(key, old, value)
    if isinstance(old, float) and _is_number(value):
        return float(value)  # NumPy's floats are floats too
    if type(value) is not type(old):
        raise ConfigError(
            f"{key} is {type(old).__name__} ({old!r}) in the config, but a sweep or flag sets "
            f"{type(value).__name__} {value!r}: the type must stay {type(old).__name__}"
        )
    return value


def _converted_tuple(key: str, old: tuple, value: tuple) -> tuple:
    """Returns the tuple with elements of the types that the old one has; its length is free."""
    types = {type(item) for item in old}
    if float in types and int not in types:
        value = tuple(float(item) if _is_number(item) else item for item in value)
    wrong = [item for item in value if types and type(item) not in types]
    if wrong:
        names = " or ".join(sorted(kind.__name__ for kind in types))
        raise ConfigError(
            f"{key} holds {names} ({old!r}) in the config, but a sweep or flag sets {value!r}: "
            f"{wrong[0]!r} is {type(wrong[0]).__name__}"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def get(config: Config, key: str) -> Any:
    """Returns the value at a dotted key."""
    for name in key.split("."):
        config = config[name]
    return config


def put(config: Config, key: str, value: Any) -> None:
    """Changes the value at a dotted key."""
    *parents, name = key.split(".")
    for parent in parents:
        config = config[parent]
    config[name] = value


def check(condition: bool, message: str) -> None:
    """Raises ConfigError with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def one_of(config: Config, key: str, names: tuple[str, ...]) -> None:
    """Raises ConfigError unless the value at a dotted key is one of the names."""
    value = get(config, key)
    check(value in names, f"{key} is {value!r}: choose one of {', '.join(names)}")


def fingerprint(value: Any) -> str:
    """Returns eight hex digits that change when any value of a config (or a list of them) does."""
    text = json.dumps(plain(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def plain(value: Any) -> Any:
    """Returns what JSON can hold of a config, or of a list of them."""
    if isinstance(value, ConfigDict | dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def from_plain(value: Mapping[str, Any]) -> Config:
    """Returns the config that JSON holds; lists come back as tuples, which is what configs hold."""
    return _config(tuples(value))


def tuples(value: Any) -> Any:
    """Returns what JSON holds with tuples in place of lists."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(tuples(item) for item in value) if isinstance(value, list) else value


def differing_keys(old: Config, new: Config, ignore: Iterable[str] = ()) -> list[str]:
    """Returns a line per key whose value differs: 'key: old -> new'.

    Args:
        old, new: two configs.
        ignore: dotted keys that may differ.
    """
    a, b = dict(leaves(old)), dict(leaves(new))
    missing = "(absent)"
    return [
        f"{key}: {a.get(key, missing)} -> {b.get(key, missing)}"
        for key in sorted((a.keys() | b.keys()).difference(ignore))
        if a.get(key, missing) != b.get(key, missing)
    ]


def choose(arg: str | None, sizes: Mapping[str, Overrides], default: str = "default") -> Overrides:
    """Returns the overrides of a named size: the part after the colon in `--config=FILE.py:SIZE`.

    Raises:
        ConfigError: for a size that the config file does not offer.
    """
    name = arg or default
    check(name in sizes, f"this config has no size {name!r}: choose one of {', '.join(sizes)}")
    return sizes[name]
