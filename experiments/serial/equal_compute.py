"""Equal compute on a mixer of one layer, spent under several conditions: the members of a sweep.

In series, layers that share their weights; in parallel, width, mixers that vote, or streams through
one mixer. `experiments.serial.conditions` reads what came of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from jaxlab.config import Config

RATE = "optimizer.learning_rate"
# Eight times the FLOPs of one layer, to a few per cent: layers, times the width, mixers, streams.
EIGHT = {"depth": 8, "width": 3, "votes": 8, "streams": 8}
ONE = ("depth", 1)  # what all of them are compared with
DEEP = ("depth", EIGHT["depth"])
MODELS = {"votes": "mixer_votes", "streams": "mixer_streams"}
Condition = tuple[str, int]  # what compute is spent on, and how many of it


def members(config: Config, conditions: Iterable[Condition]) -> Iterator[dict[str, Any]]:
    """Yields the overrides of every condition, seed and rate; heads have one width."""
    for name, times in conditions:
        wider = times if name == "width" else 1
        shape = {
            "model.name": MODELS.get(name, "mixer"),
            "model.depth": times if name == "depth" else 1,
            "model.width": wider * config.model.width,
            "model.heads": wider * config.model.heads,
        }
        if name in MODELS:
            shape["model.count"] = times
        for seed in range(config.seeds):
            for rate in config.rates:
                yield shape | {"seed": config.first_seed + seed, RATE: rate}


def conditions(config: Config) -> list[Condition]:
    """Returns the depths of a config, and eight times the compute spent in its other ways."""
    return [("depth", depth) for depth in config.depths] + [
        (name, EIGHT[name]) for name in config.parallel
    ]
