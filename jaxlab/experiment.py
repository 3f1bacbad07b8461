"""The contracts of an experiment: with the loop, four pure functions and what members share; and
with the config, what its folder in `experiments/` provides.

The loop knows no task and no paper. It hands traced values to the functions below, vmaps or maps
them over the members of a group, and differentiates the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlab.config import Config

Values = Mapping[str, jax.Array]  # a member's traced values by dotted key, each a scalar
Batch = dict[str, Any]
Params = Any

# What a checkpoint's weights say of a member: its parameters by name, such as "head/kernel", to
# numbers by label.
Reading = Callable[[Mapping[str, np.ndarray]], dict[str, float]]

STREAMS = ("init", "fixed", "train", "eval")


class BatchId(NamedTuple):
    """Names a draw: with a member's values it decides every number of it."""

    split: str  # "fixed", "train" or "eval"
    step: jax.Array  # counts the batches of the split

    def key(self, values: Values) -> jax.Array:
        """Returns the random key of the member's seed and the split, the same at every step."""
        return stream_key(values["seed"], self.split)


def random_key(seed: jax.typing.ArrayLike) -> jax.Array:
    """Returns the random key of a seed, of one generator whatever JAX_DEFAULT_PRNG_IMPL says."""
    return jax.random.key(seed, impl="threefry2x32")


def stream_key(seed: jax.typing.ArrayLike, stream: str) -> jax.Array:
    """Returns the key of one of a seed's independent streams: init, fixed, train or eval."""
    return jax.random.fold_in(random_key(seed), STREAMS.index(stream))


class Shared(NamedTuple):
    """Something that all members with equal values of `depends` share, so it is made once for them.

    `make(batch, values, batch_id)` sees what the entries before it made (so `depends` must contain
    theirs) and the values that it depends on. It returns a dict to merge into the batch.
    """

    depends: tuple[str, ...]
    make: Callable[[Batch, Values, BatchId], Batch]


@dataclass(frozen=True, eq=False)
class Experiment:
    """What a hypothesis gives the loop.

    Attributes:
        init: (key, values) -> params, plain nested dicts of float32 arrays.
        loss: (params, batch, values) -> scalar float32 loss, a mean over the batch.
        evaluate: (params, batch, values) -> dict of scalars, `loss` among them.
        fixed: made once for a whole run (a teacher, say); its batch id is that of step 0.
        batch: made for every step, in order. Every array leads with the batch axis.
        data: arrays that every member reads (a corpus), put on the devices once.
        info: what to record of the data (hashes, versions), JSON-ready.
        frozen: top-level keys of params that do not learn; the optimiser holds nothing for them.
        start: top-level parts of params that replace what `init` draws, the same for every member:
            arrays on the host, too large to be constants of a program.
    """

    init: Callable[[jax.Array, Values], Params]
    loss: Callable[[Params, Batch, Values], jax.Array]
    evaluate: Callable[[Params, Batch, Values], dict[str, jax.Array]]
    batch: tuple[Shared, ...]
    fixed: tuple[Shared, ...] = ()
    data: Batch = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    start: Params = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentModule:
    """What `experiments/NAME/build.py` provides, as `EXPERIMENT`; NAME is `config.experiment`.

    Attributes:
        validate: raises ConfigError for a complete config that cannot run.
        unused_keys: the dotted keys of the experiment that a complete config does not use. To set
            one of them is an error.
        build: makes the experiment of a static config, which lacks all traced values.
        readings: what `scripts/inspect_checkpoint.py` can ask of the parameters of a member beside
            statistics, by name, for the member's complete config.
        costs: a line of what a member of a complete config costs, for `--dry_run`.
    """

    validate: Callable[[Config], None]
    unused_keys: Callable[[Config], set[str]]
    build: Callable[[Config], Experiment]
    readings: Callable[[Config], Mapping[str, Reading]] = lambda config: {}
    costs: Callable[[Config], str] | None = None
