"""Equal compute on a mixer of one layer, spent in several ways: the members of a sweep.

In series, layers that share their weights; in parallel, width, mixers that vote, or streams through
one mixer. `experiments.serial.ways` reads what came of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from jaxlab.config import Config

RATE = "optimizer.learning_rate"
# Eight times the FLOPs of one layer, to a few per cent: layers, times the width, mixers, streams.
EIGHT = {"depth": 8, "width": 3, "votes": 8, "streams": 8}
ONE = ("depth", 1)  # what all of them are compared with
MODELS = {"votes": "mixer_votes", "streams": "mixer_streams"}


def members(config: Config, keys: Iterable[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Yields the overrides of every condition, seed and rate; heads have one width."""
    for way, times in keys:
        wider = times if way == "width" else 1
        shape = {
            "model.name": MODELS.get(way, "mixer"),
            "model.depth": times if way == "depth" else 1,
            "model.width": wider * config.model.width,
            "model.heads": wider * config.model.heads,
        }
        if way in MODELS:
            shape["model.count"] = times
        for seed in range(config.seeds):
            for rate in config.rates:
                yield shape | {"seed": config.first_seed + seed, RATE: rate}


def keys(config: Config) -> list[tuple[str, int]]:
    """Returns the conditions of a config: its depths, and eight times the compute in other ways."""
    return [("depth", depth) for depth in config.depths] + [
        (way, EIGHT[way]) for way in config.ways
    ]
